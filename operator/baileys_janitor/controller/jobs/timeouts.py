"""Supervises the Jobs under way: stuck pods, Jobs without a result, finished Jobs to delete."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import batch_culprits, faults
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.job_events import JobEvents
from baileys_janitor.controller.jobs.launch import JOBS
from baileys_janitor.controller.jobs.tracker import (
    JOB_NAME_LABEL,
    JobTracker,
    Leftover,
    TrackedJob,
)
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord

R = TypeVar("R", bound=AnyRecord)
logger = logging.getLogger("janitor.jobs")
Spawn = Callable[..., object]
"""Begins a step: a coroutine, and the tenant that is busy until it is over, if it belongs to one."""

POD_APPEARS_SECONDS = 15.0
"""Seconds that a Job may be without a pod before its events are read for the reason."""
POD_STARTS_SECONDS = 45.0
"""Seconds that a pod may be pending before that is a fault: most pods start in three."""
POD_REPORTS_SECONDS = 10.0
"""Seconds that a failed Job's pod has to report the reason."""
SHARED_POD_SECONDS = 20.0
"""Seconds that a shared scan's pod may take to start, and again to run, before it is split: fifty claims are mounted in
five, and read in less than one."""
ASK_AGAIN_SECONDS = 15.0
"""Seconds between two reads of a Job's events: they are read on demand, not watched."""
FORGET_SECONDS = 300.0
"""Seconds after its deletion after which a Job is dropped even without an event."""


