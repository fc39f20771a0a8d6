"""MongoDB's errors, named by what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pymongo
from pymongo.errors import BulkWriteError, ConfigurationError, OperationFailure, PyMongoError

from itrack.errors import FixConfiguration, TryAgain

__all__ = ["asking_mongodb"]

_NOT_ALLOWED = {13, 18}
_NOT_A_REPLICA_SET = {40573}


@contextmanager
def asking_mongodb(to_do: str, within_s: float | None = None) -> Iterator[None]:
    """Turn what pymongo raises inside into I-Track's errors.

    Args:
        to_do: what MongoDB is asked for, such as `write fixes`; it becomes part of the message.
        within_s: after so many seconds the calls inside fail, and no sooner while no server is there. Without it those
            on a connection that has died without a sign wait until the operating system notices, which takes minutes.

    Raises:
        TryAgain: MongoDB is away, busy or changing its primary.
        FixConfiguration: the user may not do it, or MongoDB is no replica set.
    """
    try:
        with nullcontext() if within_s is None else pymongo.timeout(within_s):
            yield
    except ConfigurationError as error:  # an address that is none, or options that contradict each other
        raise FixConfiguration(f"ITRACK_MONGODB_URI does not fit ({type(error).__name__}): correct it.") from error
    except OperationFailure as error:
        if error.code in _NOT_ALLOWED:
            raise FixConfiguration(
                f"MongoDB does not let this user {to_do} (error {error.code}). Check ITRACK_MONGODB_URI and its roles."
            ) from error
        if error.code in _NOT_A_REPLICA_SET:
            raise FixConfiguration(
                "MongoDB runs without a replica set, so that it has no change streams. Start it with --replSet."
            ) from error
        raise TryAgain(f"MongoDB did not {to_do} ({_code_of(error)}).") from error
    except PyMongoError as error:
        raise TryAgain(f"MongoDB did not {to_do}: {error}") from error


def _code_of(error: OperationFailure) -> str:
    """What went wrong, without the documents that the error carries: they hold places and names."""
    if isinstance(error, BulkWriteError):
        codes = sorted({str(each.get("code")) for each in (error.details or {}).get("writeErrors", ())})
        return f"bulk write, errors {', '.join(codes) or 'of the write concern'}"
    name = (error.details or {}).get("codeName", "")
    return f"error {error.code} {name}".strip()
