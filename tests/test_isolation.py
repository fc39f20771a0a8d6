"""The tests keep away from what a developer has set: their real MongoDB, Kafka, S3 and Traccar."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from itrack.settings import Settings, load_settings

_DEFAULTS = {name: field.get_default() for name, field in Settings.model_fields.items()}


@pytest.mark.usefixtures("jars")
def test_every_setting_has_its_default() -> None:
    """Neither a test nor a program that it starts has a setting that the test did not give."""
    assert load_settings().model_dump() == _DEFAULTS
    code = "from itrack.settings import *; print(load_settings().model_dump())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(_DEFAULTS)


def test_a_developers_settings_are_dropped(downloads: Path, tmp_path: Path) -> None:
    """With addresses in the environment and in `.env`, the test above holds all the same; only downloads are kept."""
    (tmp_path / ".env").write_text(
        "ITRACK_MONGODB_URI=mongodb://real.example\nITRACK_TRACCAR_URL=http://real.example\n"
    )
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "jars").symlink_to(downloads / "jars")
    theirs = {
        "ITRACK_HOME": str(tmp_path / "home"),
        "ITRACK_KAFKA_BOOTSTRAP": "real.example:9092",
        "itrack_s3_endpoint_url": "aws",
        "ITRACK_PORT_OFFSET": "100",
    }
    test = f"{__file__}::{test_every_setting_has_its_default.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(
        command, env={**os.environ, **theirs}, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
