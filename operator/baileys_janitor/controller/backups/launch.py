"""Creates the Jobs of backups and drills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.backups.jobs import Told, Wanted
from baileys_janitor.controller.backups.queue import fail
from baileys_janitor.controller.backups.results import BackupResults
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.launch import JOBS, JobLauncher
from baileys_janitor.controller.jobs.manifest import SELECTOR
from baileys_janitor.controller.jobs.tracker import UID_MAX, JobTracker, TrackedJob
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord

Object = dict[str, Any]


class BackupLauncher(JobLauncher):
    """Creates one Job; `record` is called with its name before.

    What becomes of it is the backups' affair, and never a fault of the tenants.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        prepare: Callable[[str], Awaitable[None]] | None,
        wanted: Sequence[Wanted],
        told: list[Told],
        results: BackupResults,
        record: Callable[[str], Awaitable[None]],
    ) -> None:
        super().__init__(kube, clock, tracker, prepare)
        self._wanted = wanted
        self._told = told
        self._results = results
        self._record = record

    async def _create(self, job: Object) -> str:
        name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
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
        self._results.told[name] = self._told

    def _dropped(self, tracked: TrackedJob, tenants: Sequence[AnyRecord]) -> None:
        super()._dropped(tracked, tenants)
        self._results.told.pop(tracked.name, None)

    def _doubt(self, tenants: Sequence[AnyRecord]) -> None:
        """Do nothing: a backup that is made twice harms nobody."""

    def _refused(self, tenants: Sequence[AnyRecord], fault: Fault) -> None:  # noqa: ARG002
        for each in self._wanted:
            fail(each.tenant, each.action, each.names, fault, self._clock.now())
