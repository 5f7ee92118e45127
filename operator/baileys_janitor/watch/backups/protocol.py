"""The protocol between the watch and the backup process: one request, and an answer a task. Pure.

The request is one JSON document, an answer one line of JSON. The process loads this module, so it imports little.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baileys_janitor.tenants.backup_state import Archived

if TYPE_CHECKING:
    from baileys_janitor.api.backup.backup_settings import Backups

Object = dict[str, Any]

PASSED = "Passed"
UNEXPECTED = "Unexpected"


@dataclass(frozen=True, slots=True)
class Task:
    """An action for one directory: `do` is Backup or Drill, `settings` the output of `plain`.

    `archived_as` is the directory that its archives are named by: its path beneath the root, or the whole path if
    the same path exists beneath another root. `repositories` are the names of those to use. `anew`:
    put an archive although the session is unchanged, because the newest one is lost.
    """

    do: str
    name: str
    root: str
    path: str
    archived_as: str
    settings: Object
    repositories: tuple[str, ...]
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a task in one repository. Times are Unix seconds; a failure has a code and a sentence."""

    outcome: str
    code: str = ""
    message: str = ""
    time: float | None = None
    """When the session was read, or the drill ended."""
    seconds: float | None = None
    newest: Archived | None = None
    archive: str = ""
    files: int | None = None
    unknown: int = 0
    """Archives there that were not put from here."""
    kept: str | None = None
    """Why surplus archives were not removed; empty if they were, None if not known."""
    listed: bool = False
    """Whether the repository was listed."""


def plain(backups: Backups) -> Object:
    """Return the settings in force in the form for the process, which does not check them again."""
    keep = backups.retention
    return {
        "repositories": [
            {
                "name": each.name,
                "url": each.url,
                "endpoint": each.endpoint,
                "region": each.region,
                "credentials": each.credentials,
                "readCredentials": each.read_credentials or each.credentials,
            }
            for each in backups.repositories
        ],
        "recipients": list(backups.recipients),
        "retention": [keep.hourly, keep.daily, keep.monthly],
        "bucketDays": backups.bucket_days,
        "identityFile": backups.drill_identity_file,
    }


def encode_request(tasks: list[Task], seconds: float) -> bytes:
    """Return the request: `seconds` is the time limit for one task."""
    settings: list[Object] = []
    listed = []
    for task in tasks:
        if task.settings not in settings:
            settings.append(task.settings)
        listed.append(
            {
                "do": task.do,
                "name": task.name,
                "root": task.root,
                "path": task.path,
                "archivedAs": task.archived_as,
                "settings": settings.index(task.settings),
                "repositories": task.repositories,
                "anew": task.anew,
            }
        )
    return json.dumps({"seconds": seconds, "settings": settings, "tasks": listed}).encode()


def decode_request(text: bytes) -> tuple[list[Task], float]:
    """Read the output of `encode_request`."""
    data = json.loads(text)
    settings = data["settings"]
    tasks = [
        Task(
            **{key: each[key] for key in ("do", "name", "root", "path")},
            archived_as=each["archivedAs"],
            settings=settings[each["settings"]],
            repositories=tuple(each["repositories"]),
            anew=each["anew"],
        )
        for each in data["tasks"]
    ]
    return tasks, data["seconds"]


def encode_answer(number: int, results: Mapping[str, Result]) -> bytes:
    """Return the answer line for the task with that index."""
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
        "unknown": result.unknown,
        "kept": result.kept,
        "listed": result.listed,
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
