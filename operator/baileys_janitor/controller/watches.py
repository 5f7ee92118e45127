"""Whether what Kopf watches still tells: now and then the API server is asked what the events should have said.

Kopf reconnects a stream that is silent and raises what kills a watcher. What is left are streams that stay open
and say nothing, or a watcher that hangs: to be seen only by comparing. A difference that lasts while that
watch says nothing at all is a dead watch; one that events go on beside is only news on its way.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.dispatch import JOBS
from baileys_janitor.controller.engine import Engine
from baileys_janitor.controller.flights import JOB_NAME_LABEL
from baileys_janitor.controller.kube import TENANTS, ApiError, Kube, path

Object = dict[str, Any]
Doubt = tuple[str, str, str]
"""What the events have not told: kind, namespace, and the name of the object (empty: all together)."""
logger = logging.getLogger(__name__)

EVERY = 20.0
"""Seconds between looks: two or three small requests each."""
GRACE = 60.0
"""Seconds that a difference may last, and that a Job's events may take."""


class Watches:
    """What the watches of tenants, jobs and pods told, and when. Times are monotonic seconds."""

    def __init__(
        self, namespaces: Sequence[str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._namespaced = bool(namespaces)
        self._now = now
        self._heard: dict[tuple[str, str], float] = {}
        self._doubts: dict[Doubt, float] = {}

    def saw(self, kind: str, namespace: str) -> None:
        """Take note of an event."""
        self._heard[kind, self._watch(namespace)] = self._now()

    def _watch(self, namespace: str) -> str:
        """Return which watch tells of a namespace: there is one for each, or one for all."""
        return namespace if self._namespaced else ""

    def compared(self, doubt: Doubt, differs: bool) -> None:
        """Take note of what a comparison found."""
        if differs:
            self._doubts.setdefault(doubt, self._now())
        else:
            self._doubts.pop(doubt, None)

    def doubts(self, *kinds: str) -> list[Doubt]:
        """Return what differed when last compared."""
        return [doubt for doubt in self._doubts if doubt[0] in kinds]

    def dead(self) -> list[str]:
        """Return the kinds whose watch is dead, sorted."""
        now = self._now()
        kinds = set()
        for (kind, namespace, _), since in self._doubts.items():
            heard = self._heard.get((kind, self._watch(namespace)), since)
            if now - max(since, heard) > GRACE:
                kinds.add(kind)
        return sorted(kinds)


class Audit:
    """Compares, forever, a little at a time."""

    def __init__(
        self,
        kube: Kube,
        engine: Engine,
        clock: Clock,
        watches: Watches,
        namespaces: Sequence[str],
    ) -> None:
        self._kube = kube
        self._engine = engine
        self._clock = clock
        self._watches = watches
        self._round = itertools.cycle(namespaces or [""])
        self._turn = 0

    async def run(self) -> None:
        """Compare every EVERY seconds."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except ApiError as error:
                # Readiness tells of an API server that does not answer.
                logger.debug("The watches could not be compared: %s", error)

    async def look(self) -> None:
        """Compare how many tenants there are in one namespace, one tenant, and the oldest Job under way."""
        await self._count(next(self._round))
        doubted = {
            (namespace, name) for _, namespace, name in self._watches.doubts("tenants") if name
        }
        for key in {*self._next_tenant(), *doubted}:
            await self._tenant(*key)
        await self._oldest_job()

    async def _count(self, namespace: str) -> None:
        there = await self._kube.count(path("baileystenants", namespace or None, group=TENANTS))
        known = sum(
            not namespace or tenant.namespace == namespace
            for tenant in self._engine.fleet.tenants.values()
        )
        self._watches.compared(("tenants", namespace, ""), there is not None and there != known)

    def _next_tenant(self) -> list[tuple[str, str]]:
        keys = list(self._engine.fleet.tenants)
        self._turn += 1
        return [keys[self._turn % len(keys)]] if keys else []

    async def _tenant(self, namespace: str, name: str) -> None:
        try:
            found = await self._kube.get(path("baileystenants", namespace, name, TENANTS))
            there = int(found["metadata"].get("generation") or 0)
        except ApiError as error:
            if error.status != 404:
                raise
            there = 0
        known = self._engine.fleet.tenants.get((namespace, name))
        # A deletion that is not known yet differs as a change does.
        differs = known is not None and there != known.generation
        self._watches.compared(("tenants", namespace, name), differs)

    async def _oldest_job(self) -> None:
        now = self._clock.now()
        late = [f for f in self._engine.flights if not f.settled and now - f.created > GRACE]
        found: set[Doubt] = set()
        if late:
            flight = min(late, key=lambda f: f.created)
            job = await self._job(flight.namespace, flight.name)
            pods = self._kube.list(
                path("pods", flight.namespace), labels=f"{JOB_NAME_LABEL}={flight.name}"
            )
            phases = [(pod.get("status") or {}).get("phase") async for pod in pods]
            if job is None or (_over(job) and flight.failed_at is None):
                found.add(("jobs", flight.namespace, ""))
            if phases and (flight.pod is None or phases[-1] in {"Succeeded", "Failed"}):
                found.add(("pods", flight.namespace, ""))
        for doubt in {*found, *self._watches.doubts("jobs", "pods")}:
            self._watches.compared(doubt, doubt in found)

    async def _job(self, namespace: str, name: str) -> Object | None:
        try:
            return await self._kube.get(path("jobs", namespace, name, JOBS))
        except ApiError as error:
            if error.status != 404:
                raise
            return None


def _over(job: Object) -> bool:
    return any(
        c.get("type") in {"Failed", "Complete"} and c.get("status") == "True"
        for c in (job.get("status") or {}).get("conditions") or ()
    )
