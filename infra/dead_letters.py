"""What `itrack dead-letters` does and says: the letters of the bridge in MongoDB, those of all others on Kafka."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from itrack.mongo import open_database
from itrack.settings import Settings
from streaming.dead_letters import count_dead_letters, replay_dead_letters
from traccar_bridge.dead_letters import count_set_aside, replay_set_aside

__all__ = ["list_dead_letters", "replay_all"]

_BRIDGE, _BUS = "MongoDB set_aside", "Kafka dead letters"


def list_dead_letters(settings: Settings) -> None:
    """Print how many letters wait, by place and reason.

    Raises:
        TryAgain: MongoDB or Kafka is away.
    """
    database = open_database(settings, part="dead-letters")
    try:
        waiting = {_BRIDGE: count_set_aside(database), _BUS: count_dead_letters(settings, database)}
    finally:
        database.client.close()
    _print(waiting, "No dead letter waits.")


def replay_all(settings: Settings, reason: str | None = None) -> None:
    """Replay every letter that can be used now, and print what was done and what stays.

    Raises:
        TryAgain: MongoDB or Kafka is away; what is done stays done.
        FixConfiguration: Kafka does not let this user publish.
    """
    database = open_database(settings, part="dead-letters")
    try:
        stored, unstored = replay_set_aside(database, reason)
        published, unpublished = replay_dead_letters(settings, database, reason)
    finally:
        database.client.close()
    Console(highlight=False).print(f"Stored in MongoDB: {stored.total()}. Published to Kafka: {published.total()}.")
    _print({_BRIDGE: unstored, _BUS: unpublished}, "Nothing is left.")


def _print(counts: dict[str, Counter[str]], when_none: str) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("where", "reason", "letters"):
        table.add_column(heading, justify="right" if heading == "letters" else "left")
    for place, by_reason in counts.items():
        for reason, count in by_reason.most_common():
            table.add_row(place, Text(reason), str(count))
    console.print(table if table.row_count else when_none)
