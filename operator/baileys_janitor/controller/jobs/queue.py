"""The queue of Jobs: cleanups, scans and copies are created one by one, a namespace at a time, while there is room."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.config.config import Limits
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import batches
from baileys_janitor.controller.jobs.batches import Batch
from baileys_janitor.controller.jobs.create import JobCreator
from baileys_janitor.controller.jobs.tracker import JobTracker
from baileys_janitor.schedule import copy_times, scan_times
from baileys_janitor.tenants.record import TenantRecord


@dataclass(frozen=True, slots=True)
class CopiesDue:
    """Tenants of one namespace whose creds.json is to be copied."""

    tenants: tuple[TenantRecord, ...]


Work = TenantRecord | list[TenantRecord] | Batch | CopiesDue
"""A tenant with a due cleanup, all tenants of a namespace that want a scan, a batch, or due copies."""


class NamespaceQueues:
    """Due cleanups, wanted scans, scans that are placed and only lack a free slot, and copies.

    `next` returns one piece of work at a time and moves on to another namespace. In a namespace urgent cleanups come
    first, then others, then scans, then copies of creds.json. A namespace without room keeps its position. Returned
    work is removed from the queue.
    """

    def __init__(self) -> None:
        self._urgent: dict[str, dict[str, TenantRecord]] = {}
        self._cleanups: dict[str, dict[str, TenantRecord]] = {}
        self._wanted: dict[str, dict[str, TenantRecord]] = {}
        self._copies: dict[str, dict[str, TenantRecord]] = {}
        self._batches: dict[str, deque[Batch]] = {}
        self._order: deque[str] = deque()
        self._listed: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._order)

    def __len__(self) -> int:
        """Return how many tenants wait."""
        tables = (self._urgent, self._cleanups, self._wanted, self._copies)
        waiting = sum(len(held) for table in tables for held in table.values())
        return waiting + sum(
            len(batch.members) for held in self._batches.values() for batch in held
        )

    def want(self, tenant: TenantRecord) -> None:
        """Queue a tenant's scan in its namespace."""
        self._wanted.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def copy(self, tenant: TenantRecord) -> None:
        """Queue a copy of a tenant's creds.json in its namespace."""
        self._copies.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def clean(self, tenant: TenantRecord, *, urgent: bool = False) -> None:
        """Queue a new decision on a tenant's cleanup in its namespace."""
        table = self._urgent if urgent else self._cleanups
        table.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def put(self, batches: Iterable[Batch]) -> None:
        """Queue placed batches in their namespaces."""
        for batch in batches:
            self._batches.setdefault(batch.namespace, deque()).append(batch)
            self._list(batch.namespace)

    def forget(self, tenant: TenantRecord) -> None:
        """Remove a tenant that is gone; a batch omits it when its Job is created."""
        for held in (self._wanted, self._cleanups, self._urgent, self._copies):
            held.get(tenant.namespace, {}).pop(tenant.name, None)

    def next(self, has_room: Callable[[str, bool], bool]) -> Work | None:
        """Return a piece of work for which there is room.

        `has_room` returns whether a namespace has room for a Job, for urgent or other work.
        """
        for _ in range(len(self._order)):
            namespace = self._order.popleft()
            self._listed.discard(namespace)
            found = self._of(namespace, has_room)
            if self._holds(namespace):
                self._list(namespace)
            if found is not None:
                return found
        return None

    def _of(self, namespace: str, has_room: Callable[[str, bool], bool]) -> Work | None:
        urgent = self._urgent.get(namespace)
        if urgent and has_room(namespace, True):
            return urgent.pop(next(iter(urgent)))
        cleanups, batches = self._cleanups.get(namespace), self._batches.get(namespace)
        copies = self._copies.get(namespace)
        waits = cleanups or batches or self._wanted.get(namespace) or copies
        if not waits or not has_room(namespace, False):
            return None
        if cleanups:
            return cleanups.pop(next(iter(cleanups)))
        if batches:
            return batches.popleft()
        wanted = self._wanted.pop(namespace, None)
        if wanted:
            return list(wanted.values())
        return self._next_copies(namespace)

    def _next_copies(self, namespace: str) -> CopiesDue | None:
        copies = self._copies.pop(namespace, None)
        return CopiesDue(tuple(copies.values())) if copies else None

    def _holds(self, namespace: str) -> bool:
        for held in (self._urgent, self._cleanups, self._wanted, self._batches, self._copies):
            if held.get(namespace):
                return True
            held.pop(namespace, None)
        return False

    def _list(self, namespace: str) -> None:
        if namespace not in self._listed:
            self._listed.add(namespace)
            self._order.append(namespace)


Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[None]]

STALE_SECONDS = 30.0
"""Seconds that a batch may wait before its tenants are placed again."""


