"""docs/schemas.md says what is on Kafka and in MongoDB, field by field; and no reader guesses at a newer form."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import msgspec
import pytest

from itrack.device import Device
from itrack.fix import FIX_SCHEMA, Fix
from itrack.habits.crowds import Crowd, Flow
from itrack.habits.home_work import AnchorPlace, HomeWork
from itrack.habits.life import Way
from itrack.habits.rhythm import Rhythm
from itrack.mobility import EVENT_SCHEMA, FINDING_SCHEMA, Event
from itrack.mongo import FINDINGS
from itrack.trajectory.fleet import Anchor, AskRepair, Repair, Repaired
from itrack.wire import LETTER_SCHEMA, DeadLetter, _PublishedFix
from streaming.bookmark import Bookmark

PAGE = (Path(__file__).parents[2] / "docs" / "schemas.md").read_text()
HABITS = (Way, Rhythm, HomeWork, Crowd, Flow)
STRUCTS = (
    Fix,
    Device,
    *FINDINGS,
    *HABITS,
    AnchorPlace,
    Event,
    DeadLetter,
    Bookmark,
    Anchor,
    Repair,
    Repaired,
    AskRepair,
)
VERSIONS = (
    {Fix: FIX_SCHEMA, Event: EVENT_SCHEMA, DeadLetter: LETTER_SCHEMA}
    | dict.fromkeys(FINDINGS, FINDING_SCHEMA)
    | dict.fromkeys(HABITS, 1)
)
TYPES = {
    str: "text",
    float: "number",
    int: "integer",
    bool: "true or false",
    bytes: "bytes",
    datetime: "time",
    NoneType: "null",
    dict: "object",
}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_is_on_the_page(struct: type[msgspec.Struct]) -> None:
    """Each field in its order, with its type; the failure prints the beginnings of the rows that should be there."""
    should_be = [f"| `{field.name}` | {_type_of(field.type)} |" for field in msgspec.structs.fields(struct)]
    rows = re.findall(r"^(\| `\w+` \| [^|]+ \|)", _section(struct.__name__), re.MULTILINE)
    assert rows == should_be, "\n".join(should_be)


def test_every_field_has_a_meaning() -> None:
    """No row is only a name."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert [row for row in rows if len(row.split("|")[-2].strip()) < 3] == []


def test_the_page_tells_the_versions_and_what_stays_in_mongodb() -> None:
    """The numbers on the page are those in the code, and the Kafka value of a fix is what the page says."""
    for struct, schema in VERSIONS.items():
        assert f"Version {schema}." in _section(struct.__name__)
    only_in_mongodb = set(Fix.__struct_fields__) - set(_PublishedFix.__struct_fields__)
    assert set(re.findall(r"^\| `(\w+)` .*Only in MongoDB", PAGE, re.MULTILINE)) == only_in_mongodb


def _section(name: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"\n## {name}\n")[2], flags=re.MULTILINE)[0]


def _type_of(annotation: Any) -> str:
    return " or ".join(_names(annotation))


def _names(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        yield ", ".join(f"`{each.value}`" for each in annotation)
    elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    elif annotation in TYPES:
        yield TYPES[annotation]
    elif getattr(annotation, "__origin__", None) in TYPES:
        yield TYPES[annotation.__origin__]
    elif getattr(annotation, "__origin__", None) is tuple:
        yield f"[{', '.join(map(_type_of, get_args(annotation)))}]"
    else:
        for each in get_args(annotation):
            if not isinstance(each, msgspec.Meta):
                yield from _names(each)
