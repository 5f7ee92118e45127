"""Sets up the log of the operator and of the watch: one line for each record, as JSON or for a console.

Modules log with the standard library. Details go into fields (`extra`), each a separate key in JSON and `key=value` at
the end of a console line. A field never holds a file's name or content, and a traceback shows code, never the values
of variables.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from baileys_janitor.api.config.config import Logging

FIELDS = (
    "namespace",
    "tenant",
    "keyStore",
    "tenantSet",
    "operation",
    "action",
    "reason",
    "outcome",
    "run",
    "before",
    "after",
    "counted",
    "reclaimable",
    "removed",
    "left",
    "seconds",
    "until",
    "members",
    "short",
    "detail",
    "suppressed",
)
"""The fields of a line, in the order in which a console shows them. docs/logs.md explains each."""
CHATTER = ("kopf", "kubernetes", "asyncio", "aiohttp", "apprise")
"""Libraries that are logged from `warning` on."""
BURST = 20
"""The most lines of one kind in a window."""
WINDOW_SECONDS = 60.0
"""Seconds in which a warning of one kind is logged `BURST` times; more are only counted."""


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the fields, and a traceback as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record, without the attributes that other libraries add to it."""
        data: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return json.dumps(data, default=str)


class ConsoleLines(logging.Formatter):
    """A line for people: time, level, logger, message, and the fields as `key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; a traceback follows on separate lines."""
        where = record.name.removeprefix("janitor.")
        line = f"{_time(record)} {record.levelname:<7} {where}: {_plain(record.getMessage())}"
        line += "".join(f" {key}={_shown(value)}" for key, value in fields(record).items())
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a record that are set, in the order of FIELDS."""
    values = record.__dict__
    return {key: values[key] for key in FIELDS if values.get(key) is not None}


def _shown(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if text and not any(c.isspace() or c in '"=\\' for c in text):
        return _plain(text)
    return _plain(json.dumps(text, ensure_ascii=False))


def _plain(text: str) -> str:
    """Return the text as one line, with unprintable characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _time(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


class Calm(logging.Filter):
    """Limits warnings of one kind, so that a fault of all tenants at once does not fill the log.

    The kind is a message without its arguments. Decisions carry a tenant's fields and are always logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record; the first one of a new window reports the number left out."""
        if record.levelno < logging.WARNING or hasattr(record, "tenant"):
            return True
        kind = record.name, str(record.msg)
        since, count = self._seen.get(kind, (record.created, 0))
        if record.created - since >= WINDOW_SECONDS:
            if count > BURST:
                record.suppressed = count - BURST
            since, count = record.created, 0
        self._seen[kind] = since, count + 1
        return count < BURST


def set_up(wanted: Logging) -> None:
    """Log to stderr as configured."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if wanted.format == "json" else ConsoleLines())
    handler.addFilter(Calm())
    logging.basicConfig(level=wanted.level.upper(), handlers=[handler], force=True)
    debugging = logging.root.level <= logging.DEBUG
    for name in CHATTER:
        # Their own messages are of no interest; at debug they may help, but not one for every request.
        logging.getLogger(name).setLevel(logging.INFO if debugging else logging.WARNING)


def where(error: BaseException) -> str:
    """Return the place where an exception was raised, for logs that must not hold its text: it may name a file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"
