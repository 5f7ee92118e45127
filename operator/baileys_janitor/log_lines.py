"""Sets the log up, the operator's and the watch's: one line each, as JSON or for a console.

Modules log by the standard library. What a line is about goes into fields (`extra`), each a key of its own in JSON and
`key=value` at the end of a console line. A field never holds a file's name or content, and a traceback shows code,
never the values of variables.
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
"""Libraries that are heard from `warning` on."""
BURST = 20
"""Lines of one kind that a window takes."""
WINDOW_SECONDS = 60.0
"""Seconds in which trouble of one kind is logged `BURST` times; beyond it only counted."""


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the fields, and a traceback as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; what other libraries attach to it is left out."""
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
    """A line to read: time, level, where, what, and the fields as `key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; a traceback follows on lines of its own."""
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
    """Return one line, whatever is in it: what cannot be printed is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _time(record: logging.LogRecord) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{whole}.{int(record.msecs):03d}Z"


class Calm(logging.Filter):
    """Keeps trouble that all tenants have at once from filling the log: warnings of one kind are logged a few times.

    The kind is a message without its arguments. Decisions carry a tenant's fields and are always logged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record; the first of a new window reports how many were left out."""
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
        # Their own reports interest nobody; at debug they may help, but not their every request.
        logging.getLogger(name).setLevel(logging.INFO if debugging else logging.WARNING)


def where(error: BaseException) -> str:
    """Return where an exception was raised: its text may hold a file's name."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"
