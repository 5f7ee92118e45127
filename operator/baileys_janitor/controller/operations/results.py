"""Records the results of the Jobs of operations: in the tenant's record as for any cleanup, and as the operation's
answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT
from baileys_janitor.api.values.durations import elapsed_text
from baileys_janitor.backup.restore_job.result import RestoreResult
from baileys_janitor.backup.restore_job.task import RESTORE
from baileys_janitor.controller.backups import restore_jobs
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.job_events import ATTEMPTS, JobEvents
from baileys_janitor.controller.jobs.manifest import Member
from baileys_janitor.controller.jobs.results import read_result
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.operations import progress, repairs, restores
from baileys_janitor.controller.operations.progress import DONE
from baileys_janitor.controller.operations.record import Key, OperationRecord
from baileys_janitor.controller.operations.stages import around, pairing
from baileys_janitor.controller.operations.stages.verdict import Verdict
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.machine import boot
from baileys_janitor.job.repair.result import RepairResult
from baileys_janitor.job.repair.task import REPAIR
from baileys_janitor.job.result import (
    BUSY,
    CAPPED,
    COMPLETED,
    DRY_RUN,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
    REPEATED,
    CleanResult,
    UndoResult,
)
from baileys_janitor.job.task import ROLLBACK, ROTATE
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.cleanup_times import KILLED
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants import directory_faults, record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.undo_wording import rotation_refusal, undo_sentence
from baileys_janitor.tenants.wording import files

Object = dict[str, Any]

ACTIONS = frozenset({"clean", "undo", "restore", "repair", ROTATE, ROLLBACK})
"""Actions of the Jobs that are adopted after a restart."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15.0, 300.0
"""Pause before another Job after one without a result: the first, and the longest."""


