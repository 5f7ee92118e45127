"""The operator's heart: takes events in, has what is due done, and never does one thing twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.controller import advice, agenda, harvest
from baileys_janitor.controller.arrivals import Arrivals
from baileys_janitor.controller.breaker import Breaker
from baileys_janitor.controller.clock import Clock, from_rfc3339, to_rfc3339
from baileys_janitor.controller.decide import Decision, decide
from baileys_janitor.controller.dispatch import JOBS, Dispatch, settle
from baileys_janitor.controller.faults import Fault
from baileys_janitor.controller.fleet import Fleet
from baileys_janitor.controller.flights import Flights
from baileys_janitor.controller.kube import ApiError, Kube
from baileys_janitor.controller.lookups import Lookups
from baileys_janitor.controller.manifests import SELECTOR, Pod
from baileys_janitor.controller.news import Wire
from baileys_janitor.controller.status import Surroundings
from baileys_janitor.controller.store import Store
from baileys_janitor.controller.tenant import Tenant

Object = dict[str, Any]
logger = logging.getLogger(__name__)

TICK = 2.0
"""Seconds between looks at Jobs under way, while there are any: pods that never appear send no event."""
BREATH = 1.0
"""Least seconds between two looks at one tenant."""
ADOPT_AGAIN = 5.0
"""Seconds between attempts to list the Jobs under way at the start; the client has retried by itself before."""
AT_ONCE = 16
"""Steps that may wait for the API server at the same time."""
AHEAD = 0.5
"""Share of its interval by which a scan may be early to share a Job with one that is due."""


HELD = "Cleanups removed abnormally much: the circuit breaker holds automatic ones"


class Engine:
    """Runs until cancelled. `observe`, `forget` and `arrivals` are where events come in."""

    def __init__(
        self,
        kube: Kube,
        config: OperatorConfig,
        pod: Pod,
        clock: Clock,
        prepare: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._config = config
        self._started = clock.now()
        self._wake = asyncio.Event()
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._passed: float | None = None
        self._moved = self._started
        self._wanted: dict[str, dict[str, Tenant]] = {}
        breaker = config.circuit_breaker
        self._breaker = Breaker(
            breaker.window.seconds, breaker.percent, breaker.runs, breaker.hold.seconds
        )
        self._pace = agenda.Pace(
            config.daily_jitter.seconds,
            config.scan_unused_claims_every.seconds,
            config.status_interval.seconds,
        )
        self._advice = advice.Limits.of(config)
        self.wire = Wire()
        self.fleet = Fleet(config)
        self.flights = Flights()
        lookups = Lookups(kube, clock)
        self._store = Store(
            kube, self.fleet, clock, self._around, self._pace.status_every, self.wire
        )
        self._dispatch = Dispatch(
            kube,
            clock,
            lookups,
            self.flights,
            self._store,
            pod,
            config.limits.tenants_per_scan,
            prepare,
        )
        self.arrivals = Arrivals(
            kube,
            clock,
            self.fleet,
            self.flights,
            lookups,
            self._store,
            config,
            self._finished,
            self.wire,
        )

    # Events

    def observe(self, body: Object) -> None:
        """A tenant was added or changed."""
        meta = body["metadata"]
        if meta.get("deletionTimestamp"):
            # On its way out behind somebody's finalizer: nothing is begun for it any more.
            self.forget(meta["namespace"], meta["name"], meta["uid"])
            return
        known = self.fleet.tenants.get((meta["namespace"], meta["name"]))
        tenant = self.fleet.observe(body, self._clock.now())
        if tenant is not known:
            self.arrivals.attach()
            for entry in tenant.history:
                self._count(tenant, entry)
        self._again(tenant)

    def forget(self, namespace: str, name: str, uid: str) -> None:
        """A tenant was deleted; its own Jobs go with it, and what a shared scan finds is dropped."""
        self.fleet.forget((namespace, name), uid)
        self._wanted.get(namespace, {}).pop(name, None)

    def nudge(self) -> None:
        """Have the loop look again at once."""
        self._wake.set()

    # Signs of life

    def behind(self) -> float:
        """Return for how many seconds the loop has not passed although something was due."""
        if self._passed is None:
            return 0.0
        due = self._next(self._passed)
        now = self._clock.now()
        return max(0.0, now - max(due, self._passed)) if due is not None else 0.0

    def stuck(self) -> float:
        """Return for how many seconds as many steps as may run have been under way, and none has ended."""
        return self._clock.now() - self._moved if self._limit.locked() else 0.0

    # The loop

    async def run(self) -> None:
        """Do what is due, forever."""
        await self._adopt()
        try:
            while True:
                self._wake.clear()
                now = self._passed = self._clock.now()
                for tenant in self.arrivals.supervise(now, self._spawn):
                    if not tenant.busy:
                        self._spawn(self._write(tenant), tenant)
                for tenant in list(self.fleet.due(now)):
                    if not tenant.busy:
                        self._consider(tenant, now)
                self._send_scans(now)
                await self._clock.wait(self._wake, self._next(now))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _next(self, now: float) -> float | None:
        coming = self.fleet.next_due()
        if len(list(self.flights)) or any(self._wanted.values()):
            return min(now + TICK, coming if coming is not None else now + TICK)
        return coming

    async def _adopt(self) -> None:
        """Take note of the Jobs that an earlier operator left, so that nothing is started beside them."""
        for namespace in self._config.watch_namespaces or [""]:
            where = f"{JOBS}/namespaces/{namespace}/jobs" if namespace else f"{JOBS}/jobs"
            while True:
                try:
                    jobs = [job async for job in self._kube.list(where, labels=SELECTOR)]
                    break
                except ApiError as error:
                    # Without this list nothing may be started; until it is there, the operator waits.
                    logger.warning("The Jobs under way cannot be listed: %s", error)
                    await asyncio.sleep(ADOPT_AGAIN)
            for job in jobs:
                self.arrivals.job("ADDED", job)

    def _consider(self, tenant: Tenant, now: float) -> None:
        """Decide what this tenant needs now, and have it done."""
        tenant.considered_at = now
        if now < tenant.retry_at:
            self._again(tenant)
        elif tenant.stale:
            self._spawn(self._reload(tenant), tenant)
        elif tenant.effective is None:
            self._spawn(self._write(tenant), tenant)
        elif tenant.run is not None and tenant.work_job is None and not tenant.effective.suspend:
            self._spawn(self._step(tenant, self._dispatch.resume(tenant)), tenant)
        else:
            self._decide(tenant, now)

    def _decide(self, tenant: Tenant, now: float) -> None:
        held = self._breaker.open_until(now) is not None
        decision = decide(tenant, now, self._pace.jitter, held)
        purge = agenda.purge_time(tenant)
        if decision.reason is not None:
            if self._may_work(tenant):
                self._spawn(self._step(tenant, self._dispatch.begin(tenant, decision)), tenant)
                return
        else:
            self._settle(tenant, decision, now)
            if purge is not None and now >= purge and tenant.run is None and self._may_work(tenant):
                self._spawn(self._step(tenant, self._dispatch.purge(tenant)), tenant)
                return
        due = agenda.scan_time(tenant, self._started)
        if due is not None and now >= due:
            tenant.waiting = True
            self._wanted.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._spawn(self._write(tenant), tenant)

    def _settle(self, tenant: Tenant, decision: Decision, now: float) -> None:
        settle(tenant, decision)
        if decision.refusal is not None:
            message = f"The request was refused: {decision.refusal}."
            harvest.unanswered(tenant, "Requested", "Refused", message, now)
        elif decision.idle:
            harvest.unanswered(
                tenant, "Daily", "NothingToDo", "Nothing was old enough to remove.", now
            )

    def _may_work(self, tenant: Tenant) -> bool:
        """One Job of its own for a tenant, and never a second pod that waits for a node."""
        if tenant.work_job is not None:
            return False
        scan = self.flights.get(tenant.namespace, tenant.scan_job)
        return scan is None or not scan.pending

    def _send_scans(self, now: float) -> None:
        limits = self._config.limits
        for namespace in list(self._wanted):
            if (
                len(self.flights) >= limits.jobs_in_flight
                or self.flights.pending >= limits.pending_pods
            ):
                return
            wanted = self._wanted.pop(namespace)
            for tenant in wanted.values():
                tenant.waiting = tenant.busy and tenant.scan_job is None
            tenants = [t for t in wanted.values() if t.scan_job is None and not t.busy]
            for tenant in (t for t in wanted.values() if t.waiting):
                self._wanted.setdefault(namespace, {})[tenant.name] = tenant
            tenants += self._early(namespace, set(wanted), now) if tenants else []
            tenants = [t for t in tenants if not self._waiting_work(t)]
            if tenants:
                for tenant in tenants:
                    tenant.busy = True
                self._spawn(self._scan(tenants))

    def _waiting_work(self, tenant: Tenant) -> bool:
        work = self.flights.get(tenant.namespace, tenant.work_job)
        return work is not None and work.pending

    def _early(self, namespace: str, besides: set[str], now: float) -> list[Tenant]:
        """Return tenants of the namespace that are due soon: they ride along instead of needing a Job."""
        found = []
        for tenant in self.fleet.in_namespace(namespace):
            if tenant.name in besides or tenant.busy or tenant.stale:
                continue
            due = agenda.scan_time(tenant, self._started)
            if due is None or tenant.retry_at > now or tenant.effective is None:
                continue
            if due - now <= agenda.scan_wait(tenant) * AHEAD:
                found.append(tenant)
        return found

    # Steps

    async def _scan(self, tenants: list[Tenant]) -> None:
        try:
            await self._dispatch.scan(tenants, self._pace.unused_every)
        finally:
            for tenant in tenants:
                tenant.busy = False
                self._again(tenant)
        for tenant in tenants:
            if tenant.fault is not None and not tenant.busy:
                await self._store.write(tenant)

    async def _step(self, tenant: Tenant, work: Coroutine[Any, Any, None]) -> None:
        await work
        await self._store.write(tenant)

    async def _write(self, tenant: Tenant) -> None:
        await self._store.write(tenant)

    async def _reload(self, tenant: Tenant) -> None:
        if await self._store.reload(tenant):
            await self._store.write(tenant)

    def _spawn(self, work: Coroutine[Any, Any, Any], tenant: Tenant | None = None) -> None:
        """Run a step beside the loop; a tenant is busy until its step is over."""
        if tenant is not None:
            tenant.busy = True
        task = asyncio.create_task(self._guarded(work, tenant))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, Any], tenant: Tenant | None) -> None:
        try:
            async with self._limit:
                self._moved = self._clock.now()
                await work
        except ApiError as error:
            logger.warning("%s: %s", tenant.text if tenant else "operator", error)
        except Exception:
            # One tenant's surprise must never stop the loop that all the others depend on.
            logger.exception("%s: unforeseen", tenant.text if tenant else "operator")
            if tenant is not None:
                tenant.back_off(UNFORESEEN, self._clock.now())
        finally:
            # Cancelled while it waited for its turn, it was never begun.
            work.close()
            self._moved = self._clock.now()
            if tenant is not None:
                tenant.busy = False
                self._again(tenant)

    # What the parts ask back

    def _finished(self, tenants: list[Tenant], entries: list[tuple[Tenant, Object]]) -> None:
        for tenant, entry in entries:
            self._count(tenant, entry)
        for tenant in tenants:
            self._again(tenant)

    def _count(self, tenant: Tenant, entry: Object) -> None:
        total = tenant.look.total if tenant.look is not None else None
        before = max(int(entry.get("before") or 0), int(entry.get("removed") or 0) + (total or 0))
        when = from_rfc3339(entry.get("time")) or self._clock.now()
        if self._config.circuit_breaker.enabled and entry.get("outcome") != "DryRun":
            was, now = self._breaker.open_until(when), self._clock.now()
            self._breaker.note(str(entry.get("run")), when, int(entry.get("removed") or 0), before)
            until = self._breaker.open_until(now)
            if until is not None and was is None:
                logger.warning(HELD, extra={"action": "clean", "until": to_rfc3339(until)})

    def _around(self, now: float) -> Surroundings:
        until = self._breaker.open_until(now)
        return Surroundings(self._started, self._pace.jitter, until, self._advice)

    def _again(self, tenant: Tenant) -> None:
        """Put the tenant into the queue for when it is due next, and wake the loop if that is now."""
        if self.fleet.tenants.get(tenant.key) is not tenant:
            return
        now = self._clock.now()
        when = agenda.next_time(tenant, now, self._started, self._pace)
        if when is not None:
            # Whatever the timers say, one tenant never keeps the loop spinning.
            when = max(when, tenant.considered_at + BREATH)
        self.fleet.schedule(tenant, when)
        self._wake.set()


UNFORESEEN = Fault(
    "InternalError",
    "The operator met something unforeseen; its log says what. It tries again by itself.",
)
