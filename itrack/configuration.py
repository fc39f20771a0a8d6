"""The table of settings in `docs/configuration.md`; `python -m itrack.configuration` writes it anew."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from itrack.settings import Settings

__all__ = ["PAGE", "table", "with_table"]

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
_BEGIN, _END = "<!-- settings -->", "<!-- /settings -->"


def table() -> str:
    """Every setting as one row: environment variable, default, sentence."""
    rows = ["| variable | default | what it does |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default is None or isinstance(default, SecretStr) else f"`{default}`"
        description = (field.description or "").replace("|", "\\|")
        rows.append(f"| `ITRACK_{name.upper()}` | {shown} | {description} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The page with the table between its markers replaced by today's."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
