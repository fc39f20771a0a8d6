"""The tables of a day: which columns each has, in which units, and what they mean.

One list serves the Parquet schema, the workbook's headers and its column guide; a test holds `docs/data-sets.md`
to it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
import pyarrow as pa

from itrack.dataset import DATASET_SCHEMA
from itrack.fix import Fix
from itrack.mobility import Anomaly, Gap, GeofenceVisit, Staypoint, Trip, Tripleg, Verdict
from itrack.mongo import ANOMALIES, FIXES, GAPS, STAYPOINTS, TRIPLEGS, TRIPS, VERDICTS, VISITS

__all__ = ["TABLES", "Column", "Kind", "Table", "arrow_schema", "values_of"]


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "true or false"
    INSTANT = "time"


class Column(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        name: in Parquet and in MongoDB; ends with its unit.
        kind: what it holds.
        title: in the workbook, with the unit in brackets.
        meaning: a sentence.
        width: in the workbook, in characters.
        decimals: shown in the workbook; the file always holds the whole number.
        may_be_empty: whether a row may have no value here.
    """

    name: str
    kind: Kind
    title: str
    meaning: str
    width: int = 14
    decimals: int = 0
    may_be_empty: bool = False


class Table(msgspec.Struct, frozen=True):
    """One table.

    Attributes:
        name: of the Parquet file and in the manifest.
        sheet: name of the sheet in the workbook.
        collection: in MongoDB.
        record: the struct that one document holds.
        key: the field that is `_id` in MongoDB.
        day_field: the time that decides which day a row belongs to.
        columns: in the order of both files.
    """

    name: str
    sheet: str
    collection: str
    record: type[msgspec.Struct]
    key: str
    day_field: str
    columns: tuple[Column, ...]


_DEVICE = Column("device_id", Kind.TEXT, "Device", "The phone: name of the server, a colon, Traccar's device id.", 12)
_RULES = Column("rules", Kind.TEXT, "Rules", "Version of the rules that found it.", 14)
_STARTED = Column("started_at", Kind.INSTANT, "Began", "First moment; decides the day.", 23)
_ENDED = Column("ended_at", Kind.INSTANT, "Ended", "Last moment.", 23)
_JUDGED = Column("judged_at", Kind.INSTANT, "Judged at", "Time of the fix that made it so.", 23)
_FIX_COUNT = Column("fix_count", Kind.INTEGER, "Fixes", "Accepted fixes it was made of.", 9)


def _place(of_what: str) -> tuple[Column, Column]:
    return (
        Column("latitude_deg", Kind.NUMBER, "Latitude (°)", f"WGS 84, {of_what}.", 13, 6),
        Column("longitude_deg", Kind.NUMBER, "Longitude (°)", f"WGS 84, {of_what}.", 13, 6),
    )


_FIXES = Table(
    "fixes",
    "Fixes",
    FIXES,
    Fix,
    "fix_id",
    "fixed_at",
    (
        _DEVICE,
        Column("fixed_at", Kind.INSTANT, "Measured at", "When the phone measured the place; decides the day.", 23),
        *_place("as received"),
        Column("altitude_m", Kind.NUMBER, "Altitude (m)", "As the phone gave it.", 11, 1, may_be_empty=True),
        Column("speed_mps", Kind.NUMBER, "Speed (m/s)", "As the phone gave it.", 11, 2, may_be_empty=True),
        Column("course_deg", Kind.NUMBER, "Course (°)", "Heading, clockwise from north.", 11, 0, may_be_empty=True),
        Column("accuracy_m", Kind.NUMBER, "Accuracy (m)", "Radius the phone claims.", 11, 1, may_be_empty=True),
        Column("valid", Kind.TRUTH, "Valid", "Traccar's own flag.", 8),
        Column("battery_pct", Kind.NUMBER, "Battery (%)", "Charge of the phone, 0 to 100.", 11, 0, may_be_empty=True),
        Column("is_moving", Kind.TRUTH, "Moving", "The phone's own opinion.", 9, may_be_empty=True),
        Column("activity", Kind.TEXT, "Activity", "The phone's own word, such as walking.", 14, may_be_empty=True),
        Column("device_at", Kind.INSTANT, "Reported at", "When the phone made the report.", 23),
        Column("server_at", Kind.INSTANT, "Received at", "When Traccar received it.", 23),
        Column("stored_at", Kind.INSTANT, "Stored at", "When I-Track stored it.", 23, may_be_empty=True),
        Column("fix_id", Kind.TEXT, "Fix", "Unique: name of the server, a colon, Traccar's position id.", 16),
        Column("schema", Kind.INTEGER, "Schema", "Version of the stored form.", 9),
        Column("attributes_json", Kind.TEXT, "Attributes (JSON)", "All else the phone said. Do not trust it.", 40),
    ),
)

_STAYPOINTS = Table(
    "staypoints",
    "Staypoints",
    STAYPOINTS,
    Staypoint,
    "staypoint_id",
    "started_at",
    (
        _DEVICE,
        _STARTED,
        msgspec.structs.replace(_ENDED, meaning="Last moment; empty while still there.", may_be_empty=True),
        Column("last_fixed_at", Kind.INSTANT, "Last fix at", "The last fix that belongs to the stop.", 23),
        *_place("centre of the stop"),
        _FIX_COUNT,
        _JUDGED,
        _RULES,
        Column("staypoint_id", Kind.TEXT, "Staypoint", "Unique.", 34),
    ),
)

