"""Logs: one JSON object a line on standard error (or readable lines on a terminal), secrets struck out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["configure_logging", "redact"]

_SECRET_NAME = re.compile(r"token|password|secret|authorization|cookie", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(r"((?:token|password|secret)=)[^&\s\"']+|(://[^:/@\s]+:)[^@\s]+(?=@)", re.IGNORECASE)
_PLACE_NAME = re.compile(r"^(lat|lon|lng)(itude)?(_deg)?$|^longitude(_deg)?$", re.IGNORECASE)


def configure_logging(part: str, level: str = "info") -> None:
    """Send structlog and the standard library's loggers to standard error, with `part` in every line."""
    on_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(part=part)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Strike out secrets and coordinates before a line is written (a structlog processor)."""
    for name, value in event.items():
        if _SECRET_NAME.search(name) or _PLACE_NAME.match(name):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = _SECRET_IN_TEXT.sub(lambda found: f"{found[1] or found[2]}***", value)
    return event
