"""One trial of the whole line: send, wait until all has arrived everywhere, count, compare."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import httpx2
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from infra.census import Census, take_census
from infra.data_products import export_all_days, train_on_all_days
from infra.dataset_check import FixRows, count_fix_rows
from infra.latency import EventWatch, MapWatch, percentiles
from infra.parts import PARTS
from infra.stack import LocalStack
from itrack.errors import TryAgain
from itrack.mongo import FIXES, SET_ASIDE, open_database
from itrack.mongo_errors import asking_mongodb
from itrack.s3 import open_s3
from itrack.settings import Settings

__all__ = ["Outcome", "Sent", "run_trial"]

_MIB = 1024**2
_QUIET_S = 4.0
_PATIENCE_S = 120.0


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What a sender did: reports sent, and those Traccar took."""

    sent: int
    accepted: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one trial. `problems` is empty when they agree.

    Attributes:
        fixes_sent: reports that were sent to Traccar.
        fixes_refused: those that Traccar did not take.
        fixes_stored: distinct fixes in MongoDB.
        kafka_messages, kafka_distinct_fixes: on the topic of fixes.
        lost: accepted by Traccar and not in MongoDB, or in MongoDB and not on Kafka.
        set_aside: kept by the bridge as unusable.
        staypoints, trips, gaps, anomalies: in MongoDB.
        excel_rows, parquet_rows, manifest_rows: fixes in the exported days, counted in the files themselves.
        model_uri: where the trained model is; None when there was too little to train on.
        latency_ms: percentiles `osmand_to_map` (Traccar heard it to a browser's socket) and `fix_to_event` (an event
            could be known to a reader has it).
        peak_rss_mib: the most resident memory of all processes together, shared pages counted more than once.
        seconds: how long the steps took.
    """

    fixes_sent: int
    fixes_refused: int
    fixes_stored: int
    kafka_messages: int
    kafka_distinct_fixes: int
    lost: int
    set_aside: int
    staypoints: int
    trips: int
    gaps: int
    anomalies: int
    excel_rows: int
    parquet_rows: int
    manifest_rows: int
    model_uri: str | None
    latency_ms: dict[str, dict[str, float | None]]
    peak_rss_mib: int
    seconds: dict[str, float]
    problems: list[str]


def run_trial(
    stack: LocalStack, send: Callable[[], Sent], say: Callable[[str], None], asked: threading.Event
) -> Outcome:
    """Run one trial on a line that is up.

    Args:
        stack: the running stack, with every part started.
        send: sends reports to Traccar and says how many.
        say: told what is going on.
        asked: when it is set, the trial ends.

    Raises:
        TryAgain: a program died, the fixes stopped arriving before all were there, or the trial was asked to end.
    """
    settings = stack.settings
    started_at = datetime.now(UTC).replace(microsecond=0)
    judged_before = _judged(settings)
    clock = _Clock()
    with _watching_memory(stack) as memory:
        with MapWatch(settings) as map_watch, EventWatch(settings) as event_watch:
            sent = send()
            clock.lap("send")
            census = _wait_for_all(stack, sent.accepted, say, asked, since_at=started_at, judged_before=judged_before)
            clock.lap("arrive")
        say("exporting the days to S3")
        rows, days_rows = _export(settings, asked)
        clock.lap("export")
        say("training a model on them")
        trained = train_on_all_days(settings, asked)
        clock.lap("train")
    outcome = Outcome(
        fixes_sent=sent.sent,
        fixes_refused=sent.sent - sent.accepted,
        fixes_stored=len(census.stored),
        kafka_messages=census.messages,
        kafka_distinct_fixes=len(census.published),
        lost=max(0, sent.accepted - len(census.stored) - census.set_aside) + len(census.stored - census.published),
        set_aside=census.set_aside,
        staypoints=census.staypoints,
        trips=census.trips,
        gaps=census.gaps,
        anomalies=census.anomalies,
        excel_rows=rows.excel,
        parquet_rows=rows.parquet,
        manifest_rows=rows.manifest,
        model_uri=trained.values.get("model_uri"),
        latency_ms={
            "osmand_to_map": percentiles(_map_latencies_ms(settings, map_watch)),
            "fix_to_event": percentiles(list(event_watch.latencies_ms.values())),
        },
        peak_rss_mib=max(memory) // _MIB if memory else 0,
        seconds=clock.laps,
        problems=[],
    )
    problems = _disagreements(outcome, days_rows)
    if trained.failure:
        problems.append(f"no model was trained: {trained.failure}")
    return msgspec.structs.replace(outcome, problems=problems)


def _disagreements(outcome: Outcome, rows_in_mongodb: int) -> list[str]:
    problems = []
    if outcome.lost:
        problems.append(f"{outcome.lost} fixes are lost")
    if outcome.fixes_stored + outcome.set_aside + outcome.fixes_refused != outcome.fixes_sent:
        problems.append(
            f"{outcome.fixes_sent} fixes were sent, but {outcome.fixes_stored} are stored, {outcome.set_aside} set "
            f"aside and {outcome.fixes_refused} refused"
        )
    if outcome.kafka_distinct_fixes != outcome.fixes_stored:
        problems.append(f"{outcome.fixes_stored} fixes are stored, {outcome.kafka_distinct_fixes} are on Kafka")
    counts = {outcome.excel_rows, outcome.parquet_rows, outcome.manifest_rows, rows_in_mongodb}
    if len(counts) > 1:
        problems.append(
            f"the exported days hold {rows_in_mongodb} fixes in MongoDB, {outcome.excel_rows} in Excel, "
            f"{outcome.parquet_rows} in Parquet and {outcome.manifest_rows} in the manifests"
        )
    return problems


def _wait_for_all(
    stack: LocalStack,
    accepted: int,
    say: Callable[[str], None],
    asked: threading.Event,
    *,
    since_at: datetime,
    judged_before: int,
) -> Census:
    """Wait until every accepted fix is stored, published and judged, and the findings have come to rest."""
    settings = stack.settings
    database = open_database(settings, part="trial")
    patience = _Patience()
    try:
        while not asked.wait(0.5):
            stack.require_alive()
            with asking_mongodb("count fixes"):
                stored = database[FIXES].count_documents({"stored_at": {"$gte": since_at}})
                set_aside = database[SET_ASIDE].count_documents({"seen_at": {"$gte": since_at}})
            judged = _judged(settings) - judged_before
            say(f"waiting for what is on its way: of {accepted} fixes {stored} are stored and {judged} judged")
            if stored + set_aside >= accepted and judged >= stored:
                census = take_census(settings, since_at)
                findings = (census.staypoints, census.trips, census.gaps, census.anomalies)
                if census.stored == census.published and patience.is_quiet(findings):
                    return census
            patience.spend(f"{stored} stored, {set_aside} set aside, {judged} judged, of {accepted}")
    finally:
        database.client.close()
    raise TryAgain("Stopped before everything had arrived.")


class _Patience:
    """Ends a wait in which nothing changes any more."""

    def __init__(self) -> None:
        self._progress: object = None
        self._progress_at = time.monotonic()
        self._findings: object = None
        self._findings_at = time.monotonic()

    def spend(self, progress: str) -> None:
        now = time.monotonic()
        if progress != self._progress:
            self._progress, self._progress_at = progress, now
        elif now - self._progress_at > _PATIENCE_S:
            raise TryAgain(f"Nothing has moved for {_PATIENCE_S:.0f} s: {progress}. The logs may say why.")

    def is_quiet(self, findings: object) -> bool:
        now = time.monotonic()
        if findings != self._findings:
            self._findings, self._findings_at = findings, now
        return now - self._findings_at >= _QUIET_S


def _judged(settings: Settings) -> int:
    """Fixes that the analytics have judged since they were started."""
    url = next(part for part in PARTS if part.name == "analytics").url(settings)
    try:
        page = httpx2.get(f"{url}/metrics", timeout=5.0, trust_env=False).text
    except httpx2.HTTPError:
        return 0
    return int(
        sum(
            sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
            if sample.name == "itrack_analytics_fixes_total"
        )
    )


def _map_latencies_ms(settings: Settings, watch: MapWatch) -> list[float]:
    database = open_database(settings, part="trial")
    try:
        with asking_mongodb("read when fixes were received"):
            found = database[FIXES].find({"_id": {"$in": list(watch.seen_at)}}, {"server_at": 1})
            return [(watch.seen_at[each["_id"]] - each["server_at"]).total_seconds() * 1000 for each in found]
    finally:
        database.client.close()


def _export(settings: Settings, asked: threading.Event) -> tuple[FixRows, int]:
    """Export every day; the rows as read back from S3, and MongoDB's own count.

    Raises:
        TryAgain: the export failed.
    """
    answer = export_all_days(settings, asked)
    if "days" not in answer.values:
        raise TryAgain(f"The export failed: {answer.failure}")
    days = [date.fromisoformat(day["day"]) for day in answer.values["days"]]
    database = open_database(settings, part="trial")
    try:
        with asking_mongodb("count fixes"):
            rows_in_mongodb = database[FIXES].count_documents({})
    finally:
        database.client.close()
    return count_fix_rows(open_s3(settings), settings.s3_bucket, days), rows_in_mongodb


@contextmanager
def _watching_memory(stack: LocalStack) -> Iterator[list[int]]:
    """Sample the resident memory of all programs together, in bytes."""
    samples: list[int] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(1.0):
            samples.append(sum(stack.rss_bytes().values()))

    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 1)
        self._last = now
