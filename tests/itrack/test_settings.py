"""Settings come from where they should, and never give a secret away."""

from __future__ import annotations

import pytest

from itrack.errors import FixConfiguration
from itrack.settings import apply_flags, load_settings


def test_environment_wins_over_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable changes its setting."""
    monkeypatch.setenv("ITRACK_MAP_PORT", "8080")
    assert load_settings().map_port == 8080


def test_offset_moves_every_port_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second stack can run beside the first with one setting, and a port that was chosen stays chosen."""
    monkeypatch.setenv("ITRACK_PORT_OFFSET", "100")
    monkeypatch.setenv("ITRACK_MAP_PORT", "8080")
    settings = load_settings()
    assert (settings.mongodb_port, settings.map_port) == (21117, 8080)


def test_bad_value_is_named_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which variable is wrong and keeps every value, secret or not, out."""
    monkeypatch.setenv("ITRACK_TRACCAR_TOKEN", "sesame-opens")
    monkeypatch.setenv("ITRACK_MAP_PORT", "not-a-port")
    with pytest.raises(FixConfiguration, match="ITRACK_MAP_PORT") as error:
        load_settings()
    assert "sesame" not in str(error.value)
    assert "not-a-port" not in str(error.value)


def test_secrets_print_as_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings, as a traceback or a debugger does, shows no secret."""
    monkeypatch.setenv("ITRACK_TRACCAR_TOKEN", "sesame-opens")
    monkeypatch.setenv("ITRACK_MONGODB_URI", "mongodb://user:sesame@db/")
    assert "sesame" not in repr(load_settings())


def test_half_a_sign_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An e-mail without a password is a mistake that is found at the start, not at the first request."""
    monkeypatch.setenv("ITRACK_TRACCAR_EMAIL", "me@example.org")
    with pytest.raises(FixConfiguration, match="go together"):
        load_settings()


def test_flag_sets_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--set` reaches this process and, through the environment, its children."""
    monkeypatch.delenv("ITRACK_MAP_PORT", raising=False)
    monkeypatch.setenv("ITRACK_HOME", "before")  # so that the variable is put back after the test
    apply_flags(["home=after"])
    assert str(load_settings().home) == "after"


@pytest.mark.parametrize("flag", ["no_such_setting=1", "map_port", "traccar_token=sesame", "mongodb_uri=mongodb://x"])
def test_flag_that_should_not_be_is_refused(flag: str) -> None:
    """A misspelt setting is named instead of ignored, and a secret never stands in the process list."""
    with pytest.raises(FixConfiguration):
        apply_flags([flag])
