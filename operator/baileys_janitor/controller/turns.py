"""Gives every namespace its turn: cleanups and scans go out one by one, as long as Jobs have room."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from baileys_janitor.api.config import Limits
from baileys_janitor.controller import agenda, riders
from baileys_janitor.controller.backlog import Backlog
from baileys_janitor.controller.dispatch import Dispatch
from baileys_janitor.controller.flights import Flights
from baileys_janitor.controller.lots import Lot
from baileys_janitor.controller.tenant import Tenant

Spawn = Callable[[Coroutine[Any, Any, Any]], asyncio.Task[None]]

STALE = 30.0
"""Seconds that a lot may wait for its turn before its tenants are placed anew."""


class Turns:
    """The backlog, and what takes from it. `consider` decides anew on a tenant; `after` is told of tenants whose
    state has changed."""

    def __init__(
        self,
        limits: Limits,
        flights: Flights,
        dispatch: Dispatch,
        is_known: Callable[[Tenant], bool],
        of_namespace: Callable[[str], Iterable[Tenant]],
        consider: Callable[[Tenant, float], None],
        after: Callable[[Sequence[Tenant]], None],
        spawn: Spawn,
        started: float,
    ) -> None:
        self._limits = limits
        self._flights = flights
        self._dispatch = dispatch
        self._is_known = is_known
        self._of_namespace = of_namespace
        self._consider = consider
        self._after = after
        self._spawn = spawn
        self._started = started
        self._backlog = Backlog()
        self._beginning = 0

    def __len__(self) -> int:
        """How many tenants wait for their turn."""
        return len(self._backlog)

    def __bool__(self) -> bool:
        return bool(self._backlog)

    @property
    def has_room(self) -> bool:
        """Whether another Job may be made: what is urgent does not ask."""
        coming = self._beginning
        return (
            len(self._flights) + coming < self._limits.jobs_in_flight
            and self._flights.pending + coming < self._limits.pending_pods
        )

    def want_scan(self, tenant: Tenant) -> None:
        """Have a tenant scanned when its turn comes."""
        tenant.waiting = True
        self._backlog.want(tenant)

    def want_cleanup(self, tenant: Tenant) -> None:
        """Have a tenant's cleanup decided on again when its turn comes."""
        self._backlog.clean(tenant)

    def forget(self, tenant: Tenant) -> None:
        """Forget a tenant that is gone."""
        self._backlog.forget(tenant)
        self._dispatch.neighbours.forget(tenant)

    def take(self, now: float) -> None:
        """Give turns while there is room."""
        later: list[Tenant] = []
        while self.has_room and (found := self._backlog.next()) is not None:
            if isinstance(found, Tenant):
                if self._is_known(found) and not found.busy:
                    self._consider(found, now)
            elif isinstance(found, Lot):
                self._launch(found, now, later)
            else:
                self._settle_down(found, now, later)
        for tenant in later:
            self.want_scan(tenant)

    def count(self, step: asyncio.Task[None]) -> None:
        """Count a step that is about to make a Job, until it is over: then the Job itself counts."""
        self._beginning += 1
        step.add_done_callback(self._begun)

    def _begun(self, _: object) -> None:
        self._beginning -= 1

    def _settle_down(self, wanted: list[Tenant], now: float, later: list[Tenant]) -> None:
        """Have the tenants of a namespace that want a scan placed, and those who are due soon with them."""
        ready = []
        for tenant in wanted:
            tenant.waiting = False
            if not self._is_known(tenant) or tenant.scan_job is not None:
                continue
            if tenant.busy:
                later.append(tenant)
            elif not self._waits_for_work(tenant):
                ready.append(tenant)
        if ready:
            ready += self._riders(ready, now)
            for tenant in ready:
                tenant.waiting = True
            self.count(self._spawn(self._place(ready)))

    async def _place(self, tenants: list[Tenant]) -> None:
        found: list[Lot] = []
        try:
            found = await self._dispatch.place(tenants[0].namespace, tenants)
        finally:
            placed = {one.tenant.name for lot in found for one in lot.members}
            left = [tenant for tenant in tenants if tenant.name not in placed]
            for tenant in left:
                tenant.waiting = False
            self._backlog.put(found)
            self._after(left)

    def _launch(self, lot: Lot, now: float, later: list[Tenant]) -> None:
        """Send a lot, without those who meanwhile are gone, changed, or busy with something more urgent."""
        members = []
        for one in lot.members:
            tenant = one.tenant
            tenant.waiting = False
            if not self._is_known(tenant) or tenant.effective is None or tenant.effective.suspend:
                continue
            moved = one.generation != tenant.generation or now - lot.when > STALE
            if moved or tenant.busy or self._waits_for_work(tenant):
                later.append(tenant)
            elif tenant.scan_job is None:
                members.append(one)
        if members:
            sent = Lot(lot.namespace, lot.place, tuple(members), lot.when)
            self.count(self._spawn(self._send(sent)))

    async def _send(self, lot: Lot) -> None:
        try:
            await self._dispatch.send(lot)
        finally:
            self._after([one.tenant for one in lot.members])

    def _waits_for_work(self, tenant: Tenant) -> bool:
        """Whether a Job of its own waits for a node: never a second pod that does."""
        work = self._flights.get(tenant.namespace, tenant.work_job)
        return work is not None and work.pending

    def _riders(self, due: list[Tenant], now: float) -> list[Tenant]:
        return riders.riders(
            due,
            self._dispatch.neighbours,
            self._of_namespace(due[0].namespace),
            lambda tenant: self._due_soon(tenant, now),
            lambda tenant: now + (agenda.scan_wait(tenant) if tenant.effective else math.inf),
            self._limits.tenants_per_scan,
        )

    def _due_soon(self, tenant: Tenant, now: float) -> float | None:
        if tenant.busy or tenant.stale or tenant.effective is None or tenant.retry_at > now:
            return None
        due = agenda.scan_time(tenant, self._started)
        if due is None or due - now > agenda.scan_wait(tenant) * riders.AHEAD:
            return None
        return due
