"""Creates and supervises Jobs of backups and drills, for any kind of resource."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.job_events import JobEvents
from baileys_janitor.controller.jobs.launch import JOBS, JobLauncher
from baileys_janitor.controller.jobs.manifest import SELECTOR
from baileys_janitor.controller.jobs.timeouts import JobTimeouts, Spawn
from baileys_janitor.controller.jobs.tracker import UID_MAX, JobTracker, TrackedJob
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord

logger = logging.getLogger("janitor.backups")
Object = dict[str, Any]
R = TypeVar("R", bound=AnyRecord)
T = TypeVar("T")

LATE_SECONDS = 60.0
"""Seconds after its deadline at which a pod that its node has not ended is given up."""
ASK_SECONDS = 5.0
"""Seconds between two reads of a Job in a namespace that is not watched."""


class BackupLauncher(JobLauncher, Generic[T]):
    """Creates one Job. Its outcome is recorded for the backups, and is never a fault of the resource.

    While the Job exists, `told` has its task by its name. `refused` is called if it cannot be created, `record` with
    its name before the creation.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        prepare: Callable[[str], Awaitable[None]] | None,
        told: dict[str, T],
        telling: T,
        refused: Callable[[Fault], None],
        record: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(kube, clock, tracker, prepare)
        self._told = told
        self._telling = telling
        self._on_refusal = refused
        self._record = record

    async def _create(self, job: Object) -> str:
        name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
        if self._record is not None:
            await self._record(name)
        try:
            return await super()._create(job)
        except ApiError as error:
            if error.status != 409:
                raise
            # Nobody could guess the name: it is this very Job, whose creation was not answered.
            named = f"metadata.name={name}"
            where = path("jobs", namespace, group=JOBS)
            async for found in self._kube.list(where, labels=SELECTOR, fields=named):
                return decoding.text(decoding.part(found, "metadata").get("uid"), UID_MAX)
            raise

    def _begun(self, tenants: Sequence[AnyRecord], action: str, name: str) -> None:  # noqa: ARG002
        self._told[name] = self._telling

    def _dropped(self, tracked: TrackedJob, tenants: Sequence[AnyRecord]) -> None:
        super()._dropped(tracked, tenants)
        self._told.pop(tracked.name, None)

    def _doubt(self, tenants: Sequence[AnyRecord]) -> None:
        """Do nothing: a repeated backup does no harm."""

    def _refused(self, tenants: Sequence[AnyRecord], fault: Fault) -> None:  # noqa: ARG002
        self._on_refusal(fault)


class BackupTimeouts(JobTimeouts[R]):
    """Supervises the Jobs of backups: these take longer, and a pod that does not start is no fault of the resource.

    `deadline` returns how many seconds the pod of a Job may run.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        reads: ClusterReads,
        writer: StatusWriter[R],
        results: JobEvents[R],
        config: OperatorConfig,
        crashes: CrashHandler,
        deadline: Callable[[TrackedJob], float],
    ) -> None:
        super().__init__(kube, clock, tracker, reads, writer, results, config, crashes)
        self._deadline_of = deadline

    def _watch_run(self, tracked: TrackedJob, now: float) -> None:
        assert tracked.started is not None
        if now - tracked.started > self._deadline_of(tracked) + LATE_SECONDS:
            self._give_up(tracked, faults.OVERDUE)

    def _say(self, tracked: TrackedJob, trouble: Fault) -> list[R]:  # noqa: ARG002
        return []


class OperatorNamespace(Generic[R]):
    """The operator's own namespace, in which drills run; used if no watch covers it."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        home: str,
        tracker: JobTracker,
        results: JobEvents[R],
        timeouts: JobTimeouts[R],
    ) -> None:
        watched = config.watch_namespaces
        self._kube = kube
        self._home = home
        self._tracker = tracker
        self._results = results
        self._timeouts = timeouts
        self._drills = bool(home and config.backup.drill.read_secret_names)
        self._watched = not watched or home in watched
        self._asked_at = 0.0

    async def adopt(self, is_ours: Callable[[Object], bool]) -> None:
        """Delete the drills that an earlier operator left there."""
        if self._watched or not self._drills:
            return
        where = f"{JOBS}/namespaces/{self._home}/jobs"
        try:
            found = [job async for job in self._kube.list(where, labels=SELECTOR)]
        except ApiError as error:
            # A leftover drill ends by itself.
            logger.warning("%s: the drills there cannot be listed: %s", self._home, error)
            return
        for job in filter(is_ours, found):
            self._results.leftovers.note(job, at_start=True)

    def ask(self, now: float, spawn: Spawn) -> None:
        """Ask for the pods of Jobs there."""
        if self._watched or now - self._asked_at < ASK_SECONDS:
            return
        self._asked_at = now
        for tracked in self._tracker:
            if tracked.namespace == self._home and tracked.uid and not tracked.settled:
                spawn(self._timeouts.seek_pod(tracked))
