"""Processes the events of Jobs and pods: finds the Job under way of each event, and how a Job ended."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.launch import JOBS
from baileys_janitor.controller.jobs.manifest import SELECTOR, Member
from baileys_janitor.controller.jobs.tracker import (
    CLEANUPS,
    UID_MAX,
    JobTracker,
    Leftovers,
    TrackedJob,
    has_ended,
    is_suspended,
    job_of,
)
from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.tenants.record_cache import RecordCache
from baileys_janitor.schedule.cleanup_times import URGENT
from baileys_janitor.status.changes import ChangeBus, JobEnded
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord

logger = logging.getLogger("janitor.jobs")
Object = dict[str, Any]
R = TypeVar("R", bound=AnyRecord)

ATTEMPTS = 3
"""Maximum number of Jobs for one claimed run before it is given up."""
ADOPT_AGAIN_SECONDS = 5.0
"""Seconds until the Jobs of an earlier operator are listed again if the API server did not answer."""


class JobEvents(ABC, Generic[R]):
    """Receives the events of Jobs and pods of one kind of resource."""

    def __init__(
        self,
        clock: Clock,
        cache: RecordCache[R],
        tracker: JobTracker,
        bus: ChangeBus,
        crashes: CrashHandler,
        kept: frozenset[str] = CLEANUPS,
    ) -> None:
        self._clock = clock
        self._records = cache
        self._tracker = tracker
        self._bus = bus
        self._crashes = crashes
        self.leftovers = Leftovers(clock, kept)

    @abstractmethod
    def settle(self, tracked: TrackedJob, ended: Finished) -> None:
        """Record the result of a Job, once."""

    @abstractmethod
    def split(self, tracked: TrackedJob, claims: frozenset[str]) -> None:
        """Give up a shared Job without progress; `claims` are those that block it."""

    def abandon(self, tracked: TrackedJob) -> list[R]:
        """Give up a Job that cannot be handled, and delete it. Return its members, which wait."""
        tracked.settled = True
        members = self.members(tracked)
        for member in members:
            self._land(member, tracked)
        self._crashes.back_off(members)
        return members

    def job(self, kind: str, job: Object) -> None:
        """Process a Job's event (ADDED, MODIFIED or DELETED)."""
        with self._crashes.contain("event"):
            self._job(kind, job)

    def _job(self, kind: str, job: Object) -> None:
        meta = decoding.part(job, "metadata")
        uid = decoding.text(meta.get("uid"), UID_MAX)
        namespace, name = decoding.text(meta.get("namespace")), decoding.text(meta.get("name"))
        tracked = self._tracker.find(namespace, name, uid)
        if tracked is None:
            if kind == "DELETED":
                self.leftovers.forget(uid)
            elif not self._may_be_ours(namespace, name):
                self.leftovers.note(job)
            return
        if kind == "DELETED":
            self.settle(tracked, Finished(None, faults.GONE))
            self._tracker.drop(tracked)
            return
        tracked.suspended = is_suspended(job)
        if not tracked.settled and tracked.failed_at is None and has_ended(job):
            tracked.failed_at = self._clock.now()

    def _may_be_ours(self, namespace: str, name: str) -> bool:
        """Return whether a Job of that name is being created right now, whose uid is not known yet."""
        tracked = self._tracker.get(namespace, name)
        return tracked is not None and tracked.uid is None

    def pod(self, kind: str, pod: Object) -> None:
        """Process a pod's event."""
        with self._crashes.contain("event"):
            self._pod(kind, pod)

    def _pod(self, kind: str, pod: Object) -> None:
        tracked = self.tracked_job(pod)
        if tracked is None or tracked.settled:
            return
        name = decoding.text(decoding.part(pod, "metadata").get("name"))
        if kind == "DELETED":
            if tracked.pod == name:
                gone = faults.finished(pod) or Finished(None, faults.GONE)
                self.settle(tracked, _blamed(gone, tracked))
            return
        tracked.heard += 1
        tracked.pod = name
        if decoding.part(pod, "spec").get("nodeName") and tracked.placed_at is None:
            tracked.placed_at = self._clock.now()
        if tracked.started is None and faults.has_begun(pod):
            tracked.started = self._clock.now()
        ended = faults.finished(pod)
        if ended is not None:
            if ended.message is None and tracked.started is None and tracked.trouble is not None:
                # It never ran: the reason why it could not start is more useful than the expired deadline.
                ended = Finished(None, tracked.trouble)
            self.settle(tracked, _blamed(ended, tracked))
            return
        trouble = faults.pending(pod)
        if trouble is None and tracked.trouble is not None:
            # The cause in its events may still exist: read them again.
            tracked.asked = False
        tracked.trouble = trouble

    def tracked_job(self, pod: Object) -> TrackedJob | None:
        """Return the Job under way that owns a pod; None for every other pod, whatever its labels are."""
        owner = job_of(pod)
        if owner is None:
            return None
        return self._tracker.find(
            decoding.text(decoding.part(pod, "metadata").get("namespace")), *owner
        )

    async def adopt(
        self, kube: Kube, namespaces: Iterable[str], is_ours: Callable[[Object], bool]
    ) -> None:
        """Record the Jobs that an earlier operator left: a claimed run's is adopted, the others are deleted.

        `namespaces` are those that are watched; none stands for all. Nothing may start before the list is known, so it
        is requested until the API server answers.
        """
        for namespace in [*namespaces] or [""]:
            where = f"{JOBS}/namespaces/{namespace}/jobs" if namespace else f"{JOBS}/jobs"
            while True:
                try:
                    jobs = [job async for job in kube.list(where, labels=SELECTOR)]
                    break
                except ApiError as error:
                    logger.warning("The Jobs under way cannot be listed: %s", error)
                    await asyncio.sleep(ADOPT_AGAIN_SECONDS)
            for job in jobs:
                if is_ours(job):
                    self.leftovers.note(job, at_start=True)
        for record in self._records.records.values():
            self.attach(record)

    def attach(self, record: R) -> None:
        """Adopt the Job of a claimed run that an earlier operator created, if it exists."""
        run = record.run
        if run is None or record.jobs.work is not None or not run.get("uid"):
            return
        found = self.leftovers.take(record.namespace, str(run["uid"]))
        if found is None:
            return
        self._tracker.add(
            TrackedJob(
                namespace=found.namespace,
                name=found.name,
                action=found.action,
                members=[Member(record.name, record.uid)],
                run=str(run["id"]),
                created=self._clock.now(),
                used=frozenset([record.name]),
                urgent=run["reason"] in URGENT,
                uid=found.uid,
                # Its pod's event may have come before.
                overheard=True,
                failed_at=self._clock.now() if found.ended else None,
                suspended=found.suspended,
            )
        )
        record.jobs.start(found.action, found.name, self._clock.now())

    def members(self, tracked: TrackedJob) -> list[R]:
        """Return the records of a Job's members that still exist."""
        found = (
            self._records.of(m.namespace or tracked.namespace, m.name, m.uid)
            for m in tracked.members
        )
        return [one for one in found if one is not None]

    @staticmethod
    def _claimed(record: R, tracked: TrackedJob) -> bool:
        return record.run is not None and record.run.get("id") == tracked.run

    @staticmethod
    def _land(record: R, tracked: TrackedJob) -> None:
        record.stored.want_write()
        record.jobs.end(tracked.name)

    def _publish_end(self, tracked: TrackedJob, fault: Fault | None) -> None:
        seconds = max(0.0, self._clock.now() - tracked.created)
        outcome = "Completed" if fault is None else fault.reason
        members = len(tracked.members)
        self._bus.publish(JobEnded(tracked.namespace, tracked.action, members, seconds, outcome))


def _blamed(ended: Finished, tracked: TrackedJob) -> Finished:
    """Return the result of a pod; the pod of a suspended Job was ended by the suspension."""
    if ended.fault is None or not tracked.suspended:
        return ended
    return Finished(ended.message, faults.SUSPENDED)