class OperationResults(JobEvents[TenantRecord]):
    """Receives the Jobs and pods of operations.

    `ended` is called with an operation and its tenant; `broken` returns why an operation ends whose claim is no longer
    kept quiet; `undone_rotation` is called with an operation that has rolled a rotation back.
    """

    def __init__(
        self,
        clock: Clock,
        cache: TenantCache,
        tracker: JobTracker,
        find: Callable[[Key, str], OperationRecord | None],
        ended: Callable[[OperationRecord | None, TenantRecord | None], None],
        broken: Callable[[OperationRecord], Verdict | None],
        undone_rotation: Callable[[OperationRecord], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        super().__init__(clock, cache, tracker, bus, crashes, kept=ACTIONS)
        self._find = find
        self._ended = ended
        self._broken = broken
        self._undone_rotation = undone_rotation
        self.jobs: dict[str, tuple[Key, str]] = {}
        """Key and uid of the operation, by the Job's name."""

    def operation_of(self, tracked: TrackedJob) -> OperationRecord | None:
        """Return the operation of a Job while it is unfinished."""
        known = self.jobs.get(tracked.name)
        return None if known is None else self._find(*known)

    def adopt_for(self, operation: OperationRecord, tenant: TenantRecord) -> bool:
        """Adopt the Job of an operation that an earlier operator created; return whether it exists."""
        uid = operation.job_uid
        found = self.leftovers.take(operation.namespace, uid) if uid else None
        if found is None:
            return False
        now = self._clock.now()
        self._tracker.add(
            TrackedJob(
                namespace=found.namespace,
                name=found.name,
                action=found.action,
                members=[Member(tenant.name, tenant.uid)],
                run=operation.run,
                created=now,
                used=frozenset([tenant.name]),
                uid=found.uid,
                # Its pod's event may have come before.
                overheard=True,
                failed_at=now if found.ended else None,
                suspended=found.suspended,
            )
        )
        self.jobs[found.name] = operation.key, operation.uid
        operation.job = found.name
        tenant.jobs.start(found.action, found.name, now)
        return True

    def settle(self, tracked: TrackedJob, ended: Finished) -> None:
        """Record the result of a Job, once."""
        if tracked.settled:
            return
        tracked.settled = True
        one, fault = _read(ended, tracked)
        self._publish_end(tracked, fault if one is None else None)
        operation = self.operation_of(tracked)
        tenant = next(iter(self.members(tracked)), None)
        if tenant is not None:
            self._land(tenant, tracked)
            if operation is None or not around.scales(operation):
                # Otherwise it would compete for the volume with the workload that is started again.
                tenant.jobs.want_scan()
        if operation is not None:
            operation.job = None
            with self._crashes.contain("job", [tenant] if tenant is not None else []):
                self._take(operation, tenant, tracked, one, fault)
        self._ended(operation, tenant)

    def split(self, tracked: TrackedJob, claims: frozenset[str]) -> None:
        """Do nothing: the Job of an operation has one member."""

    def abandon(self, tracked: TrackedJob) -> list[TenantRecord]:
        """Give up a Job that cannot be handled."""
        found = super().abandon(tracked)
        operation = self.operation_of(tracked)
        if operation is not None:
            operation.job = None
            self._in_vain(operation, directory_faults.UNREADABLE)
        self._ended(operation, next(iter(found), None))
        return found

    def hinder(self, operation: OperationRecord, fault: Fault) -> None:
        """Report once what the operation waits for while it is being carried out."""
        status = operation.current
        if progress.reason_of(status) != fault.reason:
            operation.wanted = progress.hindered(
                status, operation.generation, fault.reason, fault.message, self._clock.now()
            )
            self._ended(operation, None)

    def let_go(self, operation: OperationRecord, tenant: TenantRecord) -> None:
        """Unblock the tenant's own work while the operation waits."""
        if tenant.jobs.operation == operation.name:
            tenant.jobs.reserve(None)
            self._ended(None, tenant)

    def refuse(self, operation: OperationRecord, fault: Fault) -> None:
        """Record that no Job could be created: that is tried again."""
        now = self._clock.now()
        operation.failures += 1
        operation.wait(
            now
            + backoff_seconds(operation.failures - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        )
        operation.wanted = progress.hindered(
            operation.current, operation.generation, fault.reason, fault.message, now
        )

    def _take(
        self,
        operation: OperationRecord,
        tenant: TenantRecord | None,
        tracked: TrackedJob,
        result: object,
        fault: Fault | None,
    ) -> None:
        if tracked.action == ROTATE and isinstance(result, CleanResult):
            self._rotated(operation, result)
        elif tracked.action == ROLLBACK and isinstance(result, UndoResult):
            self._rolled_back(operation, result)
        elif isinstance(result, CleanResult) and result.run == operation.run:
            self._cleaned(operation, tenant, tracked, result)
        elif isinstance(result, UndoResult):
            self._undone(operation, result)
        elif isinstance(result, RestoreResult):
            self._restored(operation, tenant, result)
        elif isinstance(result, RepairResult) and result.run == operation.run:
            self._repaired(operation, result)
        elif fault is not None and self._is_final(operation, tracked, fault):
            self.finish(operation, fault.reason, fault.message)
        else:
            self._in_vain(operation, fault or directory_faults.UNREADABLE)

    def _cleaned(
        self,
        operation: OperationRecord,
        tenant: TenantRecord | None,
        tracked: TrackedJob,
        result: CleanResult,
    ) -> None:
        if self._may_be_at_it(operation, result.outcome, result.code):
            self._in_vain(operation, directory_faults.of_directory(BUSY))
            return
        now, recorded = self._clock.now(), result.outcome == REPEATED
        entry, message = _told(operation, tenant, tracked, result, now)
        outcome = str(entry["outcome"])
        answer: Object = {"outcome": outcome}
        if not recorded:
            answer |= {
                "removed": result.removed,
                "before": result.before,
                "after": result.after,
                "left": result.left or None,
                "kept": result.kept or None,
                "duration": elapsed_text(result.duration_ms),
            }
        code = KILLED if outcome == KILLED else result.code
        self._answer(operation, answer, code, message)

    def _undone(self, operation: OperationRecord, result: UndoResult) -> None:
        if self._may_be_at_it(operation, result.outcome, result.code):
            self._in_vain(operation, directory_faults.of_directory(BUSY))
            return
        answer: Object = {
            "outcome": result.outcome,
            "restored": result.restored,
            "kept": result.kept or None,
            "duration": elapsed_text(result.duration_ms),
        }
        message = undo_sentence(result)
        if operation.in_doubt and result.outcome == NOTHING_TO_DO:
            message += (
                " An earlier Job of this operation may have put it back; its figures are lost."
            )
        self._answer(operation, answer, result.code, message)

    def _restored(
        self, operation: OperationRecord, tenant: TenantRecord | None, result: RestoreResult
    ) -> None:
        if self._may_be_at_it(operation, result.outcome, result.code):
            self._in_vain(operation, directory_faults.of_directory(BUSY))
            return
        answer, code, message = restores.answer_of(result)
        if tenant is not None and operation.spec is not None and not operation.spec.dry_run:
            now = self._clock.now()
            tenant.cleanup.restored(restores.remembered(operation, answer, message, now))
        self._answer(operation, answer, code, message)

    def _rotated(self, operation: OperationRecord, result: CleanResult) -> None:
        if self._may_be_at_it(operation, result.outcome, result.code):
            self._in_vain(operation, directory_faults.of_directory(BUSY))
            return
        outcome, code, message = result.outcome, result.code, ""
        if outcome == CAPPED:
            # It was ended before anything moved: the same run can begin again.
            self._in_vain(operation, directory_faults.of_directory(code or "Interrupted"))
            return
        if outcome == REPEATED:
            outcome = COMPLETED if code == COMPLETED else FAILED
            message = "An earlier Job of this operation has done it; its figures are lost."
        if outcome in (COMPLETED, DRY_RUN):
            message = message or pairing.rotated_sentence(result, outcome == DRY_RUN)
        else:
            message = rotation_refusal(code or outcome)
        answer: Object = {
            "outcome": outcome,
            "removed": result.removed or None,
            "kept": result.kept or None,
            "duration": elapsed_text(result.duration_ms),
        }
        self._answer(operation, answer, code, message)

    def _rolled_back(self, operation: OperationRecord, result: UndoResult) -> None:
        if self._may_be_at_it(operation, result.outcome, result.code):
            self._in_vain(operation, directory_faults.of_directory(BUSY))
            return
        outcome, code = result.outcome, result.code
        if outcome == COMPLETED:
            message = pairing.rolled_back_sentence(result)
        elif outcome == NOTHING_TO_DO:
            message = "The old session is back already."
        elif outcome == DRY_RUN:
            message = f"{files(result.restored or 0)} would come back."
        elif outcome == CAPPED:
            message = f"{pairing.rolled_back_sentence(result)} {undo_sentence(result)}"
        else:
            message = rotation_refusal(code or outcome)
        if outcome in (COMPLETED, NOTHING_TO_DO, CAPPED):
            self._undone_rotation(operation)
        answer: Object = {
            "outcome": outcome,
            "restored": result.restored,
            "kept": result.kept or None,
            "duration": elapsed_text(result.duration_ms),
        }
        self._answer(operation, answer, code, message)

    def _repaired(self, operation: OperationRecord, result: RepairResult) -> None:
        if self._may_be_at_it(operation, result.outcome, result.code):
            self._in_vain(operation, directory_faults.of_directory(BUSY))
            return
        self._answer(operation, *repairs.answer_of(operation, result))

    def _is_final(self, operation: OperationRecord, tracked: TrackedJob, fault: Fault) -> bool:
        """Return whether another Job would fail with the same fault; a Job that was ended on purpose does not count."""
        return self._broken(operation) is None and restores.is_final(tracked.action, fault)

    @staticmethod
    def _may_be_at_it(operation: OperationRecord, outcome: str, code: str | None) -> bool:
        """Return whether the directory's lock is held: by an earlier Job of this operation, or by another process."""
        return (outcome, code) == (REFUSED, BUSY) and operation.attempts + 1 < ATTEMPTS

    def _answer(
        self, operation: OperationRecord, answer: Object, code: str | None, message: str
    ) -> None:
        outcome = str(answer["outcome"])
        ended = outcome if outcome in DONE else code or outcome
        self.finish(operation, ended, message[:MESSAGE_LIMIT], answer)

    def finish(
        self, operation: OperationRecord, ended: str, message: str, answer: Object | None = None
    ) -> None:
        """Have the answer written; `ended` is the outcome of a completed operation, or why it has failed."""
        now, status, generation = self._clock.now(), operation.current, operation.generation
        if around.scales(operation):
            operation.wanted = progress.resuming(status, generation, ended, message, now, answer)
        elif ended == COMPLETED and pairing.rotates(operation):
            operation.wanted = progress.awaiting(status, generation, ended, message, now, answer)
        elif ended in DONE:
            operation.wanted = progress.completed(status, generation, answer or {}, message, now)
        else:
            operation.wanted = progress.failed(status, generation, ended, message, now, answer)

    def _in_vain(self, operation: OperationRecord, fault: Fault) -> None:
        """Record a Job without a result; after several in a row the operation fails."""
        broken = self._broken(operation)
        if broken is not None:
            self.finish(operation, broken.reason, broken.message)
            return
        now = self._clock.now()
        operation.attempts += 1
        operation.in_doubt = True
        status, generation = operation.current, operation.generation
        if operation.attempts >= ATTEMPTS:
            message = f"Given up after {ATTEMPTS} Jobs: {fault.message}"
            self.finish(operation, fault.reason, message)
            return
        pause = backoff_seconds(operation.attempts - 1, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        operation.wait(now + pause)
        operation.wanted = progress.hindered(status, generation, fault.reason, fault.message, now)


def _read(ended: Finished, tracked: TrackedJob) -> tuple[object, Fault | None]:
    """Return the Job's result for its one member, and the fault of a Job without a result."""
    if tracked.action == RESTORE:
        found = restore_jobs.read_result(ended)
        return (None, found) if isinstance(found, Fault) else (found, None)
    if tracked.action == REPAIR:
        repair = repairs.read_result(ended)
        return (None, repair) if isinstance(repair, Fault) else (repair, None)
    result, fault = read_result(ended, tracked)
    return (None, fault) if result is None else (result.members[0], fault)


def _told(
    operation: OperationRecord,
    tenant: TenantRecord | None,
    tracked: TrackedJob,
    result: CleanResult,
    now: float,
) -> tuple[Object, str]:
    """Record a cleanup for the tenant; return the entry of the history, and the message about it.

    A dry run that only the operation requested is not one of the tenant's cleanups, and starts no cooldown.
    """
    recorded = result.outcome == REPEATED
    entry, detail = record_result.entry_of(result, now, recorded=recorded)
    if tenant is None:
        return entry, str(detail["message"])
    used = tenant.name in tracked.used
    asked_dry = operation.spec is not None and bool(operation.spec.dry_run)
    known = any(each.get("run") == result.run for each in tenant.cleanup.history)
    if asked_dry or known or tenant.run is not None:
        if result.scan is not None:
            record_result.scanned(tenant, result.scan, now, used, boot())
    else:
        how = operation.spec.clean if operation.spec is not None else None
        urgent = how is not None and bool(how.emergency)
        record_result.cleaned(tenant, result, now, used, boot(), recorded=recorded, urgent=urgent)
    return entry, str(detail["message"])
