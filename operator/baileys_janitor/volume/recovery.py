"""Looking after runs that were killed, at the start of the next one.

A run with a `begin` and no `end` in the journal is finished as it stands: what it had moved stays in the
trash (and can be undone), what was written to meanwhile and half units go back, and the journal gets the
`end` that is missing. An undo that was killed is gone through again.
"""

from __future__ import annotations

import os

from ..policy.identity import read_identity
from ..policy.kinds import KINDS, classify
from .callbacks import go_on, tell_nobody
from .journal import UNDONE, Journal, Run
from .lock import NEW_LOCK_PREFIX
from .opening import open_beneath
from .problems import KILLED
from .reading import read_creds
from .report import CAPPED, CleanResult
from .trash import Planned, drop_run, names_in, put_back, read_plan, runs_in, unlink
from .undoing import put_run_back
from .units import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def recover(
    session: int, janitor: int, trash: int, journal: Journal, now: float, tick: Callable[[], None]
) -> int:
    """Finish what killed runs left; the number of them. The lock is held.

    Raises OSError and VolumeProblem; then nothing of this run has begun, and the next one tries again.
    """
    there = runs_in(trash)
    for run in there:
        known = journal.runs.get(run)
        if known is None or not known.began:
            drop_run(trash, run)  # killed before its first removal
    recovered = 0
    for known in list(journal.runs.values()):
        if known.unfinished:
            plan = _settle_run(session, trash, known.run, tick) if known.run in there else None
            journal.end(_as_it_stands(known.run, known.time, *(plan or ([], 0))), int(now))
            recovered += 1
        elif known.undoing:
            _finish_undo(session, trash, known, journal, now, known.run in there)
            recovered += 1
    _tidy(janitor)
    return recovered


def _finish_undo(
    session: int, trash: int, known: Run, journal: Journal, now: float, there: bool
) -> None:
    fingerprint = read_identity(read_creds(session)[0]).fingerprint
    if there and not fingerprint:
        return  # creds.json is perhaps being written this moment: the next run will see
    if there and fingerprint == known.fingerprint:
        put_run_back(session, trash, known.run, go_on, tell_nobody)
    journal.mark(UNDONE, known.run, int(now))


def _settle_run(
    session: int, trash: int, run: str, tick: Callable[[], None]
) -> tuple[list[Planned], int]:
    """The files that are rightly in a killed run's trash, and how many it had not reached."""
    directory = open_beneath(trash, run)
    try:
        plan = read_plan(directory)
        if plan is None:  # nobody can tell what belongs there any more
            for name in names_in(directory):
                tick()
                put_back(session, directory, name)
            return [], 0
        settled = settle(session, directory, plan, tick)
        os.fsync(directory)
        os.fsync(session)
        return settled, len(plan) - len(settled)
    finally:
        os.close(directory)


def _as_it_stands(run: str, time: int, settled: Sequence[Planned], left: int) -> CleanResult:
    return CleanResult(
        run,
        CAPPED,
        code=KILLED,
        time=time,
        removed=len(settled),
        removed_by_kind=by_kind([each.name for each in settled]),
        left=left,
        freed_bytes=sum(each.size for each in settled),
        applied=True,
    )


def by_kind(names: Sequence[str]) -> list[int]:
    """How many files of each kind, in the order of KINDS."""
    counts = [0] * len(KINDS)
    for name in names:
        counts[KINDS.index(classify(name)[0])] += 1
    return counts


def _tidy(janitor: int) -> None:
    """Remove what takers-over of a lock left behind when they were killed."""
    with os.scandir(janitor) as found:
        names = [item.name for item in found if item.name.startswith(NEW_LOCK_PREFIX)]
    for name in names:
        unlink(janitor, name)
