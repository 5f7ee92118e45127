"""The history of cleanups in a session directory's journal. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.report.model import code_of
from baileys_janitor.report.words import rfc3339
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.runs.journal import Journal

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Target
    from baileys_janitor.report.model import RunDocument
    from baileys_janitor.volume.runs.journal import Run


class History(NamedTuple):
    """The runs of a journal, newest first, and the removed files of those since a time, by kind.

    `fingerprints` are those of the identities in the runs since then, oldest first.
    """

    runs: list[RunDocument]
    removed_by_kind: dict[str, int]
    fingerprints: list[str]


_CLOCK_TOLERANCE_SECONDS = 3_600
NONE = History([], {}, [])


def history_of(target: Target, since: float, now: float) -> History:
    """Return the history of a directory; raise a Problem when its journal cannot be read.

    Entries in the future are left out: a clock was wrong, or another program wrote them.
    """
    with opened(target) as directory:
        journal = Journal(directory, owners_of(directory)).runs
    known = [run for run in journal.values() if run.time <= now + _CLOCK_TOLERANCE_SECONDS]
    known.sort(key=lambda run: run.time, reverse=True)
    recent = [run for run in known if run.time >= since]
    kinds = dict.fromkeys(KINDS, 0)
    for run in recent:
        removed = run.result.removed_by_kind if run.result is not None else None
        for kind, count in zip(KINDS, removed or (), strict=False):
            kinds[kind] += count
    prints = [run.fingerprint for run in reversed(recent) if run.fingerprint]
    return History([_document(run) for run in known], kinds, prints)


def _document(run: Run) -> RunDocument:
    result = run.result
    return {
        "run": run.run,
        "time": rfc3339(run.time),
        "reason": code_of(run.reason),
        "outcome": "Killed" if result is None else result.outcome,
        "code": None if result is None or result.code is None else code_of(result.code),
        "removed": 0 if result is None else result.removed,
        "before": None if result is None else result.before,
        "after": None if result is None else result.after,
        "freedBytes": 0 if result is None else result.freed_bytes,
        "undone": run.undone,
    }
