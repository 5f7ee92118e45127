"""Cleaning a session directory: plan, journal, remove, verify, record. Or, as a dry run, only plan."""

from __future__ import annotations

import os
import time

from ..policy.census import take_census
from ..policy.identity import read_identity
from ..policy.plan import make_plan, refusal
from ..policy.reasons import TOO_MANY_FILES
from .callbacks import go_on, show_nobody, tell_nobody
from .household import open_janitor
from .problems import DECLINED, ENDED, LOCK_LOST, VolumeProblem, code_of, problem_of
from .reading import read_creds, read_listing
from .recovery import by_kind
from .removal import CHANGED, Removed, Remover, planned
from .report import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
    REPEATED,
    CleanResult,
)
from .scanning import running_since, scan
from .tenure import Tenure
from .trash import drop_run, make_run
from .units import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..policy.guards import Context
    from ..policy.identity import Identity
    from ..policy.plan import Plan, Removal
    from ..policy.settings import Settings


class Cleaning:
    """One cleaning of an open session directory. `run` is its id: 1 to 63 letters, digits, "-", "_", ".".

    Times are Unix seconds, `undo_window` seconds. `stop` returns a code when the run is to end between two
    removals (Interrupted, DeadlineReached); `progress` is told files done and planned; `watch` is told each
    plan before it is carried out.
    """

    def __init__(
        self,
        directory: int,
        settings: Settings,
        run: str,
        *,
        now: float,
        active_since: float | None = None,
        known: bool = False,
        emergency: bool = False,
        reason: str = "",
        undo_window: float = 86400.0,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        watch: Callable[[Plan], None] = show_nobody,
    ) -> None:
        self.directory = directory
        self.settings = settings
        self.run = run
        self.now = now
        self.active_since = active_since
        self.known = known
        self.emergency = emergency
        self.reason = reason
        self.undo_window = undo_window
        self.stop = stop
        self.progress = progress
        self.watch = watch
        self._started = time.monotonic()

    def dry_run(self) -> CleanResult:
        """What a run would do now. Writes nothing, needs no lock. Raises VolumeProblem."""
        identity = self._identity()
        plan = self._plan(identity, self._tick)
        result = self._planned_result(plan)
        if plan is not None and plan.refused is None:
            self.watch(plan)
            result.outcome = DRY_RUN
            result.removed = len(plan.removals)
            result.removed_by_kind = by_kind([each.entry.name for each in plan.removals])
            result.removed_by_reason = _by_reason(plan.removals)
            result.freed_bytes = sum(each.entry.size for each in plan.removals)
        return self._finish(result, self._tick)

    def apply(self) -> CleanResult:
        """Do it. Whatever goes wrong on the volume is in the result: outcome Refused or Failed, and a
        code. Raises nothing of the file system."""
        try:
            refused = self._refused_outright()
            if refused is not None:
                return refused
            with Tenure(
                self.directory,
                now=self.now,
                undo_window=self.undo_window,
                holder=f"baileys-janitor run {self.run}",
                stop=self.stop,
            ) as tenure:
                return self._run(tenure)
        except VolumeProblem as problem:
            return self._failed(problem.code)
        except OSError as error:
            return self._failed(code_of(error))

    def _refused_outright(self) -> CleanResult | None:
        """A directory that is no paired session and knows no janitor stays as it is, without a trace."""
        refused = refusal(self._identity(), 0, self.now)
        if refused is None:
            return None
        janitor = open_janitor(self.directory)
        if janitor is not None:
            os.close(janitor)
            return None
        return self._finish(self._refused(refused), self._tick)

    def _run(self, tenure: Tenure) -> CleanResult:
        earlier = tenure.journal.runs.get(self.run)
        if earlier is not None:
            return _repeated(self.run, earlier.result)
        identity = self._identity()
        plan = self._plan(identity, tenure.tick)
        result = self._planned_result(plan)
        if plan is not None and plan.context is not None and plan.removals:
            self._carry_out(plan, plan.context, identity, tenure, result)
        result.recovered = tenure.recovered
        result.applied = True
        self._finish(result, tenure.lock.beat)
        if result.code != LOCK_LOST:
            self._record(tenure, result)
        return result

    def _carry_out(
        self, plan: Plan, context: Context, identity: Identity, tenure: Tenure, result: CleanResult
    ) -> None:
        self.watch(plan)
        trash = tenure.with_room(lambda: self._begin(plan, identity, tenure))
        try:
            remover = Remover(self.directory, trash, context, tenure.lock)
            removed = remover.remove(plan.removals, self.stop, self.progress)
            if removed.problem is None or removed.problem.code != LOCK_LOST:
                self._look_back(trash, removed)
        finally:
            os.close(trash)
        _enter(result, removed)

    def _begin(self, plan: Plan, identity: Identity, tenure: Tenure) -> int:
        """The run's trash, with plan and journal entry on the disk: from here on a kill is noticed."""
        files = [planned(each) for each in plan.removals]
        trash = make_run(tenure.trash, self.run, files)
        try:
            tenure.journal.begin(self.run, self.reason, identity.fingerprint, int(self.now))
        except BaseException:
            os.close(trash)
            drop_run(tenure.trash, self.run)
            raise
        return trash

    def _look_back(self, trash: int, removed: Removed) -> None:
        """Look at all that was moved once more: a writer can be slower than the first look."""
        files = [planned(each) for each, _ in removed.moved]
        try:
            still = {each.name for each in settle(self.directory, trash, files)}
            os.fsync(trash)
            os.fsync(self.directory)
        except OSError as error:
            removed.problem = removed.problem or problem_of(error)
            return
        moved = [each for each in removed.moved if each[0].entry.name in still]
        removed.keep(CHANGED, len(removed.moved) - len(moved))
        removed.moved = moved

    def _record(self, tenure: Tenure, result: CleanResult) -> None:
        journal = tenure.journal
        tenure.with_room(lambda: journal.end(result, int(self.now)))
        try:
            if result.removed and tenure.full():
                tenure.empty_trash()
            journal.prune(int(self.now), {self.run})
        except (VolumeProblem, OSError):
            return  # housekeeping: the next run does it

    def _identity(self) -> Identity:
        return read_identity(read_creds(self.directory)[0])

    def _plan(self, identity: Identity, tick: Callable[[], None]) -> Plan | None:
        """The plan; None for a directory with too many entries."""
        listing = read_listing(self.directory, tick)
        if listing.entries is None:
            return None
        census = take_census(listing.entries, self.now)
        since = running_since(listing, census, self.now, self.active_since, self.known)
        return make_plan(listing.entries, identity, self.settings, self.now, since, self.emergency)

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
        """Add how the directory is now."""
        try:
            result.scan = scan(
                self.directory,
                self.settings,
                now=self.now,
                active_since=self.active_since,
                known=self.known,
                tick=tick,
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
        outcome = REFUSED if code in DECLINED else CAPPED if code in ENDED else FAILED
        result = CleanResult(self.run, outcome, code=code, time=int(self.now))
        result.duration_ms = self._elapsed()
        return result

    def _elapsed(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def _tick(self) -> None:
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)


def _by_reason(removals: Sequence[Removal]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in removals:
        counts[each.reason] = counts.get(each.reason, 0) + 1
    return counts


def _repeated(run: str, earlier: CleanResult | None) -> CleanResult:
    """The refusal of a run id that was used, with the numbers of that run."""
    if earlier is None:
        return CleanResult(run, REPEATED)
    earlier.code = earlier.outcome
    earlier.outcome = REPEATED
    return earlier


def _enter(result: CleanResult, removed: Removed) -> None:
    """Enter what was removed into the result."""
    result.removed = len(removed.moved)
    result.removed_by_kind = by_kind([each.entry.name for each, _ in removed.moved])
    result.removed_by_reason = _by_reason([each for each, _ in removed.moved])
    result.freed_bytes = sum(size for _, size in removed.moved)
    result.left += removed.left
    result.kept = result.kept or {}
    for reason, number in removed.kept.items():
        result.kept[reason] = result.kept.get(reason, 0) + number
    result.outcome = CAPPED if result.left else COMPLETED
    if removed.problem is not None:
        result.code = removed.problem.code
        result.outcome = CAPPED if result.code in ENDED else FAILED
