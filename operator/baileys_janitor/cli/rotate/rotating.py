"""Rotates one directory from the command line: dry run, backup, rotation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.cli.rotate.asking import sentence_of
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.rotation.rotate import Rotating

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.backup.documents import BackupDocument
    from baileys_janitor.cli.rotate.documents import RotateDocument
    from baileys_janitor.cli.terminal.signals import Interrupt
    from baileys_janitor.volume.report.run_results import CleanResult

_NOTHING_TYPED: Final = {
    "repository_name": None,
    "credentials": None,
    "urls": (),
    "recipients": (),
    "recipients_files": (),
    "encryption": None,
    "hourly": None,
    "daily": None,
    "monthly": None,
    "bucket_days": None,
}


def look(target: Target) -> tuple[RotateDocument, int | None]:
    """Return the dry run of a rotation, and the time of the last write to a session file (Unix seconds)."""
    with opened(target) as directory:
        rotating = Rotating(directory, "dry-run", now=time.time())
        outlook = rotating.look()
        result = rotating.dry_run()
    return _document(target, outlook.state, result, None), outlook.newest_write


def back_up_first(
    target: Target,
    values: Mapping[str, Any],
    pause: Callable[[float], None],
    interrupt: Interrupt,
) -> BackupDocument | None:
    """Back the session up as configured; return None if no repository is configured, or Never.

    Raises Problem if a Required backup fails; otherwise prints the failure, and the rotation goes on.
    """
    if not values.get("config_path"):
        return None
    from baileys_janitor.cli.arguments.settings import read_config

    if not read_config(values["config_path"]).get("backup"):
        return None
    from baileys_janitor.api.backup.backup_settings import NEVER_BEFORE, REQUIRED
    from baileys_janitor.cli.backup.back_up import Work
    from baileys_janitor.cli.backup.settings import Asked, keep_of, opened, recipients_of

    asked = Asked({**_NOTHING_TYPED, **values})
    if asked.config is None:
        return None
    before = asked.config.before_operations
    if before == NEVER_BEFORE:
        return None
    destinations = [opened(each) for each in asked.places()]
    # The process is stopped, so this archive can restore the whole session: always put one.
    work = Work(
        destinations,
        recipients_of(asked),
        keep_of(asked),
        stopped=True,
        force=True,
        pause=pause,
    )
    say(f"Backing {target.shown} up first.")
    document: BackupDocument | None = None
    try:
        document, failed = work.back_up(target, interrupt)
    except Problem as problem:
        failed = [problem]
    if failed and before == REQUIRED:
        raise Problem(
            f"{failed[0].message} Nothing was rotated, because backup.beforeOperations is Required.",
            code=failed[0].code,
        )
    for each in failed:
        say(f"Note: {each.message} The rotation continues; it can be rolled back from the trash.")
    return document


def rotate(
    target: Target,
    document: RotateDocument,
    *,
    run: str,
    keep_seconds: float,
    pause: Callable[[float], None],
    interrupt: Interrupt,
) -> RotateDocument:
    """Rotate a directory that no process writes to; return its document with the outcome."""
    now = time.time()
    with opened(target) as directory:
        result = Rotating(
            directory,
            run,
            now=now,
            keep_seconds=keep_seconds,
            watch=0,
            stop=interrupt.code,
            pause=pause,
        ).apply()
    until = now + keep_seconds if result.outcome == "Completed" else None
    return _document(target, document["identity"], result, until)


def _document(
    target: Target, state: str, result: CleanResult, until: float | None
) -> RotateDocument:
    done = result.outcome == "Completed"
    kinds = result.removed_by_kind or [0] * len(KINDS)
    return {
        "path": target.shown,
        "company": target.company,
        "identity": state,
        "outcome": result.outcome,
        "applied": done,
        "run": result.run if done else None,
        "until": rfc3339(until),
        "moved": result.removed,
        "movedByKind": dict(zip(KINDS, kinds, strict=True)),
        "bytes": result.freed_bytes,
        "kept": result.kept or {},
        "backup": None,
        "code": result.code,
        "message": None if result.code is None else sentence_of(result.code),
    }
