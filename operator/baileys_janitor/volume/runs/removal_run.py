"""One run of removals under the lock: claimed, planned, synced to the disk, carried out, verified, recorded.

The caller decides about the files: a cleanup by its rules, a repair by a person's request.
"""

from __future__ import annotations

import os

from baileys_janitor.volume.errors import (
    ENDED,
    KILLED,
    LOCK_LOST,
    PERMISSION_DENIED,
    STATE_VANISHED,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.run_plan import MAX_FILES, by_unit, write_plan
from baileys_janitor.volume.files.state_files import remove
from baileys_janitor.volume.files.state_names import plan_name
from baileys_janitor.volume.report.results import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    REPEATED,
    by_kind,
)
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.move_to_trash import (
    CHANGED,
    NOT_PERMITTED,
    Removed,
    Remover,
    planned,
)
from baileys_janitor.volume.runs.put_back import Trash, settle_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.policy.cleanup.plan import Removal
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.report.run_results import Purged
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

#: After these codes the run no longer holds the directory: it writes nothing more.
OVER = frozenset((LOCK_LOST, STATE_VANISHED))


class RemovalRun:
    """Moves planned files into the trash of a new run.

    `reason` is its reason in the journal; `stop` returns a code when it is to end between two removals.
    """

    def __init__(
        self,
        access: ExclusiveAccess,
        run: str,
        reason: str,
        stop: Callable[[], str | None],
        progress: Callable[[int, int], None],
    ) -> None:
        self._access = access
        self._session = access.session
        self._run = run
        self._reason = reason
        self._stop = stop
        self._progress = progress

    def carry_out(
        self,
        removals: Sequence[Removal],
        protect: Callable[[Entry], str | None],
        fingerprint: str,
        result: CleanResult,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Move the files, and enter the outcome into `result`.

        `protect` returns, right before each move, the reason why a file must stay. `before` is called between plan and
        journal. Raises OSError and VolumeProblem while nothing has moved; later problems are in the result.
        """
        access = self._access
        access.with_room(access.file_system)
        self._make_room_in_trash(len(removals), result)
        trash = Trash(self._session, self._run, access.owners, access.file_system, own_run=True)
        plan_inode = access.with_room(lambda: self._begin(removals, fingerprint, before))
        remover = Remover(access, trash, protect, plan_inode)
        removed = remover.remove(removals, self._stop, self._progress)
        if removed.problem is None or removed.problem.code not in OVER:
            self._look_back(removals, remover, trash, removed)
        _enter(result, removed)

    def _make_room_in_trash(self, files: int, result: CleanResult) -> None:
        """Keep the trash within its limit: the oldest runs are purged early."""
        room = max(0, MAX_FILES - files)
        own = self._access.listing.own
        if own.trashed > room:
            result.purged_early += self._access.purging().keep_at_most(own, room).early

    def _begin(
        self, removals: Sequence[Removal], fingerprint: str, before: Callable[[], None] | None
    ) -> int:
        """Claim the run: sync plan and journal entry to the disk. From here on, recovery finds a killed run.

        One sync of the directory is enough for both names, as nothing moves before it.
        """
        stable = self._access.file_system().stable_inodes
        files = [planned(each, stable) for each in removals]
        now = int(self._access.now)
        inode = write_plan(self._session, self._run, files, now, self._access.owners)
        try:
            if before is not None:
                before()
            self._access.journal.begin(self._run, self._reason, fingerprint, now)
            os.fsync(self._session)
        except BaseException:
            remove(self._session, plan_name(self._run))
            raise
        return inode

    def _look_back(
        self, removals: Sequence[Removal], remover: Remover, trash: Trash, removed: Removed
    ) -> None:
        """Check all moved files once more: a write can end after the first check.

        Remove the plan of a run with nothing in the trash.
        """
        units = {each.unit for each in removed.moved}
        files = [remover.planned(each) for each in removals if each.unit in units]
        still: set[str] = set()
        again: set[str] = set()
        try:
            for unit in by_unit(files):
                still.update(each.name for each in settle_unit(trash, unit, again))
            moved = [each for each in removals if each.entry.name in still]
            removed.keep(CHANGED, max(0, len(removed.moved) - len(moved)))
            removed.moved = moved
            removed.returned = len(again & still)
            there = (trash.look(remover.planned(each)) for each in removals)
            if not moved and all(found is None for found in there):
                remove(self._session, plan_name(self._run))
        except OSError as error:
            removed.problem = removed.problem or problem_of(error)


def record(access: ExclusiveAccess, result: CleanResult) -> None:
    """Record in the journal how a run ended, and purge its files if they may not stay.

    Raises OSError and VolumeProblem.
    """
    journal, now, window = access.journal, int(access.now), access.undo_window
    access.with_room(lambda: journal.end(result, now))
    purged: list[Purged] = []
    try:
        if result.removed and window is not None and (window <= 0 or access.full()):
            access.list_again()
            purged.append(access.purging().purge(access.listing.own, everything=True))
            result.in_trash = 0
            result.purged_early += max(0, purged[0].early - result.removed)
        journal.prune(now, {result.run})
    except (VolumeProblem, OSError):
        return  # housekeeping: the next run does it


def repeated(access: ExclusiveAccess, run: str) -> CleanResult | None:
    """Return the result for a run id that was used before, with the numbers of that run; None for a new one."""
    known = access.journal.runs.get(run)
    if known is None and run not in access.listing.own.runs():
        return None
    if known is None or known.result is None:  # names of this run without a record: not ours
        return CleanResult(run, REPEATED)
    earlier = known.result
    # A killed run is reported as Killed, whatever it had left.
    earlier.code = KILLED if earlier.code == KILLED else earlier.outcome
    earlier.outcome = REPEATED
    return earlier


def would_remove(removals: Sequence[Removal], result: CleanResult) -> None:
    """Add the removals of a plan to the result of a dry run."""
    result.outcome = DRY_RUN
    result.removed = len(removals)
    result.removed_by_kind = by_kind([each.entry.kind for each in removals])
    result.removed_by_reason = _by_reason(removals)
    result.freed_bytes = sum(each.entry.size for each in removals)


def _by_reason(removals: Sequence[Removal]) -> dict[str, int]:
    """Return the number of removals by reason code."""
    counts: dict[str, int] = {}
    for each in removals:
        counts[each.reason] = counts.get(each.reason, 0) + 1
    return counts


def _enter(result: CleanResult, removed: Removed) -> None:
    """Enter the removed files into the result."""
    result.removed = result.in_trash = len(removed.moved)
    result.returned = removed.returned
    result.removed_by_kind = by_kind([each.entry.kind for each in removed.moved])
    result.removed_by_reason = _by_reason(removed.moved)
    result.freed_bytes = sum(each.entry.size for each in removed.moved)
    result.left += removed.left
    result.kept = result.kept or {}
    for reason, number in removed.kept.items():
        result.kept[reason] = result.kept.get(reason, 0) + number
    result.outcome = CAPPED if result.left else COMPLETED
    if removed.problem is not None:
        result.code = removed.problem.code
        result.outcome = CAPPED if result.code in ENDED else FAILED
    elif not removed.moved and removed.kept.get(NOT_PERMITTED):
        result.outcome, result.code = FAILED, PERMISSION_DENIED
    elif not removed.moved and not result.left:
        result.outcome = NOTHING_TO_DO
