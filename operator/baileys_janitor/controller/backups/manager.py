"""Backs up and drills tenants on schedule: decides, groups, creates Jobs.

A Job is created for tenants of one namespace, place and settings that are due at the same time. An operator that starts
adopts the Jobs of an earlier one (`adoption`).
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.backup.job.task import DRILL
from baileys_janitor.controller.backups import jobs
from baileys_janitor.controller.backups.adoption import Adoption
from baileys_janitor.controller.backups.jobs import Group, Told, Wanted
from baileys_janitor.controller.backups.launch import (
    BackupLauncher,
    BackupTimeouts,
    OperatorNamespace,
)
from baileys_janitor.controller.backups.queue import AGAIN_SECONDS, BackupQueue, fail
from baileys_janitor.controller.backups.results import BackupResults
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob, is_of_backup
from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.schedule.backup_times import BackupSchedule
from baileys_janitor.schedule.tenant_backups import schedule_of
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

logger = logging.getLogger("janitor.backups")
Object = dict[str, Any]

UNPLACED_SECONDS = 300.0
"""Seconds until a claim that waits for its workload is checked again."""


class BackupManager:
    """Part of the reconciler, whose loop calls `look`. `home` is the operator's own namespace, where drills run."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        cache: TenantCache,
        reads: ClusterReads,
        writer: StatusWriter[TenantRecord],
        started: float,
        jitter: float,
        prepare: Callable[[str], Awaitable[None]] | None,
        home: str,
        over: Callable[[Sequence[TenantRecord]], None],
        nudge: Callable[[], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        self._kube = kube
        self._config = config
        self._pod = pod
        self._clock = clock
        self._cache = cache
        self._reads = reads
        self._jitter = jitter
        self._home = home
        self._shards = config.shards
        self._over = over
        self._nudge = nudge
        self._crashes = crashes
        self.tracker = JobTracker()
        self.results = BackupResults(clock, cache, self.tracker, self._ended, bus, crashes)
        self._timeouts = BackupTimeouts(
            *(kube, clock, self.tracker, reads, writer, self.results, config, crashes),
            deadline=lambda tracked: jobs.deadline_seconds(len(tracked.members)),
        )
        self._away = OperatorNamespace(
            kube, config, home, self.tracker, self.results, self._timeouts
        )
        self._prepare_namespace = prepare
        self._queue = BackupQueue(clock, cache.tenants.get, self._schedule, started)
        self._ready: deque[tuple[Group, list[Wanted]]] = deque()
        self._beginning: Counter[str] = Counter()
        self._adoption = Adoption(kube, clock, cache, self.results.leftovers, home, self._take_up)
        self._writer = writer

    def __len__(self) -> int:
        """Return how many tenants wait for a free slot for their Job."""
        return sum(len(members) for _, members in self._ready)

    @property
    def busy(self) -> bool:
        """Whether something is under way that must be checked from time to time."""
        waits = len(self.results.leftovers) or len(self._adoption)
        return bool(list(self.tracker) or self._ready or waits)

    # Events

    async def adopt(self) -> None:
        """Record the Jobs that an earlier operator left: those that are not adopted are deleted."""
        await self.results.adopt(self._kube, self._config.watch_namespaces, is_of_backup)
        await self._away.adopt(is_of_backup)

    def nudge(self) -> None:
        """Wake the loop at once."""
        self._nudge()

    def observe(self, tenant: TenantRecord) -> None:
        """Process a tenant that may have changed."""
        if self._queue.observe(tenant):
            self._adoption.observe(tenant)

    @property
    def drills(self) -> bool:
        """Whether a namespace for drills is configured."""
        return bool(self._home)

    def ask(self, tenant: TenantRecord, action: str, names: Iterable[str], since: float) -> None:
        """Request a backup or a drill now, in the repositories with these names; `since` is the time of the request."""
        for name in names:
            state = tenant.backup.repositories.get(name)
            if state is not None:
                (state.drill if action == DRILL else state).ask(since)
        self._queue.hurry(tenant)

    def forget(self, tenant: TenantRecord) -> None:
        """Drop a tenant that was deleted."""
        self._queue.forget(tenant.key)
        self.results.most.pop(tenant.key, None)

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds."""
        self.tracker.shift(step)
        self._queue.shift(step)

    # When

    def next_due(self) -> float | None:
        """Return when the next tenant is due."""
        return self._queue.next_due()

    def _schedule(self, tenant: TenantRecord) -> BackupSchedule | None:
        effective = tenant.effective
        if effective is None:
            return None
        schedule = schedule_of(tenant.namespace, effective, self._jitter)
        if schedule is not None and not self._home:
            # Drills run in the operator's namespace, and here the operator does not run in the cluster.
            return BackupSchedule(schedule.backups, None, schedule.zone, schedule.delay)
        return schedule

    # The loop

    def look(self, now: float, spawn: Spawn) -> None:
        """Check the Jobs under way, and create those that are due."""
        self._adoption.look(spawn)
        self._timeouts.look(now, spawn)
        self._away.ask(now, spawn)
        wanted: dict[str, list[Wanted]] = {}
        for tenant in self._queue.due(now):
            with self._crashes.contain("tenant", [tenant]):
                self._want(tenant, now, wanted)
        for each in wanted.values():
            spawn(self._prepare(each))
        self._take(now, spawn)

    def _want(self, tenant: TenantRecord, now: float, wanted: dict[str, list[Wanted]]) -> None:
        claimed = self._queue.claim(tenant, now)
        if claimed is not None:
            key = self._home if claimed[0] == DRILL else tenant.namespace
            wanted.setdefault(f"{claimed[0]} {key}", []).append(Wanted(tenant, *claimed))

    async def _prepare(self, wanted: list[Wanted]) -> None:
        """Place tenants for their backups, and add them to Jobs that wait for a free slot."""
        placed: list[Wanted] = []
        try:
            with self._crashes.contain("step", [each.tenant for each in wanted]):
                placed = await self._placed(wanted)
                self._ready.extend(
                    jobs.batches(placed, self._home, self.results.most, self._shards)
                )
        finally:
            there = {each.tenant.key for each in placed}
            self._give_up([each for each in wanted if each.tenant.key not in there])

    async def _placed(self, wanted: list[Wanted]) -> list[Wanted]:
        if wanted[0].action == DRILL:
            return wanted
        namespace = wanted[0].tenant.namespace
        now = self._clock.now()
        try:
            cluster = await self._reads.cluster(namespace, [each.tenant for each in wanted])
        except ApiError as error:
            logger.warning("%s: the claims could not be looked up: %s", namespace, error)
            for each in wanted:
                self._queue.wait(each.tenant, now + AGAIN_SECONDS)
            return []
        found = (self._place(each, cluster, now) for each in wanted)
        return [each for each in found if each is not None]

    def _place(self, wanted: Wanted, cluster: ClusterState, now: float) -> Wanted | None:
        tenant = wanted.tenant
        if tenant.effective is None or tenant.effective.backup is None:
            return None
        place, fault, _ = cluster.place(tenant)
        if place is not None:
            return Wanted(tenant, wanted.action, wanted.names, place)
        assert fault is not None
        if not fault.stalled:
            self._queue.wait(tenant, now + UNPLACED_SECONDS)
            return None
        fail(tenant, wanted.action, wanted.names, fault, now)
        return None

    def _give_up(self, wanted: Iterable[Wanted]) -> None:
        """Drop the claims of tenants for which no Job is created now."""
        left = list(wanted)
        for each in left:
            self._queue.release(each.tenant)
        self._over([each.tenant for each in left])

    def _take(self, now: float, spawn: Spawn) -> None:
        """Create Jobs while there is room."""
        for _ in range(len(self._ready)):
            group, members = self._ready.popleft()
            free = next((one.tenant for one in members if not one.tenant.queue.busy), None)
            if free is None or not self._has_room(group.namespace):
                self._ready.append((group, members))
                continue
            self._beginning[group.namespace] += 1
            free.queue.work()
            spawn(self._begin(group, members, now, free))

    def _has_room(self, namespace: str) -> bool:
        limits = self._config.limits
        tracked = [each for each in self.tracker if not each.settled]
        own = [each for each in tracked if each.namespace == namespace]
        beginning = self._beginning.total()
        return (
            len(tracked) + beginning < limits.jobs_in_flight
            and sum(each.pending for each in tracked) + beginning < limits.pending_pods
            and len(own) + self._beginning[namespace] < limits.jobs_in_flight_per_namespace
            and sum(each.pending for each in own) + self._beginning[namespace]
            < limits.pending_pods_per_namespace
        )

    async def _begin(
        self, group: Group, members: list[Wanted], now: float, free: TenantRecord
    ) -> None:
        """Create the Job of a batch, without tenants that are gone or have changed meanwhile.

        `free` is a tenant that no other step uses until this step is over: its status names the Job.
        """
        still = [each for each in members if self._is_current(each, group)]
        launched = False
        try:
            with self._crashes.contain("step", [each.tenant for each in still]):
                launched = bool(still) and await self._launch(group, still, now, free)
        finally:
            free.queue.work(False)
            self._over([free])
            self._beginning[group.namespace] -= 1
            kept = {each.tenant.key for each in still} if launched else set()
            self._give_up([each for each in members if each.tenant.key not in kept])

    def _is_current(self, wanted: Wanted, group: Group) -> bool:
        tenant = wanted.tenant
        if self._cache.tenants.get(tenant.key) is not tenant:
            return False
        effective = tenant.effective
        if effective is None or effective.suspend or effective.backup is None:
            return False
        return Group.of(wanted, self._home, self._shards) == group

    async def _launch(
        self, group: Group, members: list[Wanted], now: float, free: TenantRecord
    ) -> bool:
        made = jobs.job_of(group, members, self._pod, now)
        if made is None:
            half = len(members) // 2
            self._ready.extend([(group, members[:half]), (group, members[half:])])
            return True
        job, told = made
        tenants = [each.tenant for each in members]
        launcher = BackupLauncher(
            self._kube,
            self._clock,
            self.tracker,
            self._prepare_namespace,
            self.results.told,
            told,
            partial(self._refused, members),
            partial(self._record, free),
        )
        uid = await launcher.launch(job, f"janitor-{group.action}", tenants, frozenset())
        return uid is not None

    async def _record(self, tenant: TenantRecord, name: str) -> None:
        """Store the name of a Job that is about to be created in the status of one of its tenants.

        If that fails, the Job is created all the same: only a successor would miss it.
        """
        tenant.backup.begin(name)
        await self._writer.write(tenant, force=True)

    def _take_up(self, tracked: TrackedJob, told: list[Told]) -> None:
        """Continue with a Job that an earlier operator has begun."""
        logger.info(
            "%s: the Job %s of an earlier operator is taken up", tracked.namespace, tracked.name
        )
        self.tracker.add(tracked)
        self.results.told[tracked.name] = told
        for tenant, one in zip(self.results.each(tracked), told, strict=True):
            if tenant is None:
                continue
            since = self._clock.now() if one.since is None else float(one.since)
            self._queue.take_up(tenant, tracked.action, one.repositories.values(), since)

    def _ended(self, tenants: Iterable[TenantRecord]) -> None:
        # Their statuses are written before the Job is deleted.
        for tenant in tenants:
            self._queue.release(tenant)

    def _refused(self, wanted: Sequence[Wanted], fault: Fault) -> None:
        now = self._clock.now()
        for each in wanted:
            fail(each.tenant, each.action, each.names, fault, now)
