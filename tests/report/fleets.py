"""Session directories with a past: genuine sessions, and journals as cleanups would have written them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from baileys_janitor.policy.files.file_kinds import KINDS, SENDER_KEY, SESSION
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.journal import Journal

DAY = 86_400


class Past(NamedTuple):
    """One cleanup that is over: how long ago, why, and counted files before and after."""

    days_ago: float
    reason: str
    before: int
    after: int
    undone: bool = False
    outcome: str = "Completed"


def write_past(session: Path, past: Sequence[Past], now: float) -> None:
    """Write the journal of a directory as these cleanups would have; given in any order."""
    directory = os.open(session, os.O_RDONLY)
    try:
        journal = Journal(directory, owners_of(directory))
        for place, each in enumerate(sorted(past, key=lambda one: -one.days_ago)):
            time = int(now - each.days_ago * DAY)
            run = f"r{time:x}-{place}"
            removed = max(0, each.before - each.after)
            kinds = [0] * len(KINDS)
            kinds[KINDS.index(SESSION)] = removed // 3
            kinds[KINDS.index(SENDER_KEY)] = removed - removed // 3
            result = CleanResult(
                run,
                each.outcome,
                time=time,
                removed=removed,
                removed_by_kind=kinds,
                before=each.before,
                after=each.after,
                freed_bytes=removed * 900,
                applied=True,
            )
            journal.begin(run, each.reason, "", time)
            journal.end(result, time)
            if each.undone:
                journal.mark("undone", run, time + 60)
    finally:
        os.close(directory)


def watched(limit: int = 28, *, start: int = 170, removed: int = 12) -> list[Past]:
    """The past of a directory that a watch cleans each night."""
    return [
        Past(day + 0.2, "Daily", start + day % 5, start + day % 5 - removed + day % 3)
        for day in range(limit)
    ]
