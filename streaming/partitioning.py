"""Numbering shards so that Spark spreads them evenly."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 - as everybody calls it

__all__ = ["shard_column", "shard_numbers", "spark_hash"]

_WORD = 0xFFFFFFFF
_SEED = 42


def shard_numbers(count: int) -> list[int]:
    """As many numbers as there are shards, which Spark's hash puts into as many partitions, one each.

    Plain 0, 1, 2, 3 would leave one partition of four empty and put three shards into another.
    """
    by_partition: dict[int, int] = {}
    number = 0
    while len(by_partition) < count:
        by_partition.setdefault(spark_hash(number) % count, number)
        number += 1
    return sorted(by_partition.values())


def shard_column(key: Column, shards: Sequence[int]) -> Column:
    """The number of the shard that a message key (bytes) belongs to."""
    numbers = F.array(*(F.lit(number) for number in shards))
    return F.element_at(numbers, (F.pmod(F.xxhash64(key), F.lit(len(shards))) + 1).cast("int"))


def spark_hash(number: int) -> int:
    """Spark SQL's `hash` of one 32-bit integer (MurmurHash3 x86 32, seed 42), signed."""
    mixed = (_rotate_left(number * 0xCC9E2D51 & _WORD, 15) * 0x1B873593) & _WORD
    value = (_rotate_left(_SEED ^ mixed, 13) * 5 + 0xE6546B64) & _WORD
    value ^= 4
    value = ((value ^ value >> 16) * 0x85EBCA6B) & _WORD
    value = ((value ^ value >> 13) * 0xC2B2AE35) & _WORD
    value ^= value >> 16
    return value - (1 << 32) if value >> 31 else value


def _rotate_left(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD
