"""A report that no position follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from traccar_bridge.doubt import Doubts

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_report_without_position_becomes_overdue() -> None:
    """A report is in doubt once its position has taken too long, and no longer when it was looked into."""
    doubts = Doubts(5.0)
    doubts.reported("main:1", AT, now_s=100.0)
    assert doubts.overdue(104.9) == {}
    assert doubts.overdue(105.0) == {"main:1": AT}
    doubts.clear({"main:1"})
    assert doubts.overdue(200.0) == {}


def test_position_answers_one_report() -> None:
    """Of two reports one was shown and the other was late: the doubt stays."""
    doubts = Doubts(5.0)
    doubts.reported("main:1", AT, now_s=100.0)
    doubts.reported("main:1", AT + timedelta(seconds=1), now_s=101.0)
    doubts.positioned("main:1")
    assert doubts.overdue(105.5) == {}
    assert doubts.overdue(106.0) == {"main:1": AT + timedelta(seconds=1)}
    doubts.positioned("main:1")
    assert doubts.overdue(200.0) == {}


def test_change_of_status_is_no_report() -> None:
    """Traccar also sends a device when it goes offline; its time of report is the old one."""
    doubts = Doubts(5.0)
    doubts.reported("main:1", AT, now_s=100.0)
    doubts.positioned("main:1")
    doubts.reported("main:1", AT, now_s=700.0)
    doubts.reported("main:2", None, now_s=700.0)
    assert doubts.overdue(900.0) == {}


def test_doubt_names_the_newest_report_that_is_overdue() -> None:
    """What may still come is not looked for: its position may not be stored yet."""
    doubts = Doubts(5.0)
    for second in range(10):
        doubts.reported("main:1", AT + timedelta(seconds=second), now_s=100.0 + second)
    assert doubts.overdue(107.0) == {"main:1": AT + timedelta(seconds=2)}
