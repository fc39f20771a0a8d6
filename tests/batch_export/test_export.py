"""Exports against the real MongoDB and S3: every row arrives in every form, and what does not is told."""

import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from pymongo.database import Database
from typer.testing import CliRunner

from batch_export.export import export_day, run
from batch_export.tables import TABLES
from itrack.cli import app
from itrack.dataset import Manifest, decode_manifest, manifest_key
from itrack.day import Day
from itrack.device import Device
from itrack.errors import FixConfiguration, TryAgain
from itrack.fix import Fix
from itrack.lease import Lease
from itrack.mobility import Anomaly, Gap, Severity, Staypoint, Trip
from itrack.mongo import ANOMALIES, BOOKMARKS, DEVICES, FIXES, GAPS, STAYPOINTS, TRIPS, Document
from itrack.s3 import open_s3
from itrack.settings import Settings
from itrack.wire import document_of, fix_document

pytestmark = pytest.mark.services

AT = datetime(2026, 3, 29, 10, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://evil","Anna")'


def fix(number: int, at: datetime = AT, **fields: Any) -> Fix:
    """A fix of one phone."""
    return Fix(
        **{  # type: ignore[arg-type]
            "fix_id": f"main:{number}",
            "device_id": "main:1",
            "fixed_at": at,
            "device_at": at,
            "server_at": at,
            "latitude_deg": 52.0,
            "longitude_deg": 13.0,
            **fields,
        }
    )


def store(database: Database[Document], *fixes: Fix) -> None:
    """Write fixes as the bridge does."""
    database[FIXES].insert_many([fix_document(fix) for fix in fixes])


def content(settings: Settings, key: str) -> bytes:
    """An object on S3."""
    return open_s3(settings).get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()


def parquet(settings: Settings, manifest: Manifest, table: str) -> list[dict[str, Any]]:
    """The rows of a table as a reader of S3 finds them."""
    rows: list[dict[str, Any]] = pq.read_table(
        io.BytesIO(content(settings, manifest.parquet_of(table).key))
    ).to_pylist()
    return rows


def workbook(settings: Settings, manifest: Manifest) -> Any:
    """The workbook as a person opens it."""
    key = next(file.key for file in manifest.files if file.format == "xlsx")
    return load_workbook(io.BytesIO(content(settings, key)))


def test_every_recorded_fix_is_exported_once(settings: Settings, stored_fixes: list[Fix]) -> None:
    """Real tracks, wrong clocks among them: rows in MongoDB, Parquet, the workbooks and the manifests are equal."""
    result = run(settings, all_days=True)
    days = Counter(Day.of(fix.fixed_at).date for fix in stored_fixes)
    assert {manifest.day: manifest.tables["fixes"].parquet_rows for manifest in result.days} == dict(days)
    assert any(day.year == 1901 for day in days)
    assert result.excel_rows == result.parquet_rows == result.manifest_rows == result.fix_rows == len(stored_fixes)
    assert result.problems == []
    found: list[str] = []
    in_workbooks = 0
    for day in days:
        manifest = decode_manifest(content(settings, manifest_key(day)))
        found += [row["fix_id"] for row in parquet(settings, manifest, "fixes")]
        in_workbooks += workbook(settings, manifest)["Fixes"].max_row - 1
    assert sorted(found) == sorted(fix.fix_id for fix in stored_fixes)
    assert in_workbooks == len(stored_fixes)


def test_a_repeat_overwrites_and_gives_the_same_tables(settings: Settings, database: Database[Document]) -> None:
    """Exporting twice leaves one set of files, and the tables' hashes do not change without reason."""
    store(database, *(fix(n, AT + timedelta(seconds=n)) for n in range(50)))
    first = run(settings, day="2026-03-29").days[0]
    second = run(settings, day="2026-03-29").days[0]
    hashes = [{f.key: f.sha256 for f in manifest.files if f.format == "parquet"} for manifest in (first, second)]
    assert hashes[0] == hashes[1]
    listed = open_s3(settings).list_objects_v2(Bucket=settings.s3_bucket, Prefix="exports/")["Contents"]
    assert len(listed) == len(TABLES) + 2


def test_an_empty_day_has_all_its_files(settings: Settings) -> None:
    """A day without fixes is told apart from a day that was never exported."""
    manifest = run(settings, day="2026-03-29").days[0]
    assert manifest.rows == 0
    assert manifest.problems == []
    assert [sheet.title for sheet in workbook(settings, manifest)] == ["About", *(table.sheet for table in TABLES)]
    assert all(parquet(settings, manifest, table.name) == [] for table in TABLES)


def test_a_day_is_cut_in_its_zone(settings: Settings, database: Database[Document]) -> None:
    """On the day the clocks go forward in Berlin, 23 hours belong to it and neither neighbour's fix does."""
    hours = [datetime(2026, 3, 28, 22, 30, tzinfo=UTC) + timedelta(hours=n) for n in range(26)]
    store(database, *(fix(n, at) for n, at in enumerate(hours)))
    manifest = run(settings, day="2026-03-29", zone="Europe/Berlin").days[0]
    assert manifest.tables["fixes"].parquet_rows == 23
    sheet = workbook(settings, manifest)["Fixes"]
    header = [cell.value for cell in sheet[1]]
    row = dict(zip(header, [cell.value for cell in sheet[2]], strict=True))
    assert row["Measured at (Europe/Berlin)"] == datetime(2026, 3, 29, 0, 30)  # noqa: DTZ001 - Excel has no zones
    assert row["UTC offset"] == "UTC+01:00"


def test_every_table_carries_its_records(settings: Settings, database: Database[Document]) -> None:
    """Stops, trips, gaps and anomalies reach both forms with their values, and an open stop has no end."""
    rows = {
        STAYPOINTS: Staypoint(
            staypoint_id="s", device_id="main:1", started_at=AT, ended_at=None, last_fixed_at=AT,
            latitude_deg=52.0, longitude_deg=13.0, fix_count=3, judged_at=AT, rules="r",
        ),
        TRIPS: Trip(
            trip_id="t", device_id="main:1", started_at=AT, ended_at=AT + timedelta(minutes=30),
            from_staypoint_id="s", to_staypoint_id=None, distance_m=1234.5, fix_count=9, judged_at=AT, rules="r",
        ),
        GAPS: Gap(gap_id="g", device_id="main:1", started_at=AT, ended_at=AT, beeline_m=10.0, judged_at=AT, rules="r"),
        ANOMALIES: Anomaly(
            anomaly_id="a", device_id="main:1", kind="k", severity=Severity.HIGH, happened_at=AT,
            sentence="@SUM(1+1)", fix_id=None, judged_at=AT, rules="r",
        ),
    }  # fmt: skip
    for collection, record in rows.items():
        database[collection].insert_one(document_of(record))
    manifest = run(settings, day="2026-03-29").days[0]
    assert parquet(settings, manifest, "staypoints")[0]["ended_at"] is None
    assert parquet(settings, manifest, "trips")[0]["distance_m"] == 1234.5
    assert parquet(settings, manifest, "anomalies")[0]["sentence"] == "@SUM(1+1)"
    opened = workbook(settings, manifest)
    assert all(opened[name].max_row == 2 for name in ("Staypoints", "Trips", "Gaps", "Anomalies"))
    header = [cell.value for cell in opened["Trips"][1]]
    assert opened["Trips"][2][header.index("Duration (min)")].value == 30
    assert "'@SUM(1+1)" in [cell.value for cell in opened["Anomalies"][2]]


def test_a_hostile_name_is_harmless_in_the_workbook(settings: Settings, database: Database[Document]) -> None:
    """A phone named like a formula is shown as text, and stays out of Parquet altogether."""
    database[DEVICES].insert_one(document_of(Device(device_id="main:1", unique_id="u", name=FORMULA)))
    store(database, fix(1, attributes_json='=cmd|"/c calc"!A0'))
    manifest = run(settings, day="2026-03-29").days[0]
    cells = list(workbook(settings, manifest)["Fixes"][2])
    assert cells[0].value == f"'{FORMULA}"
    assert all(cell.data_type != "f" for cell in cells)
    assert FORMULA not in json.dumps(parquet(settings, manifest, "fixes"), default=str)


def test_a_record_that_cannot_be_read_is_told(settings: Settings, database: Database[Document]) -> None:
    """What is in MongoDB but in no file makes the command fail with a sentence, and the rest is still exported."""
    store(database, fix(1))
    database[FIXES].insert_one({**fix_document(fix(2)), "schema": 99})
    result = run(settings, day="2026-03-29")
    assert result.days[0].tables["fixes"].unreadable == 1
    assert result.parquet_rows == 1
    assert "1 records of fixes" in result.problems[0]


def test_a_day_that_fills_during_its_export_is_written_again(settings: Settings, database: Database[Document]) -> None:
    """A fix that arrives while rows are read is either in every form or makes the day start over."""
    store(database, fix(1))
    late = iter([fix(2)])

    def arrive() -> None:
        for one in late:
            store(database, one)

    manifest = export_day(database, open_s3(settings), settings, Day(date(2026, 3, 29)), check=arrive)
    assert manifest.problems == []
    assert manifest.tables["fixes"].parquet_rows == 2


def test_a_day_that_never_stops_filling_is_told(settings: Settings, database: Database[Document]) -> None:
    """After three tries the manifest says that the counts do not agree."""
    store(database, fix(0))
    numbers = iter(range(1, 100))
    manifest = export_day(
        database, open_s3(settings), settings, Day(date(2026, 3, 29)), check=lambda: store(database, fix(next(numbers)))
    )
    assert "still filling" in manifest.problems[0]


def test_a_day_that_is_not_over_says_so(settings: Settings, database: Database[Document]) -> None:
    """Whoever reads the day later knows that more may have come."""
    manifest = export_day(database, open_s3(settings), settings, Day(date(2026, 3, 29)), now=lambda: AT)
    assert not manifest.is_closed
    assert any("not over" in str(row[1].value) for row in workbook(settings, manifest)["About"].iter_rows(max_row=8))


def test_two_exports_do_not_run_at_once(settings: Settings, database: Database[Document]) -> None:
    """A second export is turned away while one runs, and let in once a dead one's lease has run out."""
    database[BOOKMARKS].insert_one(
        {"_id": "export-lease", "holder": "other:1", "until_at": datetime.now(UTC) + timedelta(seconds=60)}
    )
    with pytest.raises(TryAgain, match="other:1"):
        run(settings, day="2026-03-29")
    database[BOOKMARKS].update_one({"_id": "export-lease"}, {"$set": {"until_at": datetime.now(UTC)}})
    assert run(settings, day="2026-03-29").problems == []
    assert run(settings, day="2026-03-29").problems == []


def test_the_command_writes_json_and_fails_when_counts_disagree(
    settings: Settings, database: Database[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script can tell from the exit status and the file whether everything is there."""
    monkeypatch.setattr("batch_export.command.load_settings", lambda **_: settings)
    store(database, fix(1))
    file = tmp_path / "export.json"
    done = CliRunner().invoke(app, ["export", "--day", "2026-03-29", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert json.loads(file.read_bytes())["excel_rows"] == 1
    database[FIXES].insert_one({**fix_document(fix(2)), "schema": 99})
    assert CliRunner().invoke(app, ["export", "--day", "2026-03-29"]).exit_code == 1


def test_a_report_that_cannot_be_written_is_told_before_the_work(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong path does not cost an export."""
    monkeypatch.setattr("batch_export.command.load_settings", lambda **_: settings)
    done = CliRunner().invoke(app, ["export", "--day", "2026-03-29", "--json", str(tmp_path / "missing" / "a.json")])
    assert isinstance(done.exception, FixConfiguration)
    assert open_s3(settings).list_objects_v2(Bucket=settings.s3_bucket)["KeyCount"] == 0


def test_an_export_that_lost_its_lease_stops(
    settings: Settings, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once another export may have begun, the day is not written on."""
    store(database, fix(1))

    def steal(lease: Lease, *_exc: object) -> Lease:
        take(lease)
        lease.is_lost.set()  # as its thread says after MongoDB was away for too long
        return lease

    take = Lease.__enter__
    monkeypatch.setattr(Lease, "__enter__", steal)
    with pytest.raises(TryAgain, match="lost its lease"):
        run(settings, day="2026-03-29")
    assert open_s3(settings).list_objects_v2(Bucket=settings.s3_bucket)["KeyCount"] == 0


@pytest.mark.parametrize("chosen", [{}, {"day": "2026-03-29", "all_days": True}])
def test_the_choice_of_days_is_asked_for(settings: Settings, chosen: dict[str, Any]) -> None:
    """Nobody exports all days by accident."""
    with pytest.raises(FixConfiguration, match="--day"):
        run(settings, **chosen)
