"""Carries out a cleanup from the command line."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from baileys_janitor.cli.cleanup.planning import by_reason, ordered
from baileys_janitor.cli.scanning import credentials
from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import counted
from baileys_janitor.policy import reasons
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.volume.copies.credential_copies import keep_if_due
from baileys_janitor.volume.errors import SENTENCES
from baileys_janitor.volume.files.state_names import trash_name
from baileys_janitor.volume.operations import clean
from baileys_janitor.volume.runs.move_to_trash import EXPLANATIONS

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.settings import InForce
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.cli.terminal.json_output import CleanDocument
    from baileys_janitor.cli.terminal.signals import Interrupt
    from baileys_janitor.policy.cleanup.plan import Plan, Removal
    from baileys_janitor.volume.report.run_results import CleanResult

REASON = "CommandLine"
"""The reason for these runs in the journal."""


def apply_plan(
    target: Target,
    document: CleanDocument,
    in_force: InForce,
    interrupt: Interrupt,
    *,
    run: str,
    emergency: bool,
) -> tuple[CleanDocument, list[Removal]]:
    """Clean a directory; return its document with the outcome, and the removed files.

    The volume plans again under its lock, so the outcome is that of the plan it made, not of the one
    in `document`.
    """
    now = time.time()
    plans: list[Plan] = []
    with opened(target) as directory:
        # The cheapest moment: a nightly cleanup makes copies without another line in cron. A failed copy does not
        # stop the cleanup, which itself reports broken credentials.
        if in_force.keep:
            keep_if_due(directory, now=now, every=in_force.keep_every, keep=in_force.keep)
        result = clean(
            directory,
            in_force.policy,
            run=run,
            now=now,
            emergency=emergency,
            reason=REASON,
            undo_window=float(in_force.undo_window),
            stop=interrupt.code,
            watch=plans.append,
        )
        removed = _moved(directory, result, plans)
    return _document(document, result, removed), removed


def sentence_of(code: str) -> str:
    """Return one sentence about a code of the volume or of the rules."""
    return SENTENCES.get(code) or EXPLANATIONS.get(code) or reasons.explain(code)


def _moved(directory: int, result: CleanResult, plans: list[Plan]) -> list[Removal]:
    """Return the files of the plan that were removed: those in the run's trash."""
    if not plans or not result.removed:
        return []
    planned = plans[-1].removals
    if len(planned) == result.removed:
        return planned
    return [each for each in planned if _in_trash(directory, result.run, each.entry.name)]


def _in_trash(directory: int, run: str, name: str) -> bool:
    try:
        os.lstat(trash_name(run, name), dir_fd=directory)
    except OSError:
        return False
    return True


def _document(
    document: CleanDocument, result: CleanResult, removed: list[Removal]
) -> CleanDocument:
    before = document["before"] if result.before is None else result.before
    kinds = result.removed_by_kind or [0] * len(KINDS)
    return {
        **document,
        "outcome": result.outcome,
        "applied": result.applied,
        "run": result.run if result.removed else None,
        "removed": result.removed,
        "removedByKind": dict(zip(KINDS, kinds, strict=True)),
        "kept": max(0, document["total"] - result.removed),
        "left": result.left,
        "reasons": {"removed": by_reason(removed), "kept": ordered(result.kept or {})},
        "before": before,
        "after": before if result.after is None else result.after,
        "freedBytes": result.freed_bytes,
        "inTrash": result.in_trash,
        "purgedEarly": result.purged_early,
        "returned": result.returned,
        "duration": result.duration_ms / 1000,
        "code": result.code,
        "message": _message(document, result),
    }


def _message(document: CleanDocument, result: CleanResult) -> str | None:
    if result.code is None:
        return document["message"]
    sentence = credentials.sentence_of(document, result.code) or sentence_of(result.code)
    if result.removed:
        sentence += f" {counted(result.removed, 'file')} had been removed by then."
    return sentence