class JobTimeouts(Generic[R]):
    """Checks at each pass of the loop for problems that events do not show."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        reads: ClusterReads,
        store: StatusWriter[R],
        results: JobEvents[R],
        config: OperatorConfig,
        crashes: CrashHandler,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._tracker = tracker
        self._reads = reads
        self._writer = store
        self._results = results
        self._crashes = crashes
        self._pending_timeout = float(config.job.pending_timeout.seconds)
        self._deadline = float(config.job.deadline_seconds)

    def look(self, now: float, spawn: Spawn) -> list[R]:
        """Check every Job; return the tenants whose state has changed."""
        changed: list[R] = []
        for tracked in self._tracker:
            with self._crashes.contain("job") as looking:
                changed += self._look_at(tracked, now, spawn)
            if looking.crashed:
                changed += self._results.abandon(tracked)
        for leftover in self._results.leftovers.due():
            spawn(self._delete_leftover(leftover))
        return changed

    def _look_at(self, tracked: TrackedJob, now: float, spawn: Spawn) -> list[R]:
        if tracked.settled:
            self._clear(tracked, now, spawn)
        elif tracked.uid is None:
            # Its creation is under way and handles failures itself.
            return []
        elif tracked.overheard:
            tracked.overheard = False
            spawn(self.seek_pod(tracked))
        elif tracked.failed_at is not None and now - tracked.failed_at > POD_REPORTS_SECONDS:
            if not tracked.sought:
                tracked.sought = True
                spawn(self.seek_pod(tracked))
        elif tracked.started is not None:
            self._watch_run(tracked, now)
        elif now - tracked.created > self._pending_timeout:
            fault = faults.SUSPENDED if tracked.suspended else tracked.trouble
            self._give_up(tracked, fault or faults.OVERDUE)
        else:
            return self._watch_start(tracked, now, spawn)
        return []

    def _watch_run(self, tracked: TrackedJob, now: float) -> None:
        assert tracked.started is not None
        if tracked.shared and now - tracked.started > SHARED_POD_SECONDS:
            # One of the volumes does not answer, and the program that waits for it cannot tell which.
            self._results.split(tracked, frozenset())
        elif now - tracked.started > self._longest_run(tracked):
            self._give_up(tracked, faults.OVERDUE)

    def _longest_run(self, tracked: TrackedJob) -> float:  # noqa: ARG002 - for those that differ
        """Return after how many seconds a pod that its node has not ended is given up."""
        return self._deadline * 2

    def _watch_start(self, tracked: TrackedJob, now: float, spawn: Spawn) -> list[R]:
        if tracked.suspended:
            # Its queue may still admit it, so it is not given up before its time.
            waits = now - tracked.created > POD_APPEARS_SECONDS
            return self._say(tracked, faults.SUSPENDED) if waits else []
        if tracked.pod is None:
            if now - tracked.created > POD_APPEARS_SECONDS and now >= tracked.ask_at:
                tracked.ask_at = now + ASK_AGAIN_SECONDS
                spawn(self._ask_job(tracked))
            return []
        since = tracked.created if tracked.placed_at is None else tracked.placed_at
        if tracked.shared and now - since > SHARED_POD_SECONDS and now >= tracked.ask_at:
            tracked.ask_at = now + ASK_AGAIN_SECONDS
            spawn(self._ask_whose_fault(tracked))
        if now - tracked.created > POD_STARTS_SECONDS:
            return self._troubled(tracked, spawn)
        return []

    def _troubled(self, tracked: TrackedJob, spawn: Spawn) -> list[R]:
        if tracked.trouble is None:
            if tracked.placed_at is not None and not tracked.asked:
                tracked.asked = True
                spawn(self._ask_pod(tracked))
            return []
        return self._say(tracked, tracked.trouble)

    def _say(self, tracked: TrackedJob, trouble: Fault) -> list[R]:
        changed = [t for t in self._results.members(tracked) if t.fault != trouble]
        for tenant in changed:
            tenant.backoff.set_fault(trouble)
        return changed

    def _give_up(self, tracked: TrackedJob, fault: Fault) -> None:
        self._results.settle(tracked, Finished(None, fault))

    async def _ask_whose_fault(self, tracked: TrackedJob) -> None:
        """Split a shared scan whose pod does not start, unless splitting cannot help."""
        events = await self._reads.events(tracked.namespace, "Pod", str(tracked.pod))
        # A kubelet names the volume, not the claim.
        volumes = await self._reads.volumes(tracked.namespace)
        found = batch_culprits.read(events, tracked.claims, volumes, tracked.placed_at is not None)
        if tracked.settled or tracked.started is not None or found.elsewhere:
            return
        self._reads.forget(tracked.namespace)
        self._results.split(tracked, frozenset(found.claims))

    async def seek_pod(self, tracked: TrackedJob) -> None:
        """Read the pod of a Job whose event may have been lost. If the Job has ended, a missing pod is gone."""
        labels = f"{JOB_NAME_LABEL}={tracked.name}"
        heard = tracked.heard
        try:
            pods = [
                pod async for pod in self._kube.list(path("pods", tracked.namespace), labels=labels)
            ]
        except ApiError:
            if tracked.failed_at is None:
                tracked.overheard = True
            tracked.sought = False
            raise
        if tracked.failed_at is None and tracked.heard != heard:
            # An event came meanwhile, and others will follow: the older list would revert it.
            return
        for pod in pods:
            self._results.pod("MODIFIED", pod)
        if not tracked.settled and tracked.failed_at is not None:
            self._results.settle(tracked, Finished(None, faults.GONE))

    async def _ask_job(self, tracked: TrackedJob) -> None:
        said = await self._reads.warnings(tracked.namespace, "Job", tracked.name)
        if tracked.pod is None and not tracked.settled and said:
            self._give_up(tracked, faults.pod_refused(said))

    async def _ask_pod(self, tracked: TrackedJob) -> None:
        said = await self._reads.warnings(tracked.namespace, "Pod", str(tracked.pod))
        if tracked.trouble is None and tracked.pending:
            tracked.trouble = faults.stuck(said)

    def _clear(self, tracked: TrackedJob, now: float, spawn: Spawn) -> None:
        """Delete a Job once its result is in every member's status."""
        if tracked.deleted_at is not None and now - tracked.deleted_at > FORGET_SECONDS:
            self._tracker.drop(tracked)
        members = self._results.members(tracked)
        if tracked.deleting or any(t.queue.busy or t.stored.stale for t in members):
            return
        unwritten = [
            tenant for tenant in members if tenant.stored.unwritten and self._writer.is_due(tenant)
        ]
        for tenant in unwritten:
            spawn(self._writer.write(tenant), tenant)
        if not unwritten:
            tracked.deleting = True
            spawn(self._delete(tracked))

    async def _delete(self, tracked: TrackedJob) -> None:
        try:
            await self._kube.delete(
                path("jobs", tracked.namespace, tracked.name, JOBS), tracked.uid
            )
        except ApiError:
            tracked.deleting = False
            raise
        # It is dropped when its own DELETED event comes: until then, late events must not count as those of an unknown
        # Job.
        tracked.deleted_at = self._clock.now()

    async def _delete_leftover(self, leftover: Leftover) -> None:
        """Delete a Job whose result does not count."""
        logger.info(
            "%s: the Job %s belongs to no tenant here: deleted", leftover.namespace, leftover.name
        )
        url = path("jobs", leftover.namespace, leftover.name, JOBS)
        await self._kube.delete(url, leftover.uid)
        self._results.leftovers.forget(leftover.uid)
