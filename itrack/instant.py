"""A moment in time: always aware, always UTC inside I-Track."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

__all__ = ["Instant"]

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A `datetime` with a time zone; decoders refuse one without."""
