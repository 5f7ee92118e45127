"""Emptying the trash: runs older than the undo window, or all of them when the disk is full."""

from __future__ import annotations

import os

from .callbacks import go_on
from .journal import PURGED, Journal
from .opening import open_beneath
from .problems import PERMISSION_DENIED, code_of
from .trash import (
    RESTORED,
    age_mark,
    drop_run,
    look,
    names_in,
    open_trash,
    put_back,
    read_plan,
    runs_in,
    unlink,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Purged:
    """What is gone for good: runs, files, and the bytes that this freed."""

    __slots__ = ("bytes", "files", "runs")

    def __init__(self) -> None:
        self.runs = 0
        self.files = 0
        self.bytes = 0

    def add(self, more: Purged) -> None:
        """Count what went besides."""
        self.runs += more.runs
        self.files += more.files
        self.bytes += more.bytes


def purge_trash(
    session: int,
    trash: int,
    journal: Journal,
    now: float,
    undo_window: float,
    tick: Callable[[], None],
) -> Purged:
    """Purge the runs that are older than `undo_window` seconds, oldest first.

    The lock is held, and earlier runs are settled. `tick` is called for each file and may raise. Raises
    OSError and VolumeProblem.
    """
    purged = Purged()
    for run in runs_in(trash):
        if undo_window > 0 and now - age_mark(trash, run) < undo_window:
            continue
        _purge_run(session, trash, run, purged, tick)
        if run in journal.runs:
            journal.mark(PURGED, run, int(now))
    return purged


def make_room(session: int, janitor: int) -> Purged:
    """Empty the trash of runs that have ended, because the disk is too full even for the lock.

    That there is no lock file is known then, and whoever makes one meanwhile works in another
    directory. Raises OSError and VolumeProblem.
    """
    trash = open_trash(janitor)
    purged = Purged()
    if trash is None:
        return purged
    try:
        journal = Journal(janitor)
        for run in runs_in(trash):
            known = journal.runs.get(run)
            if known is not None and not known.unfinished and not known.undoing:
                _purge_run(session, trash, run, purged, go_on)
        return purged
    finally:
        os.close(trash)


def _purge_run(
    session: int, trash: int, run: str, purged: Purged, tick: Callable[[], None]
) -> None:
    directory = open_beneath(trash, run)
    try:
        plan = {each.name: each for each in read_plan(directory) or ()}
        for name in names_in(directory):
            tick()
            found = look(directory, name)
            if found is None:
                continue
            # Whatever was written to after all is not lost, as long as its name is free.
            written = name in plan and not plan[name].is_still(found)
            if written and put_back(session, directory, name) == RESTORED:
                continue
            try:
                unlink(directory, name)
            except OSError as error:
                if code_of(error) != PERMISSION_DENIED:
                    raise
                continue
            purged.files += 1
            if found.st_nlink == 1:
                purged.bytes += found.st_size
    finally:
        os.close(directory)
    drop_run(trash, run)
    purged.runs += 1
