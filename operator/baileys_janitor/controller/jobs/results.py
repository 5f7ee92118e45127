"""Records the results of Jobs and pods from their events, or the fault if there is no result."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import batches
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.job_events import ATTEMPTS, JobEvents
from baileys_janitor.controller.jobs.tracker import (
    JobTracker,
    TrackedJob,
)
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.job.machine import boot
from baileys_janitor.job.result import (
    BUSY,
    DEADLINE_REACHED,
    INTERRUPTED,
    REFUSED,
    REPEATED,
    BadResult,
    CleanResult,
    KeptCopy,
    PurgeResult,
    Result,
    ScanResult,
    decode,
)
from baileys_janitor.job.task import KEEP, SCAN
from baileys_janitor.status.changes import ChangeBus, JobEnded
from baileys_janitor.tenants import directory_faults, record_result
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.jobs")

SPOILED = frozenset(
    {"JobDeadline", "JobKilled", "JobOutOfMemory", "JobEvicted", "JobStuck", "JobFailed"}
)
"""Faults that one member of a shared scan, or its node, causes for all: a member is blamed only if it fails alone."""
PARTED = Fault(
    "Parted",
    "The Job that was to keep a copy of creds.json did not get on, perhaps for another tenant's volume. The janitor "
    "tries again by itself, without the others.",
)
UNREACHED = frozenset({DEADLINE_REACHED, INTERRUPTED})
"""Results of members that the Job had no time for."""


class ResultHandler(JobEvents[TenantRecord]):
    """Receives the Jobs and pods of tenants."""

    def __init__(
        self,
        clock: Clock,
        cache: TenantCache,
        tracker: JobTracker,
        reads: ClusterReads,
        config: OperatorConfig,
        finished: Callable[[list[TenantRecord], list[tuple[TenantRecord, Object]]], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        super().__init__(clock, cache, tracker, bus, crashes)
        self._cache = cache
        self._reads = reads
        self._finished = finished
        self._largest = config.limits.tenants_per_scan

    def settle(self, tracked: TrackedJob, ended: Finished) -> None:
        """Record the result of a Job, once."""
        if tracked.settled:
            return
        tracked.settled = True
        result, fault = read_result(ended, tracked)
        self._publish_end(tracked, fault if result is None else None)
        if tracked.action == KEEP:
            self._settle_copies(tracked, result, fault)
            return
        entries: list[tuple[TenantRecord, Object]] = []
        unreached: list[TenantRecord] = []
        for place, member in enumerate(tracked.members):
            tenant = self._cache.of(tracked.namespace, member.name, member.uid)
            if tenant is None:
                continue
            self._land(tenant, tracked)
            one = result.members[place] if result is not None else None
            if ended.fault is not None and isinstance(one, ScanResult) and one.error in UNREACHED:
                one, fault = None, ended.fault  # the process died before it reached this member
            if tracked.shared and _is_nobodys(one, fault):
                unreached.append(tenant)
                continue
            entry = self._take_or_fail(tenant, tracked, one, fault)
            if entry is not None:
                entries.append((tenant, entry))
        if unreached:
            batches.part(unreached, frozenset())
        for tenant in unreached:
            tenant.jobs.want_scan()
        self._finished(self.members(tracked), entries)

    def _settle_copies(
        self, tracked: TrackedJob, result: Result | None, fault: Fault | None
    ) -> None:
        """Record the result of keeping copies. A fault that stops the whole Job may be caused by one member."""
        now = self._clock.now()
        for place, member in enumerate(tracked.members):
            tenant = self._cache.of(tracked.namespace, member.name, member.uid)
            if tenant is None:
                continue
            self._land(tenant, tracked)
            with self._crashes.contain("job", [tenant]):
                one = result.members[place] if result is not None else None
                record_result.kept(tenant, one if isinstance(one, KeptCopy) else None, fault, now)
        members = self.members(tracked)
        if tracked.shared and result is None and fault is not None and fault.reason in SPOILED:
            batches.part(members, frozenset())
        self._finished(members, [])

    def _take_or_fail(
        self, tenant: TenantRecord, tracked: TrackedJob, result: object, fault: Fault | None
    ) -> Object | None:
        """Record one member's result; return the entry for the circuit breaker, if there is one."""
        with self._crashes.contain("job", [tenant]):
            if result is None:
                return self._failed(tenant, tracked, fault or directory_faults.UNREADABLE)
            return self._take(tenant, tracked, result)
        return None

    def split(self, tracked: TrackedJob, claims: frozenset[str]) -> None:
        """Give up a shared scan without progress; `claims` are those that block it."""
        culprits = [
            tenant.name
            for tenant in self.members(tracked)
            if tenant.effective is not None and tenant.effective.claim_name in claims
        ]
        self.part(tracked, frozenset(culprits))

    def part(self, tracked: TrackedJob, culprits: frozenset[str]) -> None:
        """Give up a shared scan without progress, and scan its members without each other.

        `culprits` are the names of the tenants whose claims block it; if none is known the batch is tried in halves.
        Nobody is reported as faulty yet: that requires a tenant whose scan makes no progress alone.
        """
        tracked.settled = True
        tenants = self.members(tracked)
        seconds = self._clock.now() - tracked.created
        scans = tracked.action == SCAN
        logger.info(
            "%s: %s does not get on, so its %d tenants are %s apart",
            tracked.namespace,
            tracked.name,
            len(tenants),
            "scanned" if scans else "copied",
        )
        self._bus.publish(
            JobEnded(tracked.namespace, tracked.action, len(tracked.members), seconds, "Parted")
        )
        batches.part(tenants, culprits)
        for tenant in tenants:
            self._land(tenant, tracked)
            if scans:
                tenant.jobs.want_scan()
            else:
                record_result.kept(tenant, None, PARTED, self._clock.now())
        self._finished(tenants, [])

    def _take(self, tenant: TenantRecord, tracked: TrackedJob, result: object) -> Object | None:
        """Record a result. An entry is returned only if the Job itself has just done the run."""
        now = self._clock.now()
        used = tenant.name in tracked.used
        if isinstance(result, ScanResult):
            record_result.scanned(tenant, result, now, used, boot())
            tenant.scan.begin(tracked.created)
            if result.counts_alone:
                batches.crowded(tenant, len(tracked.members))
            elif result.error is None:
                batches.reunite(tenant, self._largest)
        elif isinstance(result, CleanResult) and self._claimed(tenant, tracked):
            if tenant.cleanup.in_doubt and (result.outcome, result.code) == (REFUSED, BUSY):
                # An earlier Job of this run may be at work: ask for its result again.
                return self._failed(tenant, tracked, directory_faults.of_directory(BUSY))
            if result.run != tracked.run:
                return self._failed(tenant, tracked, directory_faults.UNREADABLE)
            recorded = result.outcome == REPEATED
            entry = record_result.cleaned(tenant, result, now, used, boot(), recorded=recorded)
            return None if recorded else entry
        elif isinstance(result, PurgeResult):
            record_result.purged(tenant, result, now)
        return None

    def _failed(self, tenant: TenantRecord, tracked: TrackedJob, fault: Fault) -> Object | None:
        now = self._clock.now()
        # Logged at each attempt; the fault itself is published once, when it is in the status.
        logger.debug("%s: %s failed: %s", tenant.text, tracked.name, fault.reason)
        self._reads.forget(tracked.namespace)
        tenant.fail(fault, now)
        if tracked.action != "clean" or not self._claimed(tenant, tracked):
            return None
        if tenant.cleanup.attempt() < ATTEMPTS:
            return None
        reason = str((tenant.run or {}).get("reason") or "Requested")
        message = f"Given up after {ATTEMPTS} Jobs: {fault.message}"
        return record_result.unanswered(tenant, reason, "Failed", message, now)


def _is_nobodys(result: object, fault: Fault | None) -> bool:
    """Return whether a member of a shared scan may have failed because of another member."""
    if isinstance(result, ScanResult):
        return result.error in UNREACHED
    return result is None and fault is not None and fault.reason in SPOILED


def read_result(ended: Finished, tracked: TrackedJob) -> tuple[Result | None, Fault | None]:
    """Return the pod's result if it can be trusted, else the fault."""
    if ended.message is None:
        return None, ended.fault or directory_faults.UNREADABLE
    try:
        result = decode(ended.message)
    except BadResult:
        return None, ended.fault or directory_faults.UNREADABLE
    if result.failure is not None:
        return None, directory_faults.of_directory(result.failure)
    if result.action != tracked.action or len(result.members) != len(tracked.members):
        return None, directory_faults.UNREADABLE
    return result, None
