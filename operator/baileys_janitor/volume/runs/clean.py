"""Cleaning a session directory: plan, journal, remove, verify, record. Or, as a dry run, only plan."""

from __future__ import annotations

import os
import time

from baileys_janitor.policy.ages.running_text import encode
from baileys_janitor.policy.cleanup.guards import protect, refusal
from baileys_janitor.policy.cleanup.plan import make_plan
from baileys_janitor.policy.reasons import CLOCK_SKEW, TOO_MANY_FILES
from baileys_janitor.volume.errors import (
    STATE_VANISHED,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.read import has_state, read_listing
from baileys_janitor.volume.files.state_files import remove
from baileys_janitor.volume.files.state_names import ACTIVITY
from baileys_janitor.volume.report.results import (
    CAPPED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
    by_kind,
)
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.callbacks import go_on, show_nobody, tell_nobody
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from baileys_janitor.volume.runs.removal_run import OVER, RemovalRun, record, repeated, would_remove
from baileys_janitor.volume.scanning.activity import Known, activity_of, write_memory
from baileys_janitor.volume.scanning.credentials import Reading, settled_identity
from baileys_janitor.volume.scanning.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.ages.running import Memory
    from baileys_janitor.policy.cleanup.guards import Context
    from baileys_janitor.policy.cleanup.plan import Plan
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.volume.files.read import Listing


class Cleaning:
    """One cleaning of an open session directory. `run` is its id: 1 to 32 of a-z, 0-9 and "-".

    Times are Unix seconds, `undo_window` seconds. `stop` returns a code when the run is to end between two
    removals (Interrupted, DeadlineReached); `progress` gets the files done and planned; `watch` gets each
    plan before it is carried out; `pause` waits for some seconds between two reads of creds.json.
    """

    def __init__(
        self,
        directory: int,
        settings: Settings,
        run: str,
        *,
        now: float,
        known: Known | None = None,
        emergency: bool = False,
        reason: str = "",
        undo_window: float = 86400.0,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        watch: Callable[[Plan], None] = show_nobody,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.run = run
        self.now = now
        self.known = known or Known()
        self._memory: Memory | None = None
        self._first: Reading | None = None
        self.emergency = emergency
        self.reason = reason
        self.undo_window = undo_window
        self.stop = stop
        self.progress = progress
        self.watch = watch
        self.pause = pause
        self._started = time.monotonic()

    def dry_run(self) -> CleanResult:
        """Return the result of a run without doing it. Writes nothing, needs no lock. Raises VolumeProblem."""
        identity = self._identity()
        plan = self._plan_of(read_listing(self.directory, self._tick), identity)
        result = self._planned_result(plan)
        if plan is not None and plan.refused is None:
            self.watch(plan)
            would_remove(plan.removals, result)
        return self._finish(result, self._tick)

    def apply(self) -> CleanResult:
        """Clean. A problem with the volume is in the result: outcome Refused or Failed, and a
        code. Never raises for a file system error."""
        try:
            refused = self._refused_outright()
            if refused is not None:
                return refused
            with ExclusiveAccess(
                self.directory,
                now=self.now,
                undo_window=self.undo_window,
                holder=f"baileys-janitor run {self.run}",
                stop=self.stop,
            ) as access:
                return self._run(access)
        except VolumeProblem as problem:
            return self._failed(problem.code)
        except OSError as error:
            return self._failed(code_of(error))

    def _refused_outright(self) -> CleanResult | None:
        """Write nothing to a directory that is neither a paired session nor has files of ours."""
        self._first = Reading(self.directory)
        if refusal(self._first.identity, 0, self.now) is None:
            return None
        refused = refusal(self._identity(), 0, self.now)
        if refused is None or has_state(self.directory, self._tick):
            return None
        return self._finish(self._refused(refused), self._tick)

    def _run(self, access: ExclusiveAccess) -> CleanResult:
        earlier = repeated(access, self.run)
        if earlier is not None:
            return earlier
        identity = self._identity()
        plan = self._plan_of(access.listing, identity)
        result = self._planned_result(plan)
        result.purged_early = access.purged.early
        if plan is not None and plan.context is not None and plan.removals:
            self._carry_out(plan, plan.context, identity, access, result)
        result.recovered = access.recovered
        result.applied = True
        self._finish(result, access.lock.beat)
        try:
            if result.code not in OVER and not access.journal.vanished():
                self._keep_memory(access, result)
                os.fsync(self.directory)  # the moved files and the memory: both before the record
                if access.journal.still_there():
                    record(access, result)
        except (VolumeProblem, OSError) as problem:
            code = problem.code if isinstance(problem, VolumeProblem) else code_of(problem)
            result.outcome, result.code = FAILED, result.code or code
        return result

    def _carry_out(
        self,
        plan: Plan,
        context: Context,
        identity: Identity,
        access: ExclusiveAccess,
        result: CleanResult,
    ) -> None:
        self.watch(plan)
        removals = RemovalRun(access, self.run, self.reason, self.stop, self.progress)
        removals.carry_out(
            plan.removals,
            lambda entry: protect(entry, context),
            identity.fingerprint,
            result,
            before=lambda: self._note_memory(access),
        )

    def _note_memory(self, access: ExclusiveAccess) -> None:
        """Write the memory of the running time before any removal.

        Removed files no longer show when the tenant was running, and a killed run writes nothing later.
        """
        if self._memory is not None:
            self._write_memory(access, encode(self._memory))

    def _keep_memory(self, access: ExclusiveAccess, result: CleanResult) -> None:
        """Write the memory of the tenant's running time, whether any file was removed or not."""
        if result.scan is None or result.scan.running is None:
            return
        try:
            self._write_memory(access, result.scan.running)
        except (VolumeProblem, OSError):
            return  # a full disk: the earlier memory stays in use

    def _write_memory(self, access: ExclusiveAccess, text: str) -> None:
        """Write the memory, unless a bot has cleared the session: then no file is made anew."""
        if access.journal.vanished():
            raise VolumeProblem(STATE_VANISHED)
        write_memory(self.directory, text, access.owners)
        if access.journal.vanished():
            remove(self.directory, ACTIVITY)
            raise VolumeProblem(STATE_VANISHED)

    def _identity(self) -> Identity:
        """Return the identity by two reads: one of them may be older than the lock."""
        first, self._first = self._first, None
        return settled_identity(self.directory, self.pause, first)

    def _plan_of(self, listing: Listing, identity: Identity) -> Plan | None:
        """Return the plan; None for a directory with too many entries."""
        if listing.entries is None:
            return None
        activity = activity_of(
            self.directory, listing, identity, self.settings, self.now, self.known
        )
        self._memory = activity.memory
        return make_plan(
            listing.entries,
            identity,
            self.settings,
            self.now,
            activity.ages,
            self.emergency,
            CLOCK_SKEW if activity.skewed else None,
        )

    def _planned_result(self, plan: Plan | None) -> CleanResult:
        if plan is None:
            return self._refused(TOO_MANY_FILES)
        if plan.refused is not None:
            result = self._refused(plan.refused)
        else:
            outcome = CAPPED if plan.left else NOTHING_TO_DO
            result = CleanResult(self.run, outcome, time=int(self.now), left=plan.left)
            result.kept = dict(plan.kept)
            result.removed_by_kind = by_kind([])
            result.removed_by_reason = {}
        result.before, result.after = plan.before, plan.after
        return result

    def _finish(self, result: CleanResult, tick: Callable[[], None]) -> CleanResult:
        """Add a scan of the directory as it is now."""
        try:
            result.scan = scan(
                self.directory,
                self.settings,
                now=self.now,
                known=self.known,
                tick=tick,
                whole=True,
            )
            if result.outcome != DRY_RUN:
                result.after = result.scan.counted
        except VolumeProblem as problem:
            result.code = result.code or problem.code
        result.duration_ms = self._elapsed()
        return result

    def _refused(self, code: str) -> CleanResult:
        return CleanResult(self.run, REFUSED, code=code, time=int(self.now))

    def _failed(self, code: str) -> CleanResult:
        result = CleanResult(self.run, outcome_of(code), code=code, time=int(self.now))
        result.duration_ms = self._elapsed()
        return result

    def _elapsed(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def _tick(self) -> None:
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)