class JobQueue:
    """Serves the namespaces in turn. `consider` makes a new decision on a tenant; `after` is called with tenants whose
    state has changed."""

    def __init__(
        self,
        limits: Limits,
        tracker: JobTracker,
        creator: JobCreator,
        is_known: Callable[[TenantRecord], bool],
        of_namespace: Callable[[str], Iterable[TenantRecord]],
        consider: Callable[[TenantRecord, float], None],
        after: Callable[[Sequence[TenantRecord]], None],
        spawn: Spawn,
        crashes: CrashHandler,
        started: float,
    ) -> None:
        self._limits = limits
        self._tracker = tracker
        self._creator = creator
        self._is_known = is_known
        self._of_namespace = of_namespace
        self._consider = consider
        self._after = after
        self._spawn = spawn
        self._crashes = crashes
        self.started = started
        self._backlog = NamespaceQueues()
        self._beginning: Counter[tuple[str, bool]] = Counter()

    def __len__(self) -> int:
        """Return how many tenants wait."""
        return len(self._backlog)

    def __bool__(self) -> bool:
        return bool(self._backlog)

    def has_room(self, namespace: str, urgent: bool = False) -> bool:
        """Return whether another Job of a namespace may be created.

        A namespace has slots of its own within the fleet's, so that a namespace whose pods do not start blocks no
        other. Half as many additional slots are reserved for urgent work, so it waits only for other urgent work.
        """
        return self._rooms()(namespace, urgent)

    def _rooms(self) -> Callable[[str, bool], bool]:
        """Count the Jobs under way once, and return a function that checks whether a namespace has room."""
        jobs: Counter[tuple[str, bool]] = Counter(self._beginning)
        pods: Counter[tuple[str, bool]] = Counter(self._beginning)
        for tracked in self._tracker:
            jobs[tracked.namespace, tracked.urgent] += not tracked.settled
            pods[tracked.namespace, tracked.urgent] += tracked.pending
        limits, whole = self._limits, {}
        for urgent in (False, True):
            whole[urgent] = _fits(
                sum(n for (_, kind), n in jobs.items() if kind == urgent),
                sum(n for (_, kind), n in pods.items() if kind == urgent),
                _share(limits.jobs_in_flight, urgent),
                _share(limits.pending_pods, urgent),
            )

        def has_room(namespace: str, urgent: bool) -> bool:
            return whole[urgent] and _fits(
                jobs[namespace, urgent],
                pods[namespace, urgent],
                _share(limits.jobs_in_flight_per_namespace, urgent),
                _share(limits.pending_pods_per_namespace, urgent),
            )

        return has_room

    def want_scan(self, tenant: TenantRecord) -> None:
        """Queue a tenant's scan."""
        tenant.jobs.wait()
        self._backlog.want(tenant)

    def want_copy(self, tenant: TenantRecord) -> None:
        """Queue a copy of a tenant's creds.json."""
        tenant.copies.wait()
        self._backlog.copy(tenant)

    def want_cleanup(self, tenant: TenantRecord, *, urgent: bool = False) -> None:
        """Queue a new decision on a tenant's cleanup."""
        self._backlog.clean(tenant, urgent=urgent)

    def forget(self, tenant: TenantRecord) -> None:
        """Remove a tenant that is gone."""
        self._backlog.forget(tenant)
        self._creator.soon_due.forget(tenant)

    def take(self, now: float) -> None:
        """Start queued work while there is room."""
        later: list[TenantRecord] = []
        while (found := self._backlog.next(self._rooms())) is not None:
            with self._crashes.contain("tenant", _tenants_of(found)):
                self._give(found, now, later)
        for tenant in later:
            self.want_scan(tenant)

    def _give(
        self,
        found: Work,
        now: float,
        later: list[TenantRecord],
    ) -> None:
        if isinstance(found, TenantRecord):
            if self._is_known(found) and not found.queue.busy:
                self._consider(found, now)
        elif isinstance(found, Batch):
            self._launch(found, now, later)
        elif isinstance(found, CopiesDue):
            self._copy(found.tenants)
        else:
            self._settle_down(found, now, later)

    def count(self, step: asyncio.Task[None], namespace: str, urgent: bool = False) -> None:
        """Count a step that is about to create a Job until it is over: then the Job itself counts."""
        key = namespace, urgent
        self._beginning[key] += 1

        def begun(_: object) -> None:
            self._beginning[key] -= 1
            if not self._beginning[key]:
                del self._beginning[key]

        step.add_done_callback(begun)

    def _settle_down(
        self, wanted: list[TenantRecord], now: float, later: list[TenantRecord]
    ) -> None:
        """Place the tenants of a namespace that want a scan, together with those that are due soon."""
        ready = []
        for tenant in wanted:
            tenant.jobs.wait(False)
            if not self._is_known(tenant) or tenant.jobs.scan is not None:
                continue
            if tenant.queue.busy:
                later.append(tenant)
            elif not self._waits_for_work(tenant):
                ready.append(tenant)
        if ready:
            ready += self._scanned_early(ready, now)
            for tenant in ready:
                tenant.jobs.wait()
            self.count(self._spawn(self._place(ready)), ready[0].namespace)

    def _copy(self, due: Sequence[TenantRecord]) -> None:
        """Copy creds.json of as many tenants as share a Job; the others of the namespace wait for the next turn."""
        ready: list[TenantRecord] = []
        for tenant in due:
            if not self._is_known(tenant):
                continue
            if ready and not self._shares(tenant, ready):
                self._backlog.copy(tenant)
                continue
            tenant.copies.wait(False)
            if tenant.queue.busy or not self._may_copy(tenant):
                continue
            ready.append(tenant)
        if ready:
            for tenant in ready:
                tenant.copies.wait()
                tenant.queue.work()  # no cleanup begins before the Job exists
            self.count(self._spawn(self._keep(ready)), ready[0].namespace)

    def _shares(self, tenant: TenantRecord, ready: Sequence[TenantRecord]) -> bool:
        spot = self._creator.soon_due.spot
        return len(ready) < self._limits.tenants_per_scan and spot(tenant) is spot(ready[0])

    def _may_copy(self, tenant: TenantRecord) -> bool:
        """Return whether a copy is still due, and no pod of the tenant waits for a node."""
        if tenant.jobs.operation is not None:
            return False
        scan = self._tracker.get(tenant.namespace, tenant.jobs.scan)
        waits = scan is not None and scan.pending
        return copy_times.copy_time(tenant) is not None and not waits

    async def _keep(self, tenants: list[TenantRecord]) -> None:
        try:
            with self._crashes.contain("step", tenants):
                await self._creator.keep(tenants[0].namespace, tenants)
        finally:
            for tenant in tenants:
                tenant.copies.wait(False)
                tenant.queue.work(False)
            self._after(tenants)

    async def _place(self, tenants: list[TenantRecord]) -> None:
        found: list[Batch] = []
        try:
            with self._crashes.contain("step", tenants):
                found = await self._creator.place(tenants[0].namespace, tenants)
        finally:
            placed = {one.tenant.name for batch in found for one in batch.members}
            left = [tenant for tenant in tenants if tenant.name not in placed]
            for tenant in left:
                tenant.jobs.wait(False)
            self._backlog.put(found)
            self._after(left)

    def _launch(self, batch: Batch, now: float, later: list[TenantRecord]) -> None:
        """Send a batch, without members that meanwhile are gone, changed, or busy with more urgent work."""
        members = []
        for one in batch.members:
            tenant = one.tenant
            tenant.jobs.wait(False)
            if not self._is_known(tenant) or tenant.effective is None or tenant.effective.suspend:
                continue
            # A batch with a time in the future was placed before the clock was set.
            moved = (
                one.generation != tenant.resource.generation
                or not 0 <= now - batch.when <= STALE_SECONDS
            )
            if moved or tenant.queue.busy or self._waits_for_work(tenant):
                later.append(tenant)
            elif tenant.jobs.scan is None:
                members.append(one)
        if members:
            sent = Batch(batch.namespace, batch.place, tuple(members), batch.when)
            self.count(self._spawn(self._send(sent)), batch.namespace)

    async def _send(self, batch: Batch) -> None:
        try:
            with self._crashes.contain("step", _tenants_of(batch)):
                await self._creator.send(batch)
        finally:
            self._after([one.tenant for one in batch.members])

    def _waits_for_work(self, tenant: TenantRecord) -> bool:
        """Return whether a Job of the tenant's own waits for a node: then no second pod is created."""
        if tenant.jobs.operation is not None and tenant.jobs.work is not None:
            return True  # an operation's Job, which another module supervises
        work = self._tracker.get(tenant.namespace, tenant.jobs.work)
        return work is not None and work.pending

    def _scanned_early(self, due: list[TenantRecord], now: float) -> list[TenantRecord]:
        return batches.scanned_early(
            due,
            self._creator.soon_due,
            self._of_namespace(due[0].namespace),
            lambda tenant: self._due_soon(tenant, now),
            lambda tenant: now + (scan_times.scan_wait(tenant) if tenant.effective else math.inf),
            self._limits.tenants_per_scan,
        )

    def _due_soon(self, tenant: TenantRecord, now: float) -> float | None:
        if (
            tenant.queue.busy
            or tenant.stored.stale
            or tenant.effective is None
            or tenant.backoff.retry_at > now
        ):
            return None
        due = scan_times.scan_time(tenant, self.started)
        if due is None or due - now > scan_times.scan_wait(tenant) * batches.EARLY_SHARE:
            return None
        return due


def _share(limit: int, urgent: bool) -> int:
    return max(1, limit // 2) if urgent else limit


def _fits(jobs: int, pods: int, most_jobs: int, most_pods: int) -> bool:
    return jobs < most_jobs and pods < most_pods


def _tenants_of(found: Work) -> list[TenantRecord]:
    if isinstance(found, CopiesDue):
        return list(found.tenants)
    if isinstance(found, Batch):
        return [one.tenant for one in found.members]
    return found if isinstance(found, list) else [found]
