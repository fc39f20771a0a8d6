"""The lock of the Java programs is whole, and peers of benchmarks stay out of the local stack."""

from __future__ import annotations

import re
import tomllib

from infra.jars import BENCHMARK_PROGRAMS, LOCK_FILE, PROGRAMS, locked_jars


def test_every_program_is_locked_with_what_was_asked_for() -> None:
    """No jar is fetched that is not held to a hash, and no section is left over from a program that is gone."""
    programs = {**PROGRAMS, **BENCHMARK_PROGRAMS}
    assert tomllib.loads(LOCK_FILE.read_text()).keys() == programs.keys()
    for program, coordinates in programs.items():
        jars = locked_jars(program)
        assert set(coordinates.split("+")) <= jars.keys()
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in jars.values())


def test_no_program_has_a_jar_in_two_versions() -> None:
    """Of two versions on a class path Java takes any; a new lock that mixes them is seen here."""
    for program in (*PROGRAMS, *BENCHMARK_PROGRAMS):
        names = [coordinate.rpartition(":")[0] for coordinate in locked_jars(program)]
        assert sorted(names) == sorted(set(names))


def test_stack_does_without_peers() -> None:
    """`make demo`, the tests and the doctor go through `PROGRAMS`: they never wait for a peer's jars."""
    assert not PROGRAMS.keys() & BENCHMARK_PROGRAMS.keys()
