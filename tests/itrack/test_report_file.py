"""Whether a result can be written is known before the work."""

from pathlib import Path

import msgspec
import pytest

from itrack.errors import FixConfiguration
from itrack.report_file import require_writable, write_report


class Result(msgspec.Struct):
    """What a command did."""

    rows: int


@pytest.mark.parametrize("where", ["missing/result.json", "."])
def test_a_file_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path, where: str) -> None:
    """A wrong path costs a sentence, before the work and after it."""
    with pytest.raises(FixConfiguration, match="--json"):
        require_writable(tmp_path / where)
    with pytest.raises(FixConfiguration, match="--json"):
        write_report(tmp_path / where, Result(1))


def test_asking_changes_nothing(tmp_path: Path) -> None:
    """Work that fails leaves neither an empty file behind nor an older result spoilt."""
    older = tmp_path / "older.json"
    write_report(older, Result(7))
    require_writable(older)
    require_writable(tmp_path / "new.json")
    assert msgspec.json.decode(older.read_bytes()) == {"rows": 7}
    assert list(tmp_path.iterdir()) == [older]
