"""A line of its own: what a test needs to start programs that meet nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

from infra.parts import settings_environment
from itrack.settings import Settings, load_settings
from tests.support.ports import free_ports

__all__ = ["own_environment", "own_settings"]

_DOWNLOADED = ("jars", "java")


def own_settings(home: Path, downloads: Path) -> Settings:
    """Settings of a line in an empty folder, on free ports.

    Args:
        home: the empty folder, for data and logs.
        downloads: the folder in whose `jars` and `java` lies what was downloaded before; what is missing goes there.
    """
    for name in _DOWNLOADED:
        (downloads / name).mkdir(parents=True, exist_ok=True)
        (home / name).symlink_to(downloads / name)
    names = [name for name in Settings.model_fields if name.endswith("_port")]
    return load_settings(home=home, **dict(zip(names, free_ports(len(names)), strict=True)))


def own_environment(settings: Settings) -> dict[str, str]:
    """The environment in which a command started by hand has these settings."""
    return {**os.environ, **settings_environment(settings)}
