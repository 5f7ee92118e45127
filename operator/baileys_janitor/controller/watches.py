"""Whether what Kopf watches still tells. Kopf reconnects a stream that is silent and raises what kills a watcher;
what is left are streams that stay open and say nothing, to be seen only by other evidence:

- tenants: now and then the API server is asked what the events should have said;
- Jobs and pods tell of each other: one that begins and ends while nothing is heard of the other kind.

Doubts that last while that watch says nothing at all make a dead watch; beside events, they are news on its way.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from baileys_janitor.controller import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.engine import Engine
from baileys_janitor.controller.kube import TENANTS, ApiError, Kube, path

Doubt = tuple[str, str, str]
"""What the events have not told: kind, namespace, and the name of the object (empty: all together)."""
logger = logging.getLogger(__name__)

EVERY = 20.0
"""Seconds between looks: two or three small requests each."""
GRACE = 60.0
"""Seconds that a doubt may last, and that news may take."""


class Watches:
    """What the watches of tenants, jobs and pods told, and when. Times are monotonic seconds."""

    def __init__(
        self, namespaces: Sequence[str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._namespaced = bool(namespaces)
        self._now = now
        self._begun = now()
        self._heard: dict[tuple[str, str], float] = {}
        self._doubts: dict[Doubt, float] = {}

    def saw(self, kind: str, namespace: str) -> None:
        """Take note of an event."""
        watch = self._watch(namespace)
        self._heard[kind, watch] = self._now()
        if kind != "tenants":
            for doubt in self.doubts(kind):
                if self._watch(doubt[1]) == watch:
                    del self._doubts[doubt]

    def ended(self, kind: str, namespace: str, job: str) -> None:
        """Take note that a Job or its pod was seen to end: of the other kind, something must be heard too."""
        other = {"jobs": "pods", "pods": "jobs"}[kind]
        if self.silent(other, namespace) > GRACE:
            self.compared((other, namespace, job), True)

    def silent(self, kind: str, namespace: str) -> float:
        """Return for how many seconds nothing was heard from the watch of that kind."""
        heard = self._heard.get((kind, self._watch(namespace)), self._begun)
        return self._now() - heard

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
        """Return what is in doubt."""
        return [doubt for doubt in self._doubts if doubt[0] in kinds]

    def dead(self) -> list[str]:
        """Return the kinds whose watch is dead, sorted."""
        lasting: list[str] = []
        for (kind, namespace, _), since in self._doubts.items():
            if min(self._now() - since, self.silent(kind, namespace)) > GRACE:
                lasting.append(kind)
        # Whoever deletes a Job and leaves its pod makes one doubt; a dead watch makes more and more.
        return sorted(k for k in set(lasting) if k == "tenants" or lasting.count(k) > 1)


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
        """Compare how many tenants there are in one namespace, one tenant, and the Jobs under way."""
        self._unannounced_jobs()
        await self._count(next(self._round))
        doubted = {
            (namespace, name) for _, namespace, name in self._watches.doubts("tenants") if name
        }
        for key in {*self._next_tenant(), *doubted}:
            await self._tenant(*key)

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

    def _unannounced_jobs(self) -> None:
        """Doubt the watch of Jobs when it has been silent since one was created."""
        now = self._clock.now()
        for flight in self._engine.flights:
            age = now - flight.created
            if not flight.settled and GRACE < age < self._watches.silent("jobs", flight.namespace):
                self._watches.compared(("jobs", flight.namespace, flight.name), True)


def is_complete(job: Mapping[str, Any]) -> bool:
    """Whether a Job has ended well, so that a pod of it must have run."""
    conditions = decoding.objects(decoding.part(job, "status").get("conditions"))
    return any(c.get("type") == "Complete" and c.get("status") == "True" for c in conditions)


def is_over(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has ended, so that its Job must soon do so too."""
    return decoding.text(decoding.part(pod, "status").get("phase")) in {"Succeeded", "Failed"}
