"""Supervises the Jobs of operations: the operation reports a Job that gets stuck; it is no fault of the tenant."""

from __future__ import annotations

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.timeouts import JobTimeouts, Spawn
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.operations import jobs
from baileys_janitor.controller.operations.results import OperationResults
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord


class OperationTimeouts(JobTimeouts[TenantRecord]):
    """A Job is deleted once the answer of its operation is stored."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        reads: ClusterReads,
        store: StatusWriter[TenantRecord],
        results: OperationResults,
        config: OperatorConfig,
        crashes: CrashHandler,
    ) -> None:
        super().__init__(kube, clock, tracker, reads, store, results, config, crashes)
        self._operations = results

    def _longest_run(self, tracked: TrackedJob) -> float:
        return jobs.longest_run(tracked.action, self._deadline)

    def _clear(self, tracked: TrackedJob, now: float, spawn: Spawn) -> None:
        operation = self._operations.operation_of(tracked)
        if operation is not None and (operation.wanted is not None or operation.busy):
            # A successor finds the Job, and its result.
            return
        super()._clear(tracked, now, spawn)
        if tracked.deleting:
            self._operations.jobs.pop(tracked.name, None)

    def _say(self, tracked: TrackedJob, trouble: Fault) -> list[TenantRecord]:
        operation = self._operations.operation_of(tracked)
        if operation is not None and not operation.busy:
            self._operations.hinder(operation, trouble)
        return []
