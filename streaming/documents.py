"""How documents of `fixes` are read to be published: quickly, and whatever is in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bson.codec_options import CodecOptions, DatetimeConversion

from itrack.mongo import Document

__all__ = ["CODEC", "in_utc"]

CODEC: CodecOptions[Document] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_CLAMP,
    unicode_decode_error_handler="replace",
)
"""BSON dates come without a zone, for `in_utc`: bson's own zone makes reading a document more than twice as slow."""

_DATES = ("fixed_at", "device_at", "server_at", "stored_at")
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as `CODEC` reads dates
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_utc(documents: Iterable[Document]) -> None:
    """Give the dates of documents that were read with `CODEC` their zone, in place.

    Adding up takes a quarter of the time of `datetime.replace`.
    """
    for document in documents:
        for name in _DATES:
            value = document.get(name)
            if type(value) is datetime:
                document[name] = _EPOCH + (value - _NAIVE_EPOCH)
