"""The page of settings tells the truth."""

from __future__ import annotations

from itrack.configuration import PAGE, with_table
from itrack.settings import Settings


def test_page_lists_every_setting_as_it_is() -> None:
    """A setting that is added or changed shows on the page; `python -m itrack.configuration` mends it."""
    page = PAGE.read_text()
    assert page == with_table(page)


def test_every_setting_says_what_it_does() -> None:
    """No setting is without a sentence."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
