"""Records the results of the Jobs of key stores' backups and drills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from baileys_janitor.api.backup.backup_spec import ClusterBackups
from baileys_janitor.api.values import decoding
from baileys_janitor.backup.job import result as of_drills
from baileys_janitor.backup.job.result import FAILED, JobResult, Outcome
from baileys_janitor.backup.job.task import BACKUP, DRILL
from baileys_janitor.controller.backups.known import CLOCKS_SECONDS
from baileys_janitor.controller.backups.queue import fail
from baileys_janitor.controller.backups.results import WRONG_CLOCK, named_secret
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.job_events import JobEvents
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.keystores.backup_jobs import Told
from baileys_janitor.controller.keystores.cache import KeyStoreCache
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.keystore.errors import URL_INVALID
from baileys_janitor.keystore.job import backup_result
from baileys_janitor.keystore.job.backup_result import BackedUp, BadResult, Problem
from baileys_janitor.keystore.job.task import REHEARSE
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.fault import Fault


class KeyStoreBackupResults(JobEvents[KeyStoreRecord]):
    """Receives the Jobs and pods of key stores' backups. `ended` is called with the store whose Job is over."""

    def __init__(
        self,
        clock: Clock,
        cache: KeyStoreCache,
        tracker: JobTracker,
        ended: Callable[[KeyStoreRecord], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        super().__init__(clock, cache, tracker, bus, crashes)
        self._ended = ended
        self.told: dict[str, Told] = {}
        """The task of each Job, by its name."""

    def settle(self, tracked: TrackedJob, ended: Finished) -> None:
        """Record the result of a Job, once."""
        if tracked.settled:
            return
        tracked.settled = True
        drills = tracked.action == REHEARSE
        result, fault = _read(ended, drills=drills)
        self._publish_end(tracked, fault if result is None else None)
        told = self.told.pop(tracked.name, None)
        for record in self.members(tracked):
            self._land(record, tracked)
            with self._crashes.contain("job", [record]):
                if told is not None:
                    self._take(record, told, result, fault, drills=drills)
            self._ended(record)

    def split(self, tracked: TrackedJob, claims: frozenset[str]) -> None:
        """Do nothing: no Job of a store is shared."""

    def attach(self, record: KeyStoreRecord) -> None:
        """Do nothing: a Job that an earlier operator made is deleted, and created again."""

    def abandon(self, tracked: TrackedJob) -> list[KeyStoreRecord]:
        """Give up a Job that cannot be handled."""
        found = super().abandon(tracked)
        self.told.pop(tracked.name, None)
        for record in found:
            self._ended(record)
        return found

    def _take(
        self,
        record: KeyStoreRecord,
        told: Told,
        result: BackedUp | JobResult | None,
        fault: Fault | None,
        *,
        drills: bool,
    ) -> None:
        now = self._clock.now()
        if isinstance(result, JobResult):
            _take_drills(record, told, result, now)
        elif result is None or len(result.repositories) != len(told.names):
            fault = fault or directory_faults.UNREADABLE
            fail(record, DRILL if drills else BACKUP, told.names, fault, now)
        elif abs(result.time - now) > CLOCKS_SECONDS:
            fail(record, BACKUP, told.names, Fault(WRONG_CLOCK.code, WRONG_CLOCK.message), now)
        else:
            record.backup.take(told.names, _named(record, told, result), now)


def _take_drills(record: KeyStoreRecord, told: Told, result: JobResult, now: float) -> None:
    members = [each for each in result.members if each is not None]
    for place, name in zip(told.places, told.names, strict=True):
        outcomes = [each.outcomes[place] for each in members if place in each.outcomes]
        said = [_drilled(record, name, each, told) for each in outcomes]
        record.backup.take_drills(name, said, [each.archive for each in outcomes], now)


def _drilled(record: KeyStoreRecord, name: str, outcome: Outcome, told: Told) -> Outcome:
    """Name the Secret if it is the cause."""
    outcome = replace(outcome, message=decoding.said(outcome.message) or "")
    if outcome.outcome != FAILED:
        return outcome
    if outcome.code == URL_INVALID:
        return replace(
            outcome,
            message=f"The Secret {told.database} in the namespace {told.home} does not exist, or its key url holds no "
            f"database's URL: {outcome.message}",
        )
    return named_secret(_backups(record), DRILL, name, outcome, told.home)


def _named(record: KeyStoreRecord, told: Told, found: BackedUp) -> BackedUp:
    """Name the Secrets if they are the cause."""
    for name, tally in zip(told.names, found.repositories, strict=True):
        for code, problem in tally.problems.items():
            outcome = Outcome(FAILED, code, problem.message)
            said = named_secret(_backups(record), BACKUP, name, outcome, record.namespace)
            tally.problems[code] = Problem(problem.count, said.message)
    return found


def _backups(record: KeyStoreRecord) -> ClusterBackups | None:
    return None if record.effective is None else record.effective.backup


def _read(ended: Finished, *, drills: bool) -> tuple[BackedUp | JobResult | None, Fault | None]:
    """Return the pod's result if it can be trusted, else the fault."""
    if ended.message is None:
        return None, ended.fault or directory_faults.UNREADABLE
    try:
        result = of_drills.decode(ended.message) if drills else backup_result.decode(ended.message)
    except BadResult:
        return None, ended.fault or directory_faults.UNREADABLE
    if isinstance(result, (of_drills.JobFailure, backup_result.JobFailure)):
        return None, Fault(result.code, result.message)
    if isinstance(result, JobResult) and result.action != DRILL:
        return None, directory_faults.UNREADABLE
    return result, None
