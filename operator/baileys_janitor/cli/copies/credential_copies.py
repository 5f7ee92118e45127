"""Keeps a copy of one directory's creds.json from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.policy import reasons
from baileys_janitor.volume.copies.credential_copies import keep_if_due
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    DISK_FULL,
    SENTENCES,
)
from baileys_janitor.volume.report.run_results import NOT_KEPT

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.terminal.json_output import KeepDocument
    from baileys_janitor.volume.report.run_results import KeptCopy

_NEVER_PAIRED = frozenset((reasons.NOT_PAIRED, reasons.CREDENTIALS_ABSENT))
"""There is nothing to keep, which is not a failure."""

_SENTENCES = {
    CREDENTIALS_CHANGING: "creds.json changed between reads, so no copy of it was kept; the next run tries again.",
    DISK_FULL: "The disk has too little room for a copy of creds.json: make room on it.",
}
_BROKEN = {
    reasons.CREDENTIALS_CORRUPT: "creds.json cannot be read, so no copy of it was kept.",
    reasons.CREDENTIALS_ABSENT: "creds.json is missing, so no copy of it was kept.",
}


def keep_copy(
    target: Target, now: float, *, every: float, keep: int
) -> tuple[KeepDocument, Problem | None]:
    """Keep a copy of a directory's creds.json if one is due; return the document and any problem."""
    with opened(target) as directory:
        kept = keep_if_due(directory, now=now, every=every, keep=keep)
    document: KeepDocument = {
        "path": target.shown,
        "company": target.company,
        "outcome": kept.outcome,
        "code": kept.code,
        "copies": kept.copies,
        "newest": rfc3339(kept.newest),
        "removed": kept.removed,
    }
    return document, problem_with(target, kept)


def problem_with(target: Target, kept: KeptCopy) -> Problem | None:
    """Return the problem if a due copy was not kept."""
    if kept.outcome != NOT_KEPT or kept.code is None:
        return None
    if kept.code in _NEVER_PAIRED and not kept.copies:
        return None
    sentence = _SENTENCES.get(kept.code) or SENTENCES.get(kept.code) or reasons.explain(kept.code)
    if kept.code in _BROKEN:
        restore = command("restore", "--mode", "Credentials", paths=[target.full_path])
        way_out = reasons.SAVE_CREDENTIALS.replace(reasons.RESTORE_COMMAND, restore)
        sentence = f"{_BROKEN[kept.code]} {way_out}"
    return Problem(f"{target.shown}: {sentence}", code=kept.code)
