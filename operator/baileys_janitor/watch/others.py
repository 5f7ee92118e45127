"""Runs by others in a directory, from its journal: `clean` beside the watch, an operator, another watch."""

from __future__ import annotations

import logging

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.schedule.cleanup_times import DAILY, EMERGENCY, TRIGGER
from baileys_janitor.status.changes import Change, CleanupFinished
from baileys_janitor.volume.report.results import COMPLETED
from baileys_janitor.volume.runs.journal import Run
from baileys_janitor.watch.record import DirectoryRecord, JournalMark

logger = logging.getLogger("janitor.watch")

AUTOMATIC = frozenset({DAILY, TRIGGER, EMERGENCY})
"""Reasons of automatic cleanups."""
ELSEWHERE = "Carried out by another process; see the directory's journal."
"""The message of such a cleanup."""


def take_in(
    record: DirectoryRecord, mark: JournalMark, runs: list[Run], since: float, now: float
) -> bool:
    """Record a changed journal; return whether it has cleanups by others that removed files.

    For a directory without a known cleanup, only those that ended after `since` (Unix seconds) count.
    """
    first = record.journal is None
    record.see_journal(mark)
    known = {str(entry.get("run")) for entry in record.cleanup.history}
    known.add(str((record.run or {}).get("id")))
    last = record.cleanup.last_time or since
    news = [run for run in runs if run.run not in known and _counts(run, last, now)]
    for run in news:
        _take_over(record, run)
        if not first and run.reason in AUTOMATIC and not record.shared:
            record.share()
            logger.warning(
                "Somebody else looks after this directory too: its journal has an automatic cleanup that is not this "
                "watch's. Nothing is done twice, but let one of them do it",
                extra={"tenant": record.name, "run": run.run, "reason": run.reason},
            )
    return bool(news)


def is_elsewhere(change: Change) -> bool:
    """Return whether a change is the end of a cleanup by another process."""
    return isinstance(change, CleanupFinished) and change.entry.get("message") == ELSEWHERE


def _take_over(record: DirectoryRecord, run: Run) -> None:
    """Record a cleanup by another process. Anybody can write the journal, so its figures are not used."""
    assert run.result is not None
    assert record.effective is not None
    reason = run.reason if run.reason in AUTOMATIC else "Requested"
    when = float(run.result.time or run.time)
    entry = {
        "run": run.run,
        "time": to_rfc3339(when),
        "reason": reason,
        "outcome": run.result.outcome,
    }
    record.cleanup.record(entry, {"message": ELSEWHERE})
    record.scan.cleaned()
    if run.result.outcome == COMPLETED:
        record.cleanup.cool(when, record.effective.cooldown)
        if reason == EMERGENCY:
            record.cleanup.cool_emergency(when, record.effective.emergency_cooldown)


def _counts(run: Run, since: float, now: float) -> bool:
    """Return whether a journal's run has ended, removed files, and has a valid time: not before `since`, not ahead."""
    if run.result is None or run.result.removed <= 0:
        return False
    when = float(run.result.time or run.time)
    return since < when <= now + 1.0