_TRIPS = Table(
    "trips",
    "Trips",
    TRIPS,
    Trip,
    "trip_id",
    "started_at",
    (
        _DEVICE,
        _STARTED,
        _ENDED,
        Column("distance_m", Kind.NUMBER, "Distance (m)", "Along the accepted fixes.", 12, 0),
        _FIX_COUNT,
        Column("from_staypoint_id", Kind.TEXT, "From stop", "The stop it left, if known.", 34, may_be_empty=True),
        Column("to_staypoint_id", Kind.TEXT, "To stop", "The stop it reached, if known.", 34, may_be_empty=True),
        _JUDGED,
        _RULES,
        Column("trip_id", Kind.TEXT, "Trip", "Unique.", 34),
    ),
)

_TRIPLEGS = Table(
    "triplegs",
    "Triplegs",
    TRIPLEGS,
    Tripleg,
    "tripleg_id",
    "started_at",
    (
        _DEVICE,
        _STARTED,
        _ENDED,
        Column("mode", Kind.TEXT, "Mode", "walk, run, bicycle, motorised or unknown.", 12),
        Column("confidence", Kind.NUMBER, "Confidence", "0 to 1, that it is this mode.", 11, 2),
        Column("distance_m", Kind.NUMBER, "Distance (m)", "Along the accepted fixes.", 12, 0),
        _FIX_COUNT,
        Column("trip_id", Kind.TEXT, "Trip", "The trip it is a part of.", 34),
        _JUDGED,
        _RULES,
        Column("tripleg_id", Kind.TEXT, "Tripleg", "Unique.", 34),
    ),
)

_GAPS = Table(
    "gaps",
    "Gaps",
    GAPS,
    Gap,
    "gap_id",
    "started_at",
    (
        _DEVICE,
        _STARTED,
        _ENDED,
        Column("beeline_m", Kind.NUMBER, "Beeline (m)", "Straight line between its ends; not a way taken.", 12, 0),
        _JUDGED,
        _RULES,
        Column("gap_id", Kind.TEXT, "Gap", "Unique.", 34),
    ),
)

_ANOMALIES = Table(
    "anomalies",
    "Anomalies",
    ANOMALIES,
    Anomaly,
    "anomaly_id",
    "happened_at",
    (
        _DEVICE,
        Column("happened_at", Kind.INSTANT, "Happened at", "When; decides the day.", 23),
        Column("kind", Kind.TEXT, "Kind", "What kind of anomaly.", 22),
        Column("severity", Kind.TEXT, "Severity", "low, medium or high.", 10),
        Column("sentence", Kind.TEXT, "What happened", "Why a person should look.", 70),
        Column("fix_id", Kind.TEXT, "Fix", "The fix that showed it, if one did.", 16, may_be_empty=True),
        _JUDGED,
        _RULES,
        Column("anomaly_id", Kind.TEXT, "Anomaly", "Unique.", 34),
    ),
)

_VISITS = Table(
    "geofence_visits",
    "Geofence visits",
    VISITS,
    GeofenceVisit,
    "visit_id",
    "entered_at",
    (
        _DEVICE,
        Column("fence_id", Kind.TEXT, "Geofence", "Which geofence.", 20),
        Column("entered_at", Kind.INSTANT, "Entered", "When; decides the day.", 23),
        Column("dwelled_at", Kind.INSTANT, "Dwelled", "From when on they had stayed long.", 23, may_be_empty=True),
        Column("exited_at", Kind.INSTANT, "Exited", "When; empty while inside.", 23, may_be_empty=True),
        _JUDGED,
        _RULES,
        Column("visit_id", Kind.TEXT, "Visit", "Unique.", 34),
    ),
)

_VERDICTS = Table(
    "verdicts",
    "Set aside",
    VERDICTS,
    Verdict,
    "fix_id",
    "fixed_at",
    (
        _DEVICE,
        Column("fixed_at", Kind.INSTANT, "Measured at", "When the phone measured the place; decides the day.", 23),
        Column("flag", Kind.TEXT, "Flag", "Why the fix is not used, to count by.", 18),
        Column("reason", Kind.TEXT, "Reason", "Why the fix is not used, in a sentence.", 70),
        _JUDGED,
        _RULES,
        Column("fix_id", Kind.TEXT, "Fix", "The fix; unique.", 16),
    ),
)

TABLES: tuple[Table, ...] = (_FIXES, _STAYPOINTS, _TRIPS, _TRIPLEGS, _GAPS, _VISITS, _ANOMALIES, _VERDICTS)
"""Every table of a day, in the order of the sheets."""

_ARROW = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.TRUTH: pa.bool_(),
    Kind.INSTANT: pa.timestamp("ms", tz="UTC"),
}


def arrow_schema(table: Table) -> pa.Schema:
    """The Parquet schema: times in milliseconds UTC, every other number whole."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW[column.kind], column.may_be_empty, {"meaning": column.meaning})
            for column in table.columns
        ],
        {"itrack_table": table.name, "itrack_schema": str(DATASET_SCHEMA)},
    )


def values_of(record: msgspec.Struct, table: Table) -> list[Any]:
    """The row of a record, in the order of the columns; times in UTC, enumerations as text."""
    return [_plain(getattr(record, column.name)) for column in table.columns]


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return str(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value
