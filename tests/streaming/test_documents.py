"""Documents read the quick way are the documents that were stored."""

from __future__ import annotations

from datetime import UTC, datetime

import bson
from bson.codec_options import CodecOptions
from hypothesis import given
from hypothesis import strategies as st

from streaming.documents import CODEC, in_utc

_dates = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
_names = st.sampled_from(["fixed_at", "device_at", "server_at", "stored_at"])


@given(st.dictionaries(_names, _dates | st.none() | st.integers(0, 9) | st.text()))
def test_dates_are_those_of_the_slow_way(document: dict[str, object]) -> None:
    """Every date, of whatever year, has its zone and its value; everything else is left alone."""
    data = bson.encode(document)
    quick = bson.decode(data, CODEC)
    in_utc([quick])
    assert quick == bson.decode(data, CodecOptions(tz_aware=True))
    assert all(value.tzinfo is UTC for value in quick.values() if isinstance(value, datetime))
