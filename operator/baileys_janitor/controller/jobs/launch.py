"""Creates Jobs, each with a unique name that the tracker knows before the API server has answered."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs import faults, manifest
from baileys_janitor.controller.jobs.manifest import Member
from baileys_janitor.controller.jobs.tracker import CLEANUPS, UID_MAX, JobTracker, TrackedJob
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.schedule.cleanup_times import URGENT
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord

Object = dict[str, Any]

JOBS = "/apis/batch/v1"
UPGRADING_TRIES = 3
"""How often a Job may be refused for its image before that is a fault: for a minute and three quarters."""
NAMES = 3
"""Maximum number of names tried for a Job: repeated conflicts (409) should be reported."""


class JobLauncher:
    """Creates Jobs; `prepare` is called with the namespace before."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tracker: JobTracker,
        prepare: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._tracker = tracker
        self._prepare = prepare
        self._serial = itertools.count(1)

    async def launch(
        self, job: Object, prefix: str, tenants: Sequence[AnyRecord], used: frozenset[str]
    ) -> str | None:
        """Create a Job with a unique name; return its uid. A fault is recorded and backs off.

        A name that is taken proves nothing: the Job there may be this one, whose creation was not answered, or somebody
        else's. Another name is tried, and the volume's journal prevents a second run of a cleanup.
        """
        refused = None
        for _ in range(NAMES):
            tracked = self._depart(job, prefix, tenants, used)
            try:
                tracked.uid = await self._create(job)
                return tracked.uid
            except ApiError as error:
                self._dropped(tracked, tenants)
                refused = error
                if error.status != 409:
                    break
                self._doubt(tenants)
            except BaseException:
                self._dropped(tracked, tenants)
                raise
        assert refused is not None
        fault = faults.refused(refused.status, refused.message)
        if fault is faults.UPGRADING and all(t.backoff.failures < UPGRADING_TRIES for t in tenants):
            # The policy is replaced before the pods, so the old pods' Jobs are refused until the new pod leads.
            fault = replace(fault, stalled=False)
        self._refused(tenants, fault)
        return None

    def _begun(self, tenants: Sequence[AnyRecord], action: str, name: str) -> None:
        for tenant in tenants:
            tenant.jobs.start(action, name, self._clock.now())

    def _doubt(self, tenants: Sequence[AnyRecord]) -> None:
        for tenant in tenants:
            tenant.cleanup.doubt()

    def _refused(self, tenants: Sequence[AnyRecord], fault: Fault) -> None:
        for tenant in tenants:
            tenant.fail(fault, self._clock.now())

    def _depart(
        self, job: Object, prefix: str, tenants: Sequence[AnyRecord], used: frozenset[str]
    ) -> TrackedJob:
        meta = job["metadata"]
        name = meta["name"] = f"{prefix}-{secrets.token_hex(4)}-{next(self._serial):x}"
        action = meta["labels"][manifest.ACTION_LABEL]
        self._begun(tenants, action, name)
        run = tenants[0].run if action in CLEANUPS else None
        return self._tracker.add(
            TrackedJob(
                namespace=meta["namespace"],
                name=name,
                action=action,
                members=[Member(t.name, t.uid, t.namespace) for t in tenants],
                run=meta["labels"].get(manifest.RUN_LABEL),
                created=self._clock.now(),
                claims=manifest.claims_of(job),
                used=used,
                urgent=run is not None and run.get("reason") in URGENT,
            )
        )

    def _dropped(self, tracked: TrackedJob, tenants: Sequence[AnyRecord]) -> None:
        self._tracker.drop(tracked)
        for tenant in tenants:
            tenant.jobs.end(tracked.name)

    async def _create(self, job: Object) -> str:
        """Create a Job and return its uid; raise ApiError if it is refused, or its name is taken."""
        meta = job["metadata"]
        if self._prepare is not None:
            await self._prepare(meta["namespace"])
        created = await self._kube.create(path("jobs", meta["namespace"], group=JOBS), job)
        uid = decoding.text(decoding.part(created, "metadata").get("uid"), UID_MAX)
        if not uid:
            raise ApiError(500, "NoUid", "the API server named no uid of the Job.")
        return uid
