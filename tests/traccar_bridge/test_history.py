"""Reading a device's past whole, whatever the server's limits are."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from traccar_bridge.errors import TooMuch
from traccar_bridge.history import BEGINNING, END, read_between, windows_back

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Server:
    """Has positions at some times; cuts its answers, and refuses larger ones than the bridge takes."""

    def __init__(self, times: list[datetime], cut: int, too_much: int) -> None:
        self.times = sorted(times)
        self.cut = cut
        self.too_much = too_much
        self.requests = 0

    def positions_between(self, _traccar_id: int, from_at: datetime, to_at: datetime) -> list[bytes]:
        self.requests += 1
        rows = [at.isoformat().encode() for at in self.times if from_at <= at <= to_at][: self.cut]
        if len(rows) > self.too_much:
            raise TooMuch
        return rows


def unwanted(from_at: datetime, to_at: datetime) -> None:
    raise AssertionError((from_at, to_at))


def last(rows: list[bytes]) -> datetime:
    return datetime.fromisoformat(rows[-1].decode())


@given(since=st.datetimes(datetime(1900, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_windows_cover_everything(since: datetime) -> None:
    """The windows join without a hole from the far future back to the wanted time."""
    windows = list(windows_back(NOW, since))
    assert windows[0][1] == END
    assert windows[-1][0] == since
    assert all(newer[0] == older[1] for newer, older in pairwise(windows))
    assert len(windows) <= 9


@settings(max_examples=40)
@given(
    count=st.integers(0, 6_000),
    seed=st.integers(0, 1_000),
    cut=st.integers(1_000, 3_000),
    too_much=st.integers(500, 2_500),
)
def test_past_is_whole_whatever_the_limits(count: int, seed: int, cut: int, too_much: int) -> None:
    """Cut answers are continued and too large ones halved, until every position was read."""
    times = [NOW - timedelta(seconds=each) for each in random.Random(seed).sample(range(10_000), count)]  # noqa: S311
    server = Server(times, cut, too_much)
    read = {
        row
        for rows in read_between(server, 1, BEGINNING, END, last_fix_time=last, on_left_out=unwanted)
        for row in rows
    }
    assert read == {at.isoformat().encode() for at in times}


def test_a_moment_that_is_too_much_is_left_out_and_told() -> None:
    """A thousand positions at one instant are too much however short the interval: the rest is read, and it is told."""
    dense = NOW - timedelta(hours=1, milliseconds=-333)
    around = [NOW - timedelta(hours=1, seconds=each) for each in range(-50, 50)]
    server = Server([*around, *[dense] * 1_000], cut=10_000, too_much=500)
    left_out: list[tuple[datetime, datetime]] = []
    rows = read_between(
        server, 1, BEGINNING, END, last_fix_time=last, on_left_out=lambda *interval: left_out.append(interval)
    )
    assert {row for part in rows for row in part} == {at.isoformat().encode() for at in around}
    assert left_out
    assert all(from_at <= dense <= to_at <= from_at + timedelta(milliseconds=1) for from_at, to_at in left_out)


def test_empty_past_costs_few_requests() -> None:
    """A device without positions is asked for nine times at most."""
    server = Server([], 1_000, 1_000)
    for from_at, to_at in windows_back(NOW):
        assert list(read_between(server, 1, from_at, to_at, last_fix_time=last, on_left_out=unwanted)) == [[]]
    assert server.requests <= 9
