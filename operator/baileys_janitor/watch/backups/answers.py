"""Reads the answers of the backup process. Pure.

That process holds keys and reads foreign data, so each value has a type and bounds here, and an invalid line counts as
no answer.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from baileys_janitor.api.values import decoding
from baileys_janitor.api.values.timestamps import LAST
from baileys_janitor.schedule.backup_reasons import DRILL
from baileys_janitor.tenants.backup_state import (
    FAILED,
    NOTHING_TO_DO,
    PUT,
    UNCHANGED,
    Archived,
)
from baileys_janitor.watch.backups.protocol import PASSED, UNEXPECTED, Result, Task

BACKUP_OUTCOMES = frozenset({PUT, UNCHANGED, NOTHING_TO_DO, FAILED})
DRILL_OUTCOMES = frozenset({PASSED, FAILED})
LINE_MAX = 65_536
"""The limit on bytes of an answer."""
COUNT_MAX = 10**9
BYTES_MAX = 2**40
SECONDS_MAX = 86_400.0
CODE_MAX, NAME_MAX = 64, 128


def decode_answer(line: bytes, tasks: list[Task]) -> tuple[int, dict[str, Result]] | None:
    """Read a line: the index of its task, and results by the names of its repositories; None for an invalid one."""
    data: Any = None
    with suppress(ValueError, RecursionError):
        data = json.loads(line[:LINE_MAX])
    number = decoding.whole(decoding.mapping(data).get("task"), 0, len(tasks) - 1)
    if number is None:
        return None
    task, results = tasks[number], decoding.mapping(data.get("results"))
    outcomes = DRILL_OUTCOMES if task.do == DRILL else BACKUP_OUTCOMES
    read = {name: _result(results.get(name), outcomes) for name in task.repositories}
    return number, {name: each for name, each in read.items() if each is not None}


def _result(value: object, outcomes: frozenset[str]) -> Result | None:
    data = decoding.mapping(value)
    outcome = decoding.text(data.get("outcome"), CODE_MAX)
    if outcome not in outcomes:
        return None
    code = _code(data.get("code"))
    return Result(
        outcome,
        code or UNEXPECTED if outcome == FAILED else code,
        decoding.said(data.get("message")),
        _seconds(data.get("time"), LAST),
        _seconds(data.get("seconds"), SECONDS_MAX),
        _newest(data.get("newest")),
        _name(data.get("archive")),
        decoding.whole(data.get("files"), 0, COUNT_MAX),
        decoding.whole(data.get("unknown"), 0, COUNT_MAX) or 0,
        None if data.get("kept") is None else _code(data.get("kept")),
        data.get("listed") is True,
    )


def _code(value: object) -> str:
    code = decoding.text(value, CODE_MAX)
    return code if code.isascii() and code.isalpha() else ""


def _newest(value: object) -> Archived | None:
    data = decoding.mapping(value)
    archive, when = _name(data.get("archive")), _seconds(data.get("time"), LAST)
    if not archive or when is None:
        return None
    return Archived(
        archive,
        when,
        decoding.whole(data.get("files"), 0, COUNT_MAX),
        decoding.whole(data.get("bytes"), 0, BYTES_MAX),
        decoding.whole(data.get("archives"), 0, COUNT_MAX),
        _seconds(data.get("oldest"), LAST),
    )


def _name(value: object) -> str:
    name = decoding.text(value, NAME_MAX)
    return name if name.isascii() and name.isprintable() and "/" not in name else ""


def _seconds(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most else None
