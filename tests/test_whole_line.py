"""The whole line on real components: recorded walks go in as phone reports and come out at every end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.line import own_environment, own_settings

pytestmark = [pytest.mark.services, pytest.mark.spark, pytest.mark.timeout(600)]

_TRACKS, _FIXES = 7, 3087
_STAYPOINTS, _TRIPS, _GAPS, _ANOMALIES = 31, 27, 6, 2
"""What the recorded tracks hold. Stops of five minutes and more were checked by hand, see
`trajectory/test_real_tracks.py`; the others are what two minutes of dwell time add."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, downloads: Path, jars: Path) -> Mapping[str, str]:
    """That of a line of its own."""
    assert jars.is_dir()
    return own_environment(own_settings(tmp_path_factory.mktemp("line"), downloads))


@pytest.fixture(scope="module")
def counts(
    environment: Mapping[str, str], real_tracks: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What one trial with the recorded tracks counted."""
    file = tmp_path_factory.mktemp("counts") / "counts.json"
    command = [sys.executable, "-m", "itrack", "demo", "--once", "--tracks", str(real_tracks), "--json", str(file)]
    done = subprocess.run(
        [*command, "--rate", "100"], env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    counted: dict[str, Any] = json.loads(file.read_text())
    return counted


def test_every_fix_is_stored_exactly_once(counts: dict[str, Any]) -> None:
    """Every recorded fix, those with clocks of 1901 included, is in MongoDB once."""
    assert (counts["fixes_sent"], counts["fixes_stored"], counts["lost"]) == (_FIXES, _FIXES, 0)


def test_every_fix_is_on_kafka_at_least_once(counts: dict[str, Any]) -> None:
    """The topic of fixes holds each of them, and nothing that is not one of them."""
    assert counts["kafka_distinct_fixes"] == _FIXES
    assert counts["kafka_messages"] >= _FIXES


def test_people_who_stopped_have_stops(counts: dict[str, Any]) -> None:
    """Stops, trips, gaps and anomalies are those of the recorded tracks, each found once.

    A track's last stop, and the trip to it, may not be known yet when the trial ends: silence must reveal them.
    """
    assert _STAYPOINTS - _TRACKS <= counts["staypoints"] <= _STAYPOINTS
    assert _TRIPS - _TRACKS <= counts["trips"] <= _TRIPS
    assert (counts["gaps"], counts["anomalies"]) == (_GAPS, _ANOMALIES)


def test_workbooks_hold_what_the_manifests_say(counts: dict[str, Any]) -> None:
    """Rows counted by opening the Excel and Parquet files on S3 equal the manifests' and MongoDB's."""
    assert counts["excel_rows"] == counts["parquet_rows"] == counts["manifest_rows"] == _FIXES


def test_model_is_on_s3(counts: dict[str, Any]) -> None:
    """Training ran on the export and left a model at the address it names."""
    assert counts["model_uri"].startswith("s3://itrack-data/models/")


def test_latency_was_measured(counts: dict[str, Any]) -> None:
    """Fixes were seen on the map and events by a reader: a trial that nobody could watch measures nothing."""
    for name in ("osmand_to_map", "fix_to_event"):
        assert counts["latency_ms"][name]["p95"] > 0


def test_stack_fits_into_four_gib(counts: dict[str, Any]) -> None:
    """All processes together stay under 4 GiB of resident memory."""
    assert 0 < counts["peak_rss_mib"] < 4096


def test_nothing_is_left_running(counts: dict[str, Any], environment: Mapping[str, str]) -> None:
    """After the trial none of its processes is there."""
    home = environment["ITRACK_HOME"]
    left = [each for each in psutil.process_iter(["cmdline"]) if home in " ".join(each.info["cmdline"] or ())]
    assert counts["problems"] == []
    assert left == []
