"""What connections through a proxy may meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BAD_WEATHER", "BOTH_WAYS", "FINE", "Way", "Weather"]

Way = Literal["up", "down"]
"""`up` is from the client to the server."""

BOTH_WAYS: frozenset[Way] = frozenset({"up", "down"})


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What a connection meets.

    Attributes:
        delay_s: each piece of data waits so long, and pieces behind it wait for it.
        jitter_s: it waits up to so much longer.
        bytes_per_s: no more than this gets through each way; None for all.
        swallow: ways in which nothing gets through, not even the end of the connection, and nobody is told.
        share: of the connections that meet this weather; the others are well.
        only: meet it only where the client's first data has this in it.
        is_closed: every new connection is reset at once.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: int | None = None
    swallow: frozenset[Way] = frozenset()
    share: float = 1.0
    only: bytes = b""
    is_closed: bool = False


FINE = Weather()

BAD_WEATHER: dict[str, Weather] = {
    "slow": Weather(delay_s=0.3),
    "uneven": Weather(jitter_s=0.5),
    "narrow": Weather(bytes_per_s=4_000),
    "closed": Weather(is_closed=True),
    "black hole": Weather(swallow=BOTH_WAYS),
    "black hole for requests": Weather(swallow=frozenset({"up"})),
    "black hole for answers": Weather(swallow=frozenset({"down"})),
    "black hole for some": Weather(swallow=BOTH_WAYS, share=0.5),
}
"""What a network may be like, by name."""
