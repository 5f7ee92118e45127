"""Rotating: a session's whole pairing moves into the trash of one run, where it is kept for a rollback.

The run is planned, synced to the disk, carried out with creds.json first, verified and recorded under the reason
`Rotate`. It is all or nothing: if a file is not as planned, a process uses the session, and everything goes back.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from baileys_janitor.policy.cleanup.guards import identity_problem
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER
from baileys_janitor.policy.reasons import TOO_MANY_FILES
from baileys_janitor.policy.rotation import (
    UNDO_SECONDS,
    RotationPlan,
    belongs_to_pairing,
    is_same_pairing,
    make_rotation_plan,
)
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    STILL_WRITING,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.read import has_state, read_listing
from baileys_janitor.volume.files.rotation_record import write_rotation
from baileys_janitor.volume.files.state_files import lookup, remove
from baileys_janitor.volume.files.state_names import fits, rotation_name, trash_name
from baileys_janitor.volume.report.results import (
    COMPLETED,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
    by_kind,
)
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from baileys_janitor.volume.runs.journal import ROTATE, UNDONE
from baileys_janitor.volume.runs.move_to_trash import (
    NAME_TOO_LONG,
    OTHER_OWNER,
    SEVERAL_LINKS,
    planned,
)
from baileys_janitor.volume.runs.removal_run import OVER, repeated, would_remove
from baileys_janitor.volume.runs.rotated import RotatedFiles
from baileys_janitor.volume.runs.volume_run import VolumeRun
from baileys_janitor.volume.scanning.quiet import AFTERWARDS_SECONDS, WATCH_SECONDS, is_quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.policy.cleanup.plan import Removal
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.volume.files.read import Listing
    from baileys_janitor.volume.files.run_plan import Planned


@dataclass(frozen=True, slots=True)
class RotationOutlook:
    """The plan of a rotation now. `newest_write` is the latest write to a session file, in Unix seconds."""

    plan: RotationPlan
    state: str
    newest_write: int | None


class Rotating(VolumeRun):
    """One rotation of an open session directory. `run` is its id: 1 to 32 of a-z, 0-9 and "-".

    `now` is Unix seconds; the moved files are kept for `keep_seconds`. `watch` and `watch_after` are the seconds
    without a write to the session required before and afterwards; `pause` waits. `stop` returns a code when it is to
    end; it ends only before the first file has moved. `progress` gets the files done and planned.
    """

    def __init__(
        self,
        directory: int,
        run: str,
        *,
        now: float,
        keep_seconds: float = UNDO_SECONDS,
        watch: float = WATCH_SECONDS,
        watch_after: float = AFTERWARDS_SECONDS,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(directory, now=now, stop=stop, progress=progress, pause=pause)
        self.run = run
        self.until = int(now + keep_seconds)
        self.watch = watch
        self.watch_after = watch_after

    def look(self) -> RotationOutlook:
        """Return the plan of a rotation now. Writes nothing, needs no lock. Raises VolumeProblem."""
        listing = read_listing(self.directory, self._tick)
        identity = self._identity()
        plan = self._plan(listing, identity)
        written = [each.mtime_ns for each in listing.entries or () if each.kind != OTHER]
        return RotationOutlook(plan, identity.state, max(written) // 10**9 if written else None)

    def dry_run(self) -> CleanResult:
        """Return the result of a rotation without doing it. Raises VolumeProblem."""
        return self._timed(self._planned(self.look().plan))

    def apply(self) -> CleanResult:
        """Rotate. A problem with the volume is in the result: Refused or Failed, and a code."""
        try:
            refused = self._refused_outright()
            if refused is not None:
                return self._timed(refused)
            if not is_quiet(self.directory, self.pause, self.stop, self.watch):
                return self._failed(STILL_WRITING)
            with self._access() as access:
                result, moved = self._run(access)
            if moved:
                self._watch_afterwards(result)
            return self._timed(result)
        except VolumeProblem as problem:
            return self._failed(problem.code)
        except OSError as error:
            return self._failed(code_of(error))

    def _refused_outright(self) -> CleanResult | None:
        """Write nothing to a directory that is neither a paired session nor has files of ours."""
        identity = self._identity()
        refused = identity_problem(identity)
        if refused is None or has_state(self.directory, self._tick):
            return None
        return self._result(REFUSED, refused)

    def _access(self) -> ExclusiveAccess:
        return ExclusiveAccess(
            self.directory,
            now=self.now,
            undo_window=None,
            holder=f"baileys-janitor rotate {self.run}",
            stop=self.stop,
        )

    def _run(self, access: ExclusiveAccess) -> tuple[CleanResult, bool]:
        """Return the result, and whether this run has moved the session."""
        earlier = repeated(access, self.run)
        if earlier is not None and (earlier.removed or self.run in access.listing.own.trash):
            return earlier, False
        identity = self._identity()
        plan = self._plan(access.listing, identity)
        if plan.refused is None:
            plan.refused = _unreturnable(access, self.run, plan.removals)
        if plan.refused is not None:
            return self._result(REFUSED, plan.refused), False
        result = self._planned(plan)
        result.recovered = access.recovered
        result.applied = True
        self._tick()
        self._move(access, plan, identity, result)
        return result, result.outcome == COMPLETED

    def _move(
        self, access: ExclusiveAccess, plan: RotationPlan, identity: Identity, result: CleanResult
    ) -> None:
        """Move everything, or put everything back; record the end in the journal."""
        stable = access.file_system().stable_inodes
        files = [planned(each, stable) for each in plan.removals]
        inode = self._begin(access, files, identity.fingerprint)
        moving = RotatedFiles(access, self.run, files, inode)
        code: str | None = None
        try:
            if not moving.move_out(self.progress) or self._is_written_anew():
                code = STILL_WRITING
        except VolumeProblem as problem:
            code = problem.code
        except OSError as error:
            code = code_of(error)
        if code in OVER:  # the directory is no longer this run's
            result.outcome, result.code, result.in_trash = FAILED, code, len(moving.left())
            return
        if code is not None:
            moving.put_free_back()  # if that fails, too, the next run settles it
        self._end(access, plan, result, moving.left(), code)

    def _begin(self, access: ExclusiveAccess, files: Sequence[Planned], fingerprint: str) -> int:
        """Claim the run: sync record and journal entry to the disk. From here on, recovery finds a killed run."""
        session, now = self.directory, int(self.now)
        inode = write_rotation(session, self.run, files, now, self.until, access.owners)
        try:
            access.journal.begin(self.run, ROTATE, fingerprint, now)
            os.fsync(session)
        except BaseException:
            remove(session, rotation_name(self.run))
            raise
        return inode

    def _end(
        self,
        access: ExclusiveAccess,
        plan: RotationPlan,
        result: CleanResult,
        left: Sequence[Planned],
        code: str | None,
    ) -> None:
        there = {each.name for each in left}
        moved = [each.entry for each in plan.removals if each.entry.name in there]
        result.outcome = COMPLETED if code is None else outcome_of(code)
        result.code = code
        result.removed = result.in_trash = len(moved) if code is None else 0
        result.removed_by_kind = by_kind([each.kind for each in moved] if code is None else [])
        result.freed_bytes = sum(each.size for each in moved) if code is None else 0
        if code is not None:
            result.removed_by_reason = {}
        access.journal.end(result, int(self.now))

    def _watch_afterwards(self, result: CleanResult) -> None:
        """Put all back if a process writes the old session again, since it was not stopped."""
        if is_quiet(self.directory, self.pause, self.stop, self.watch_after):
            return
        from baileys_janitor.volume.runs.rotated import read_record

        with self._access() as access:
            known = access.journal.runs.get(self.run)
            record = read_record(access, self.run)
            if known is None or record is None:
                return
            if not is_same_pairing(self._identity(), known.fingerprint):
                return  # a process has started a new pairing, as it should
            RotatedFiles(access, self.run, record.files).put_free_back()
            result.outcome, result.code = outcome_of(STILL_WRITING), STILL_WRITING
            result.removed = result.in_trash = result.freed_bytes = 0
            result.removed_by_kind, result.removed_by_reason = by_kind([]), {}
            access.journal.end(result, int(self.now))
            access.journal.mark(UNDONE, self.run, int(self.now))

    def _is_written_anew(self) -> bool:
        """Return whether files of a pairing exist again, which only a process can have written."""
        entries = read_listing(self.directory).entries or ()
        return any(belongs_to_pairing(each) for each in entries)

    def _plan(self, listing: Listing, identity: Identity) -> RotationPlan:
        if listing.entries is None:
            plan = RotationPlan()
            plan.refused = TOO_MANY_FILES
            return plan
        plan = make_rotation_plan(listing.entries, identity)
        first = plan.removals[0].entry.name if plan.removals else CREDS_NAME
        if plan.refused is None and first != CREDS_NAME:  # saved anew between list and read
            plan.refused = CREDENTIALS_CHANGING
        return plan

    def _planned(self, plan: RotationPlan) -> CleanResult:
        if plan.refused is not None:
            return self._result(REFUSED, plan.refused)
        result = self._result(NOTHING_TO_DO)
        would_remove(plan.removals, result)
        result.kept = plan.kept
        return result

    def _result(self, outcome: str, code: str | None = None) -> CleanResult:
        return CleanResult(self.run, outcome, code=code, time=int(self.now))

    def _failed(self, code: str) -> CleanResult:
        return self._timed(self._result(outcome_of(code), code))

    def _timed(self, result: CleanResult) -> CleanResult:
        result.duration_ms = self._elapsed_ms()
        return result


def _unreturnable(access: ExclusiveAccess, run: str, removals: Sequence[Removal]) -> str | None:
    """Return the reason why one of the files could not be put back, so that none is moved. Raises OSError."""
    for each in removals:
        access.tick()
        name = each.entry.name
        found = lookup(access.session, name)
        if found is None:
            return STILL_WRITING
        if found.st_nlink > 1:
            return SEVERAL_LINKS
        if found.st_uid not in access.owners.uids:
            return OTHER_OWNER
        if not fits(trash_name(run, name)):
            return NAME_TOO_LONG
    return None
