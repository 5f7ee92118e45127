"""Adopts the Jobs of backups and drills that an earlier operator has begun, so that each result counts once.

Before a Job is created its name is stored in the status of one of its tenants. Nobody can guess that name, so a Job
that has it is the operator's own, whatever its labels are. The tasks of its members are read from its template, which
nobody can change. A result that the earlier operator has recorded already is recognized by the time of the attempt.
"""

from __future__ import annotations

from collections.abc import Callable

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.backups import jobs
from baileys_janitor.controller.backups.jobs import Told
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs import manifest
from baileys_janitor.controller.jobs.launch import JOBS
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.jobs.tracker import Leftover, Leftovers, TrackedJob
from baileys_janitor.controller.kube.client import Kube, path
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.tenants.record import TenantRecord

MEMBERS_SECONDS = 20.0
"""Seconds that a Job waits until all its members are known; results of members that are gone are dropped."""
DRILLS = "janitor-drill-"
"""The prefix of the name of a drill's Job, which runs in the operator's namespace."""


class Adoption:
    """Finds those Jobs among the leftovers. `take_up` is called with each Job and the tasks of its members."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        cache: TenantCache,
        leftovers: Leftovers,
        home: str,
        take_up: Callable[[TrackedJob, list[Told]], None],
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._cache = cache
        self._leftovers = leftovers
        self._home = home
        self._take_up = take_up
        self._recorded: set[tuple[str, str]] = set()
        self._read: set[str] = set()
        self._waiting: list[tuple[float, TrackedJob, list[Told]]] = []

    def __len__(self) -> int:
        """Return how many Jobs wait for their members."""
        return len(self._waiting)

    def observe(self, tenant: TenantRecord) -> None:
        """Record the Job that a tenant's status names."""
        name = tenant.backup.job
        if name:
            namespace = self._home if name.startswith(DRILLS) else tenant.namespace
            self._recorded.add((namespace, name))

    def look(self, spawn: Spawn) -> None:
        """Read the existing Jobs, and adopt those whose members are known."""
        for leftover in self._leftovers.of_backups():
            place = leftover.namespace, leftover.name
            if place in self._recorded and leftover.uid not in self._read:
                self._read.add(leftover.uid)
                spawn(self._look_at(leftover))
        now = self._clock.monotonic()
        waiting, self._waiting = self._waiting, []
        for since, tracked, told in waiting:
            if now - since < MEMBERS_SECONDS and not self._are_known(tracked):
                self._waiting.append((since, tracked, told))
                continue
            tracked.created = self._clock.now()
            self._leftovers.forget(str(tracked.uid))
            self._take_up(tracked, told)

    async def _look_at(self, leftover: Leftover) -> None:
        """Read a Job. One that differs from the operator's own Jobs stays among the leftovers, and is deleted."""
        where = path("jobs", leftover.namespace, group=JOBS)
        named = f"metadata.name={leftover.name}"
        try:
            found = [
                job async for job in self._kube.list(where, labels=manifest.SELECTOR, fields=named)
            ]
        except BaseException:
            self._read.discard(leftover.uid)
            raise
        for job in found:
            read = jobs.read_job(job, self._home)
            if read is None or decoding.part(job, "metadata").get("uid") != leftover.uid:
                continue
            members, told = read
            tracked = TrackedJob(
                namespace=leftover.namespace,
                name=leftover.name,
                action=leftover.action,
                members=members,
                created=self._clock.now(),
                claims=manifest.claims_of(job),
                uid=leftover.uid,
                # Its pod's event may have come before.
                overheard=True,
                failed_at=self._clock.now() if leftover.ended else None,
                suspended=leftover.suspended,
            )
            self._waiting.append((self._clock.monotonic(), tracked, told))

    def _are_known(self, tracked: TrackedJob) -> bool:
        return all(
            self._cache.of(each.namespace, each.name, each.uid) is not None
            for each in tracked.members
        )
