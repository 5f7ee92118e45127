"""What the watch and the process that backs up say to each other: one request, and an answer a task. Pure.

The request is one JSON document, an answer one line of JSON. The process holds keys and reads what strangers wrote, so
each value of an answer has a type and bounds here, and what does not fit counts as no answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api import decoding
from baileys_janitor.api.timestamps import LAST
from baileys_janitor.tenants.backup_state import (
    FAILED,
    NOTHING_TO_DO,
    PUT,
    UNCHANGED,
    Archived,
)

Object = dict[str, Any]

PASSED = "Passed"
BACKUP_OUTCOMES = frozenset({PUT, UNCHANGED, NOTHING_TO_DO, FAILED})
DRILL_OUTCOMES = frozenset({PASSED, FAILED})
LINE_MAX = 65_536
"""Bytes of an answer."""
UNEXPECTED = "Unexpected"
COUNT_MAX = 10**9
BYTES_MAX = 2**40
SECONDS_MAX = 86_400.0
CODE_MAX, NAME_MAX = 64, 128


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done with one directory: `do` is Backup or Drill, `settings` the group `backup` in force.

    `repositories` are the names of those that it is done with.
    """

    do: str
    server: str
    name: str
    root: str
    path: str
    settings: Object
    repositories: tuple[str, ...]
    distinct: bool = False
    """Whether another directory has the same path beneath another root, so that the whole path names the archives."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a task in one repository. Times are Unix seconds; a failure has a code and a sentence."""

    outcome: str
    code: str = ""
    message: str = ""
    time: float | None = None
    """When the session was read, or the drill ended."""
    seconds: float | None = None
    newest: Archived | None = None
    archive: str = ""
    files: int | None = None
    strangers: int = 0
    """Archives there that nobody here has put."""
    kept: str = ""
    """Why archives that retention does not need were not removed; empty where they were."""


def encode_request(tasks: list[Task], seconds: float) -> bytes:
    """Return the request: `seconds` is the most that one task may take."""
    settings: list[Object] = []
    listed = []
    for task in tasks:
        if task.settings not in settings:
            settings.append(task.settings)
        listed.append(
            {
                "do": task.do,
                "server": task.server,
                "name": task.name,
                "root": task.root,
                "path": task.path,
                "settings": settings.index(task.settings),
                "repositories": task.repositories,
                "distinct": task.distinct,
            }
        )
    return json.dumps({"seconds": seconds, "settings": settings, "tasks": listed}).encode()


def decode_request(text: bytes) -> tuple[list[Task], float]:
    """Read what `encode_request` wrote."""
    data = json.loads(text)
    settings = data["settings"]
    tasks = [
        Task(
            **{key: each[key] for key in ("do", "server", "name", "root", "path", "distinct")},
            settings=settings[each["settings"]],
            repositories=tuple(each["repositories"]),
        )
        for each in data["tasks"]
    ]
    return tasks, data["seconds"]


def encode_answer(number: int, results: Mapping[str, Result]) -> bytes:
    """Return the line that answers the task with that number."""
    return (
        json.dumps(
            {"task": number, "results": {k: _written(v) for k, v in results.items()}}
        ).encode()
        + b"\n"
    )


def _written(result: Result) -> Object:
    found: Object = {
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "time": result.time,
        "seconds": result.seconds,
        "archive": result.archive,
        "files": result.files,
        "strangers": result.strangers,
        "kept": result.kept,
    }
    if result.newest is not None:
        newest = result.newest
        found["newest"] = {
            "archive": newest.archive,
            "time": newest.time,
            "files": newest.files,
            "bytes": newest.bytes,
            "archives": newest.archives,
            "oldest": newest.oldest,
        }
    return found


def decode_answer(line: bytes, tasks: list[Task]) -> tuple[int, dict[str, Result]] | None:
    """Read a line: the number of its task, and results by the names of its repositories; None for anything else."""
    data: Any = None
    with suppress(ValueError, RecursionError):
        data = json.loads(line[:LINE_MAX])
    number = decoding.whole(decoding.mapping(data).get("task"), 0, len(tasks) - 1)
    if number is None:
        return None
    task, results = tasks[number], decoding.mapping(data.get("results"))
    outcomes = DRILL_OUTCOMES if task.do == "Drill" else BACKUP_OUTCOMES
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
        decoding.whole(data.get("strangers"), 0, COUNT_MAX) or 0,
        _code(data.get("kept")),
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
