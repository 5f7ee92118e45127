"""Records the results of the Jobs of key stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.job_events import ATTEMPTS, JobEvents
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.keystores import record_result
from baileys_janitor.controller.keystores.cache import KeyStoreCache
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.job.result import REPEATED
from baileys_janitor.keystore.job.result import BadResult, JobFailure, JobResult, Scan, decode
from baileys_janitor.keystore.results import CleanResult
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.fault import Fault

Object = dict[str, Any]

UNDER_WAY = Fault(
    "RunUnderWay",
    "An earlier Job of this run may still run in the database, so the janitor waits for its result and "
    "checks again automatically.",
    stalled=False,
)
"""Why a run's result is requested again."""


class KeyStoreResults(JobEvents[KeyStoreRecord]):
    """Receives the Jobs and pods of key stores. `ended` is called with each store whose Job is over."""

    def __init__(
        self,
        clock: Clock,
        cache: KeyStoreCache,
        tracker: JobTracker,
        ended: Callable[[KeyStoreRecord, Object | None], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        super().__init__(clock, cache, tracker, bus, crashes)
        self._ended = ended

    def settle(self, tracked: TrackedJob, ended: Finished) -> None:
        """Record the result of a Job, once."""
        if tracked.settled:
            return
        tracked.settled = True
        result, fault = _read(ended)
        self._publish_end(tracked, fault if result is None else None)
        for record in self.members(tracked):
            self._land(record, tracked)
            entry = None
            with self._crashes.contain("job", [record]):
                entry = self._take(record, tracked, result, fault)
            self._ended(record, entry)

    def supersede(self, tracked: TrackedJob) -> None:
        """Give up a Job whose result is no longer needed; it is deleted."""
        tracked.settled = True
        for record in self.members(tracked):
            self._land(record, tracked)

    def split(self, tracked: TrackedJob, claims: frozenset[str]) -> None:
        """Do nothing: no Job of a store is shared."""

    def _take(
        self, record: KeyStoreRecord, tracked: TrackedJob, result: JobResult, fault: Fault | None
    ) -> Object | None:
        """Record a result; return the entry for the circuit breaker, if there is one."""
        now = self._clock.now()
        if isinstance(result, Scan) and tracked.action == "keys-scan":
            record_result.scanned(record, result, now, tracked.created)
            return None
        if isinstance(result, CleanResult) and tracked.action == "keys-clean":
            if not self._claimed(record, tracked):
                return None
            if result.run == tracked.run and _may_go_on(result, record):
                return self._failed(record, tracked, UNDER_WAY, now)
            if result.run == tracked.run:
                entry = record_result.cleaned(record, result, now)
                return None if result.outcome == REPEATED else entry
        if isinstance(result, JobFailure):
            fault = record_result.fault_of(result)
        return self._failed(record, tracked, fault or directory_faults.UNREADABLE, now)

    def _failed(
        self, record: KeyStoreRecord, tracked: TrackedJob, fault: Fault, now: float
    ) -> Object | None:
        record.fail(fault, now)
        if tracked.action != "keys-clean" or not self._claimed(record, tracked):
            return None
        if record.cleanup.attempt() < ATTEMPTS:
            return None
        reason = str((record.run or {}).get("reason") or "Requested")
        message = f"Given up after {ATTEMPTS} Jobs: {fault.message}"
        return record_result.unanswered(record, reason, "Failed", message, now)


def _may_go_on(result: CleanResult, record: KeyStoreRecord) -> bool:
    """Return whether an earlier Job may still carry out a run that has not ended according to the database."""
    unended = result.outcome == REPEATED and result.code is None
    return unended and record.cleanup.attempts + 1 < ATTEMPTS


def _read(ended: Finished) -> tuple[JobResult, Fault | None]:
    """Return the pod's result if it can be trusted, else the fault."""
    if ended.message is None:
        return None, ended.fault or directory_faults.UNREADABLE
    try:
        return decode(ended.message), ended.fault
    except BadResult:
        return None, ended.fault or directory_faults.UNREADABLE
