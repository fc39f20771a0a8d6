"""`itrack habits` on the real MongoDB and Kafka: what it concludes, what late fixes make of it, what it keeps back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from confluent_kafka import Consumer, Producer
from pymongo.database import Database

from infra.parts import HABITS, part_program
from infra.process import Child
from itrack.day import Day
from itrack.habits.kinds import HabitKind
from itrack.mobility import Event, EventKind, Staypoint, Trip, Tripleg
from itrack.mongo import (
    CROWDS,
    DEVICES,
    HABIT_ANOMALIES,
    HOME_WORK,
    RHYTHMS,
    STAYPOINTS,
    TRIPLEGS,
    TRIPS,
    Document,
    open_database,
)
from itrack.settings import Settings
from itrack.wire import decode_event, document_of, encode
from tests.support.lives.rows import rows_of
from tests.support.lives.trial import odd_weeks

pytestmark = pytest.mark.services

DEVICE = "main:1"
COLLECTIONS = {Staypoint: STAYPOINTS, Trip: TRIPS, Tripleg: TRIPLEGS}
CROWDED, LONELY = (46.0, 7.0), (46.5, 7.5)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database[Document]]:
    """Of the line."""
    database = open_database(settings, part="test")
    yield database
    database.client.close()


@pytest.fixture
def habits(settings: Settings, tmp_path: Path) -> Iterator[Callable[[], Settings]]:
    """Starts the part, with short windows that are counted at once."""
    own = settings.model_copy(update={"crowd_delay_s": 0.0, "density_window_s": 10, "habits_zone": "Europe/Zurich"})
    child = Child(part_program(HABITS, own), tmp_path)

    def start() -> Settings:
        child.start()
        child.wait_ready()
        return own

    yield start
    child.stop()


def test_late_fixes_replace_what_was_concluded_and_few_people_are_never_told(
    settings: Settings, database: Database[Document], habits: Callable[[], Settings]
) -> None:
    """A stay at an unusual place is told; once late fixes show that there was none, it is withdrawn everywhere.

    Beside it, six people in a cell are a crowd, and four are nothing that anybody hears of.
    """
    odd = _put_life(database)
    _put_people(database, CROWDED, range(10, 16))
    _put_people(database, LONELY, range(20, 24))
    habits()

    _wait(lambda: database[HABIT_ANOMALIES].find_one({"kind": HabitKind.UNUSUAL_PLACE, "happened_at": odd.started_at}))
    day = f"{DEVICE}:{Day.of(odd.started_at, 'Europe/Zurich')}"
    before = database[RHYTHMS].find_one({"_id": day})
    assert before is not None
    home_work = database[HOME_WORK].find_one({"_id": DEVICE})
    assert home_work is not None

    database[STAYPOINTS].delete_one({"_id": odd.staypoint_id})
    _publish(settings, _withdrawal(odd))
    _wait(lambda: not database[HABIT_ANOMALIES].find_one({"kind": "unusual_place", "happened_at": odd.started_at}))
    _wait(lambda: (database[RHYTHMS].find_one({"_id": day}) or {}).get("stays") == before["stays"] - 1)
    told = list(_told(settings))
    of_it = [
        each.kind
        for each in told
        if each.anomaly
        and each.anomaly.kind == "unusual_place"
        and abs(each.happened_at - odd.started_at) < timedelta(milliseconds=1)
    ]
    assert of_it == [EventKind.ANOMALY_FOUND, EventKind.ANOMALY_WITHDRAWN]

    crowd = _wait(database[CROWDS].find_one)
    assert crowd["people"] == 6
    assert len(database[CROWDS].distinct("cell")) == 1
    assert "main:" not in str(list(database[CROWDS].find()))


def _put_life(database: Database[Document]) -> Staypoint:
    """Eight weeks of somebody who stays at an unusual place in the last ones: the newest such stay."""
    weeks = odd_weeks(Random(6200))  # noqa: S311
    rows, _ = rows_of(DEVICE, weeks, Random(6200))  # noqa: S311
    newest = max(row.started_at for row in rows)
    shift = timedelta(days=(datetime.now(UTC) - newest).days)
    by_collection: dict[str, list[Document]] = {}
    for row in rows:
        ends = {"ended_at": row.ended_at + shift} if row.ended_at else {}
        last = {"last_fixed_at": row.last_fixed_at + shift} if isinstance(row, Staypoint) else {}
        moved = msgspec.structs.replace(
            row, started_at=row.started_at + shift, judged_at=row.judged_at + shift, **ends, **last
        )
        by_collection.setdefault(COLLECTIONS[type(row)], []).append(document_of(moved))
    for name, documents in by_collection.items():
        database[name].insert_many(documents)
    database[DEVICES].insert_one({"_id": DEVICE})
    began_at = max(each.began_at for each in weeks.episodes if each.kind == "unusual_place" and not each.may)
    stay = min((row for row in rows if isinstance(row, Staypoint)), key=lambda row: abs(row.started_at - began_at))
    return msgspec.structs.replace(
        stay,
        started_at=stay.started_at + shift,
        ended_at=(stay.ended_at or newest) + shift,
        last_fixed_at=stay.last_fixed_at + shift,
        judged_at=stay.judged_at + shift,
    )


def _put_people(database: Database[Document], place: tuple[float, float], numbers: range) -> None:
    """People who stay somewhere, since ten minutes and still."""
    began_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    stays = [
        Staypoint(
            staypoint_id=f"main:{number}:stay",
            device_id=f"main:{number}",
            started_at=began_at,
            ended_at=None,
            last_fixed_at=began_at + timedelta(minutes=6),
            latitude_deg=place[0],
            longitude_deg=place[1],
            fix_count=9,
            judged_at=began_at,
            rules="r",
        )
        for number in numbers
    ]
    database[STAYPOINTS].insert_many([document_of(stay) for stay in stays])


def _withdrawal(stay: Staypoint) -> Event:
    return Event(
        event_id=f"{stay.staypoint_id}:withdrawn",
        kind=EventKind.STAYPOINT_WITHDRAWN,
        device_id=DEVICE,
        happened_at=stay.started_at,
        knowable_at=datetime.now(UTC),
        is_correction=True,
        staypoint=stay,
    )


def _publish(settings: Settings, event: Event) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_address})
    producer.produce(settings.events_topic, encode(event), event.device_id.encode())
    assert producer.flush(10) == 0


def _told(settings: Settings) -> Iterator[Event]:
    """Every event on Kafka so far."""
    reader = Consumer(
        {"bootstrap.servers": settings.kafka_address, "group.id": "test", "auto.offset.reset": "earliest"}
    )
    reader.subscribe([settings.events_topic])
    quiet = 0
    while quiet < 3:
        message = reader.poll(2)
        if message is None:
            quiet += 1
        elif message.error() is None:
            yield decode_event(message.value() or b"")
            quiet = 0
    reader.close()


def _wait(of: Callable[[], object], within_s: float = 60.0) -> Document:
    ends_s = time.monotonic() + within_s
    while not (found := of()):
        assert time.monotonic() < ends_s, "it did not come"
        time.sleep(0.2)
    return found  # type: ignore[return-value]
