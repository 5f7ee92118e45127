"""Rolls back the rotation of one directory from the command line."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from baileys_janitor.cli.rotate.asking import sentence_of
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.rotation.rollback import RollingBack

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.rotate.documents import RollbackDocument
    from baileys_janitor.cli.terminal.signals import Interrupt


def look(target: Target, run: str | None) -> RollbackDocument:
    """Return the dry run of a rollback."""
    with opened(target) as directory:
        outlook = RollingBack(directory, run, now=time.time()).look()
    possible = outlook.refused is None
    return {
        "path": target.shown,
        "company": target.company,
        "outcome": "DryRun" if possible else "Refused",
        "applied": False,
        "run": outlook.run or None,
        "rotated": rfc3339(outlook.time),
        "until": rfc3339(outlook.until),
        "restored": outlook.files if possible else 0,
        "restoredByKind": _kinds(outlook.restored_by_kind if possible else None),
        "setAside": outlook.aside if possible else 0,
        "skipped": {},
        "code": outlook.refused,
        "message": None if outlook.refused is None else sentence_of(outlook.refused),
    }


def roll_back(
    target: Target,
    document: RollbackDocument,
    pause: Callable[[float], None],
    interrupt: Interrupt,
) -> RollbackDocument:
    """Bring the session back; return its document with the outcome."""
    with opened(target) as directory:
        result = RollingBack(
            directory,
            document["run"],
            now=time.time(),
            watch=0,
            stop=interrupt.code,
            pause=pause,
        ).apply()
    return {
        **document,
        "outcome": result.outcome,
        "applied": result.restored > 0,
        "restored": result.restored,
        "restoredByKind": _kinds(result.restored_by_kind),
        "setAside": result.taken_away,
        "skipped": result.kept or {},
        "code": result.code,
        "message": None if result.code is None else sentence_of(result.code),
    }


def _kinds(numbers: list[int] | None) -> dict[str, int]:
    return dict(zip(KINDS, numbers or [0] * len(KINDS), strict=True))
