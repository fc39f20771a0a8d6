"""Explaining a fix and judging a day anew, from a real MongoDB."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from itrack.cli import app
from itrack.day import Day
from itrack.errors import FixConfiguration
from itrack.fix import Fix
from itrack.forgotten import note_forgotten
from itrack.mongo import FINDINGS, FIXES, open_database
from itrack.settings import Settings
from itrack.trajectory.rules import Rules
from itrack.wire import document_of, fix_document
from streaming.explaining import explain_fix
from streaming.replaying import replay_day
from tests.trajectory.ledger import batch_findings
from tests.trajectory.tracks import NOON, fix, walk

pytestmark = pytest.mark.services

DAY = Day(NOON.date())
TRACK = [
    *walk(0, 600, 0, 840),
    *[fix(600 + 20 * number, 845) for number in range(1, 31)],
    replace(fix(1210, 40_000), fix_id="main:777"),
    *walk(1220, 1800, 850, 1660),
]


@pytest.fixture
def stored(settings: Settings) -> Settings:
    """The track is in MongoDB, and nothing was judged."""
    database = open_database(settings, part="tests")
    database[FIXES].insert_many([fix_document(one) for one in TRACK])
    database.client.close()
    return settings


def test_a_fix_is_explained(stored: Settings) -> None:
    """A fix at a stop, one on the way and one that jumped: used or not, why, and what each is a part of."""
    at_stop = explain_fix(stored, "main:800000")
    assert at_stop.is_used
    assert "part of a stop" in " ".join(at_stop.sentences)
    on_the_way = explain_fix(stored, "main:200000")
    assert "part of a trip" in " ".join(on_the_way.sentences)
    jump = explain_fix(stored, "main:777")
    assert (jump.is_used, jump.flag) == (False, "impossible_jump")
    assert "there and back" in jump.sentences[0]
    assert jump.rules == Rules().name


def test_a_fix_that_is_not_there_is_said_so(stored: Settings) -> None:
    """The sentence names the identifier and how one looks."""
    with pytest.raises(FixConfiguration, match=r"no fix 'main:1'.*main:12345"):
        explain_fix(stored, "main:1")


def write_findings(settings: Settings, fixes: list[Fix]) -> None:
    database = open_database(settings, part="tests")
    for finding in batch_findings(fixes, Rules(), NOON + timedelta(days=300)).values():
        database[FINDINGS[type(finding)]].insert_one(document_of(finding))
    database.client.close()


def test_a_day_judged_anew_tells_what_is_stored_otherwise(stored: Settings) -> None:
    """With nothing stored all is missing; with what the fixes tell nothing is; without one fix something differs."""
    assert len(replay_day(stored, "main:7", DAY).missing) > 3
    write_findings(stored, TRACK)
    replayed = replay_day(stored, "main:7", DAY)
    assert replayed.is_as_stored
    assert replayed.found["staypoint"] == 2
    database = open_database(stored, part="tests")
    for name in FINDINGS.values():
        database[name].delete_many({})
    database.client.close()
    write_findings(stored, TRACK[:-60])
    assert not replay_day(stored, "main:7", DAY).is_as_stored


def test_the_commands_tell_it_in_words(stored: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """`itrack explain` and `itrack replay-day` print the story, in the day's own time zone."""
    monkeypatch.setenv("ITRACK_MONGODB_URI", stored.mongodb_address)
    monkeypatch.setenv("ITRACK_MONGODB_DATABASE", stored.mongodb_database)
    said = CliRunner().invoke(app, ["explain", "main:777"])
    assert "kept and not used: impossible jump" in said.output
    said = CliRunner().invoke(app, ["replay-day", "main:7", "2026-05-04", "--zone", "Europe/Berlin"])
    assert "14:10 to 14:20  stop" in said.output
    assert "MongoDB lacks" in said.output


def test_what_was_deleted_is_not_judged_away(stored: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a day whose fixes may be gone no repair is asked for, and the difference is explained."""
    monkeypatch.setenv("ITRACK_MONGODB_URI", stored.mongodb_address)
    monkeypatch.setenv("ITRACK_MONGODB_DATABASE", stored.mongodb_database)
    database = open_database(stored, part="tests")
    note_forgotten(database, DAY.starts_at)
    assert not replay_day(stored, "main:7", DAY).is_forgotten
    note_forgotten(database, DAY.starts_at + timedelta(seconds=1))
    database.client.close()
    said = CliRunner().invoke(app, ["replay-day", "main:7", str(DAY), "--zone", "UTC", "--repair"])
    assert "may have been deleted" in said.output
    assert isinstance(said.exception, FixConfiguration)
