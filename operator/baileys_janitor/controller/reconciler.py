"""Reconciles tenants: handles watch events, starts due work, runs each cleanup at most once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.backups.manager import BackupManager
from baileys_janitor.controller.clock import Clock, MonotonicClock, WatchedClock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.cluster_reads import ClusterReads
from baileys_janitor.controller.jobs.create import JobCreator, settle
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.queue import JobQueue
from baileys_janitor.controller.jobs.results import ResultHandler
from baileys_janitor.controller.jobs.timeouts import JobTimeouts
from baileys_janitor.controller.jobs.tracker import JobTracker, is_of_tenant
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.operations.manager import OperationManager
from baileys_janitor.controller.status import writer
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.controller.tenants.breakers import CleanupCounter, breakers_of
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.controller.workers import Workers
from baileys_janitor.schedule import calendar, copy_times, scan_times
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.circuit_breaker import Hold
from baileys_janitor.schedule.cleanup_times import URGENT
from baileys_janitor.schedule.context import Context, Intervals
from baileys_janitor.schedule.decision import Decision, decide
from baileys_janitor.schedule.tenant_backups import schedule_of
from baileys_janitor.status import advice
from baileys_janitor.status.backup import BackupContext, context_of
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants import record_result
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.reconciler")

TICK_SECONDS = 2.0
"""Seconds between checks of Jobs under way, while there are any: pods that never appear send no event."""
GAP_SECONDS = 1.0
"""Minimum seconds between two decisions on one tenant."""
PASS_TENANTS = 200
"""Tenants that are considered before events that came meanwhile are handled."""
WAIT_MAX_SECONDS = 60.0
"""Maximum seconds that the loop waits: a clock that was set ahead meanwhile is noticed then."""
CRASH_PAUSE_SECONDS, CRASH_PAUSE_MAX_SECONDS = 1.0, 60.0
"""Pause of the loop after an unexpected exception: the first, and the longest."""


class Reconciler:
    """Runs until cancelled. Events come through `observe`, `forget` and `results`."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        prepare: Callable[[str], Awaitable[None]] | None = None,
        prepare_for_backup: Callable[[str], Awaitable[None]] | None = None,
        home: str = "",
    ) -> None:
        self._kube = kube
        self._clock = clock = WatchedClock(clock, self._clock_was_set)
        self._config = config
        self._started = clock.now()
        self._wake = asyncio.Event()
        self._passed: tuple[float, float | None] | None = None
        """When the loop last ran, in monotonic seconds, and after how many seconds it is due again."""
        self.cache = TenantCache(config)
        self.breakers = breakers_of(config.circuit_breaker, self.cache.namespaces)
        self._cleanups = CleanupCounter(config.circuit_breaker, self.breakers, clock, self._started)
        self._intervals = Intervals(
            config.daily_jitter.seconds,
            config.scan_unused_claims_every.seconds,
            config.status_interval.seconds,
        )
        self._advice = advice.Limits.of(config)
        self.bus = ChangeBus()
        self.crashes = CrashHandler(clock, self.bus)
        self.workers = Workers(clock, self._again, self.crashes)
        self.tracker = JobTracker()
        # Lists are cached for as long as they are fresh, even if the clock is set.
        reads = self._reads = ClusterReads(kube, MonotonicClock(clock))
        self._writer = StatusWriter(
            kube,
            self.cache,
            clock,
            writer.tenants(self._context),
            self._intervals.status_every,
            self.bus,
            self.crashes,
        )
        self._creator = JobCreator(
            kube,
            clock,
            reads,
            self.tracker,
            self._writer,
            pod,
            config.limits.tenants_per_scan,
            self._intervals.unused_every,
            lambda namespace: self.breakers.hold(namespace, self._clock.now()) is not None,
            self.cache.elder,
            self.cache.in_namespace,
            self._again,
            prepare,
        )
        self.queue = JobQueue(
            config.limits,
            self.tracker,
            self._creator,
            self._is_known,
            self.cache.in_namespace,
            self._consider,
            self._turned,
            self.workers.begin,
            self.crashes,
            self._started,
        )
        self.results = ResultHandler(
            clock,
            self.cache,
            self.tracker,
            reads,
            config,
            self._finished,
            self.bus,
            self.crashes,
        )
        self._timeouts = JobTimeouts(
            kube, clock, self.tracker, reads, self._writer, self.results, config, self.crashes
        )
        self.backups = BackupManager(
            kube,
            config,
            pod,
            clock,
            self.cache,
            reads,
            self._writer,
            self._started,
            self._intervals.jitter,
            prepare_for_backup,
            home,
            self._turned,
            self.nudge,
            self.bus,
            self.crashes,
        )
        self.operations = OperationManager(
            kube,
            config,
            pod,
            clock,
            self.cache,
            reads,
            self._writer,
            prepare,
            prepare_for_backup,
            self._again,
            self._scan_waits,
            self.nudge,
            self.backups,
            self.bus,
            self.crashes,
        )

    # Events

    def observe(self, body: Object) -> None:
        """Process a tenant that was added or changed."""
        meta = decoding.part(body, "metadata")
        key = decoding.text(meta.get("namespace")), decoding.text(meta.get("name"))
        known = self.cache.tenants.get(key)
        with self.crashes.contain("event", [known] if known is not None else []):
            self._observe(body)

    def _observe(self, body: Object) -> None:
        meta = body["metadata"]
        if meta.get("deletionTimestamp"):
            # It is being deleted, and somebody's finalizer delays that: begin nothing for it any more.
            self.forget(meta["namespace"], meta["name"], meta["uid"])
            return
        known = self.cache.tenants.get((meta["namespace"], meta["name"]))
        tenant = self.cache.observe(body, self._clock.now())
        self.results.attach(tenant)
        self.backups.observe(tenant)
        if tenant is not known and self._cleanups.remembers(tenant.cleanup.last_time):
            for entry in tenant.cleanup.history:
                if not self._cleanups.count(tenant, entry):
                    break
        self._again(tenant)

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """Drop a tenant that was deleted; its own Jobs are deleted with it, its part of a shared scan is dropped."""
        tenant = self.cache.forget((namespace, name), uid)
        if tenant is not None:
            self.queue.forget(tenant)
            self.backups.forget(tenant)
            self.operations.tenant_changed(tenant.key)

    def nudge(self) -> None:
        """Wake the loop at once."""
        self._wake.set()

    def holds(self, now: float) -> Hold | None:
        """Return any hold of the circuit breakers, or None."""
        return self.breakers.any(now)

    def now(self) -> float:
        """Return the Unix time in seconds, after moving all stored times if the clock was set."""
        return self._clock.now()

    def _clock_was_set(self, step: float) -> None:
        """Move all times with the clock, so that durations stay the same."""
        logger.warning("The clock was set by %+.0f s; due times are shifted with it", step)
        self._started += step
        self._cleanups.started += step
        self.queue.started += step
        self.backups.shift(step)
        self.operations.shift(step)
        self.cache.shift(step)
        self.tracker.shift(step)
        self.breakers.shift(step)
        self._wake.set()

    # Health

    def behind(self) -> float:
        """Return for how many seconds the loop has not run although something was due."""
        if self._passed is None:
            return 0.0
        passed, due = self._passed
        return 0.0 if due is None else max(0.0, self._clock.monotonic() - passed - max(0.0, due))

    def stuck(self) -> float:
        """Return for how many seconds the maximum number of steps has been under way without one ending."""
        return self.workers.stuck()

    # The loop

    async def run(self) -> None:
        """Start due work, forever."""
        await self.operations.adopt()
        await self.results.adopt(
            self._kube,
            self._config.watch_namespaces,
            is_of_tenant,
        )
        await self.backups.adopt()
        crashed = 0
        try:
            while True:
                self._wake.clear()
                until = None
                with self.crashes.contain("loop") as passing:
                    until = self._pass()
                    crashed = 0
                if passing.crashed:
                    await asyncio.sleep(
                        backoff_seconds(crashed, CRASH_PAUSE_SECONDS, CRASH_PAUSE_MAX_SECONDS)
                    )
                    crashed += 1
                else:
                    await self._clock.wait(self._wake, until)
        finally:
            await self.workers.cancel()
            await self._reads.close()

    def _pass(self) -> float:
        """Start due work; return when the loop is to run again."""
        now = self._clock.now()
        self._passed = self._clock.monotonic(), None
        self._weigh_all(self._timeouts.look(now, self.workers.begin))
        self._look_at_due(now)
        self.queue.take(now)
        self.backups.look(now, self.workers.begin)
        self.operations.look(now, self.workers.begin)
        until = self._next(now)
        self._passed = self._passed[0], None if until is None else until - now
        return now + WAIT_MAX_SECONDS if until is None else min(until, now + WAIT_MAX_SECONDS)

    def _look_at_due(self, now: float) -> None:
        """Consider the due tenants, the longest overdue first, while workers are free."""
        if self.workers.full:
            return
        for seen, tenant in enumerate(self.cache.due(now), start=1):
            if not tenant.queue.busy:
                self._consider(tenant, now)
            if seen >= PASS_TENANTS or self.workers.full:
                return

    def _next(self, now: float) -> float | None:
        # If no worker is free, the end of a step wakes the loop.
        coming = None if self.workers.full else self._next_due()
        jobs = len(list(self.tracker)) or len(self.results.leftovers)
        if jobs or self.queue or self.backups.busy or self.operations.busy:
            return min(now + TICK_SECONDS, coming if coming is not None else now + TICK_SECONDS)
        return coming

    def _next_due(self) -> float | None:
        times = (self.cache.next_due(), self.backups.next_due(), self.operations.next_due())
        return min((when for when in times if when is not None), default=None)

    def _consider(self, tenant: TenantRecord, now: float) -> None:
        """Decide what this tenant needs now, and start it."""
        with self.crashes.contain("tenant", [tenant]) as considering:
            self._consider_one(tenant, now)
        if considering.crashed:
            self._again(tenant)

    def _consider_one(self, tenant: TenantRecord, now: float) -> None:
        tenant.queue.consider(now)
        if now < tenant.backoff.retry_at:
            self._again(tenant)
        elif tenant.stored.stale:
            self.workers.begin(self._reload(tenant), tenant)
        elif tenant.effective is None:
            self.workers.begin(self._write(tenant), tenant)
        elif tenant.run is not None and tenant.jobs.work is None and tenant.effective.cleans:
            self._resume(tenant, str(tenant.run.get("reason")) in URGENT)
        else:
            self._decide(tenant, now)

    def _resume(self, tenant: TenantRecord, urgent: bool) -> None:
        """Continue a claimed run once there is room: anybody who writes statuses can claim any number of runs."""
        if self.queue.has_room(tenant.namespace, urgent):
            self._begin(tenant, lambda: self._creator.resume(tenant), urgent)
        else:
            self.queue.want_cleanup(tenant, urgent=urgent)
            self._weigh(tenant)

    def _decide(self, tenant: TenantRecord, now: float) -> None:
        decision = decide(tenant, now, self._schedule(tenant, now))
        purge = calendar.purge_time(tenant)
        if decision.reason is not None:
            if self._may_work(tenant):
                if self.queue.has_room(tenant.namespace, decision.emergency):
                    step = self._creator.begin
                    self._begin(tenant, lambda: step(tenant, decision), decision.emergency)
                    return
                self.queue.want_cleanup(tenant, urgent=decision.emergency)
        else:
            self._settle(tenant, decision, now)
            if purge is not None and now >= purge and tenant.run is None and self._may_work(tenant):
                if self.queue.has_room(tenant.namespace):
                    self._begin(tenant, lambda: self._creator.purge(tenant))
                    return
                self.queue.want_cleanup(tenant)
            self._want_copy(tenant, now)
        due = scan_times.scan_time(tenant, self._started)
        if due is not None and now >= due:
            self.queue.want_scan(tenant)
        self._weigh(tenant)

    def _want_copy(self, tenant: TenantRecord, now: float) -> None:
        due = copy_times.copy_time(tenant)
        if due is not None and now >= due and self._may_work(tenant):
            self.queue.want_copy(tenant)

    def _settle(self, tenant: TenantRecord, decision: Decision, now: float) -> None:
        settle(tenant, decision)
        if decision.refusal is not None:
            message = f"The request was refused: {decision.refusal}."
            record_result.unanswered(tenant, "Requested", "Refused", message, now)
        elif decision.idle:
            record_result.unanswered(
                tenant, "Daily", "NothingToDo", "Nothing was old enough to remove.", now
            )

    def _may_work(self, tenant: TenantRecord) -> bool:
        """Return whether the tenant may have a Job of its own: one at a time, no second pod that waits for a node."""
        if tenant.jobs.work is not None or tenant.jobs.operation is not None:
            return False
        return not self._scan_waits(tenant)

    def _scan_waits(self, tenant: TenantRecord) -> bool:
        scan = self.tracker.get(tenant.namespace, tenant.jobs.scan)
        return scan is not None and scan.pending

    # Steps

    def _turned(self, tenants: Sequence[TenantRecord]) -> None:
        """Write the statuses of tenants that left the job queue, and let the loop continue with the next ones."""
        self._weigh_all(tenants)
        self.nudge()

    def _weigh_all(self, tenants: Iterable[TenantRecord]) -> None:
        for tenant in tenants:
            if not tenant.queue.busy and self._is_known(tenant):
                with self.crashes.contain("tenant", [tenant]) as weighing:
                    self._weigh(tenant)
                if weighing.crashed:
                    self._again(tenant)

    def _weigh(self, tenant: TenantRecord) -> None:
        """Write the tenant's status if something material has changed, and put the tenant into the queue again."""
        if self._writer.is_due(tenant):
            self.workers.begin(self._write(tenant), tenant)
        else:
            self._again(tenant)

    def _begin(
        self,
        tenant: TenantRecord,
        make: Callable[[], Coroutine[Any, Any, None]],
        urgent: bool = False,
    ) -> None:
        """Create a Job of the tenant's own, unless the decision is outdated; write the status afterwards."""
        edition = tenant.edition

        async def step() -> None:
            if tenant.edition == edition:
                await make()
            await self._writer.write(tenant)

        self.queue.count(self.workers.begin(step(), tenant), tenant.namespace, urgent)

    async def _write(self, tenant: TenantRecord) -> None:
        await self._writer.write(tenant)

    async def _reload(self, tenant: TenantRecord) -> None:
        if await self._writer.reload(tenant):
            await self._writer.write(tenant)

    # Callbacks of the parts

    def _finished(
        self, tenants: list[TenantRecord], entries: list[tuple[TenantRecord, Object]]
    ) -> None:
        for tenant, entry in entries:
            self._cleanups.count(tenant, entry)
        for tenant in tenants:
            self._again(tenant)

    def _context(self, tenant: TenantRecord, now: float) -> StatusContext:
        hold = self.breakers.hold(tenant.namespace, now)
        return StatusContext(
            self._started,
            self._intervals,
            hold,
            self._advice,
            backup=self._backup_context(tenant),
            pairing=self.operations.pairing_of(tenant.key),
        )

    def _backup_context(self, tenant: TenantRecord) -> BackupContext | None:
        effective = tenant.effective
        if effective is None or effective.backup is None:
            return None
        schedule = schedule_of(tenant.namespace, effective, self._intervals.jitter)
        if schedule is None:
            return None
        return context_of(schedule, effective.backup.group, self._started)

    def _schedule(self, tenant: TenantRecord, now: float) -> Context:
        return self._context(tenant, now).schedule

    def _is_known(self, tenant: TenantRecord) -> bool:
        return self.cache.tenants.get(tenant.key) is tenant

    def _again(self, tenant: TenantRecord) -> None:
        """Put the tenant into the queue for its next due time, and wake the loop if that is sooner."""
        if not self._is_known(tenant):
            return
        self.operations.tenant_changed(tenant.key)
        now = self._clock.now()
        tenant.cut(now)
        when: float | None = None
        with self.crashes.contain("tenant", [tenant]) as planning:
            when = calendar.next_time(tenant, now, self._schedule(tenant, now))
        if planning.crashed:
            when = tenant.backoff.retry_at
        if when is not None:
            # One tenant must never keep the loop busy, whatever its timers are.
            when = max(when, tenant.queue.considered_at + GAP_SECONDS)
        self.cache.schedule(tenant, when)
        self._wake.set()
