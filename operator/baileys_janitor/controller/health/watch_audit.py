"""Finds watches of Kopf that no longer deliver events. Kopf reconnects a silent stream and reports errors that end a
watcher. That leaves streams that stay open and deliver nothing, which only other evidence shows:

- tenants: from time to time a request to the API server shows what the events should have shown;
- Jobs and pods verify each other: one begins and ends without an event of the other kind;
- objects that the operator itself has created or changed must come back as events.

A watch is dead if doubts last while it delivers nothing at all; while it delivers, the event is late. A change that a
live watch has missed is taken from the comparison.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
import logging
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from baileys_janitor.api.values import decoding
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.controller.shards.layout import ALL, Shards

Object = dict[str, Any]
Doubt = tuple[str, str, str]
"""A missing event: kind, namespace, and the name of the object (empty: all together)."""
logger = logging.getLogger("janitor.watch")

TICK_SECONDS = 4.0
"""Seconds between two checks of doubts."""
EVERY_TICKS = 2
"""Ticks between two comparisons: two or three small requests each."""
GRACE_SECONDS = 14.0
"""Seconds that a doubt may last, and that an event may take. Including the ticks before and after, a dead watch is
detected within half a minute."""


class WatchDead(Exception):  # noqa: N818 - a state, not a mistake
    """A watch stays open and delivers nothing."""


WRITTEN = {
    "tenants": re.compile(r"/namespaces/(?P<namespace>[^/]+)/baileystenants/[^/]+/status$"),
    "jobs": re.compile(r"/apis/batch/v1/namespaces/(?P<namespace>[^/]+)/jobs$"),
}
"""URLs by which this operator changes objects that it watches."""
MADE = 10_000
"""Maximum number of remembered Jobs without a known pod: the number of Jobs that may be under way."""


class Watches:
    """The events of the watches of tenants, Jobs and pods, with their times. Times are monotonic seconds."""

    def __init__(
        self, namespaces: Sequence[str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._namespaces = frozenset(namespaces)
        self._now = now
        self._begun = now()
        self._heard: dict[tuple[str, str], float] = {}
        self._doubts: dict[Doubt, float] = {}
        self._expected: dict[tuple[str, str], float] = {}
        """Since when an event is expected, by kind and watch."""
        self._events: collections.Counter[tuple[str, str]] = collections.Counter()
        """Number of events, by kind and watch."""
        self._made: dict[tuple[str, str], int] = {}
        """The number of pod events when a Job was created, by its namespace and name, until it has a pod."""

    def saw(self, kind: str, namespace: str) -> None:
        """Record an event."""
        watch = self._watch(namespace)
        self._heard[kind, watch] = self._now()
        self._events[kind, watch] += 1
        self._expected.pop((kind, watch), None)
        if kind != "tenants":
            for doubt in self.doubts(kind):
                if self._watch(doubt[1]) == watch:
                    del self._doubts[doubt]

    def ended(self, kind: str, namespace: str, job: str) -> None:
        """Record that a Job or its pod has ended: an event of the other kind must come, too."""
        other = {"jobs": "pods", "pods": "jobs"}[kind]
        if self.silent(other, namespace) > GRACE_SECONDS:
            self.compared((other, namespace, job), True)

    def writes(self, url: str) -> Callable[[Object], None]:
        """Record the beginning of a write. Call the returned function with the object if the write has changed it.

        The watch must show the change, before or after the answer. Without a watch, as in the operator's own namespace
        when it drills for others, nothing is expected.
        """
        found = next(((k, m) for k, each in WRITTEN.items() if (m := each.search(url))), None)
        if found is None or not self._covers(found[1]["namespace"]):
            return lambda _: None
        kind, namespace = found[0], found[1]["namespace"]
        key = kind, self._watch(namespace)
        before = self._events[key]

        def changed(written: Object) -> None:
            if self._events[key] == before:
                self._expected.setdefault(key, self._now())
            if kind == "jobs":
                self._created(namespace, written["metadata"]["name"])

        return changed

    def _created(self, namespace: str, job: str) -> None:
        if len(self._made) >= MADE:
            del self._made[next(iter(self._made))]
        self._made[namespace, job] = self._events["pods", self._watch(namespace)]

    def has_pods(self, namespace: str, job: str) -> None:
        """Record that a Job has a pod: an event of a pod must have come since the Job was created."""
        before = self._made.pop((namespace, job), None)
        key = "pods", self._watch(namespace)
        if before is not None and before == self._events[key]:
            self._expected.setdefault(key, self._now())

    def silent(self, kind: str, namespace: str) -> float:
        """Return for how many seconds the watch of that kind has delivered nothing."""
        heard = self._heard.get((kind, self._watch(namespace)), self._begun)
        return self._now() - heard

    def _watch(self, namespace: str) -> str:
        """Return which watch covers a namespace: there is one for each, or one for all."""
        return namespace if self._namespaces else ""

    def _covers(self, namespace: str) -> bool:
        return not self._namespaces or namespace in self._namespaces

    def compared(self, doubt: Doubt, differs: bool) -> None:
        """Record the result of a comparison."""
        if differs:
            self._doubts.setdefault(doubt, self._now())
        else:
            self._doubts.pop(doubt, None)

    def doubts(self, *kinds: str) -> list[Doubt]:
        """Return the current doubts."""
        return [doubt for doubt in self._doubts if doubt[0] in kinds]

    def dead(self) -> list[str]:
        """Return the kinds whose watch is dead, sorted."""
        lasting: list[str] = []
        for (kind, namespace, _), since in self._doubts.items():
            if min(self._now() - since, self.silent(kind, namespace)) > GRACE_SECONDS:
                lasting.append(kind)
        # A Job that is deleted without its pod causes one doubt; a dead watch causes more and more.
        found = {k for k in set(lasting) if k == "tenants" or lasting.count(k) > 1}
        overdue = self._now() - GRACE_SECONDS
        return sorted(
            found | {kind for (kind, _), since in self._expected.items() if since < overdue}
        )

    def missed(self, doubt: Doubt) -> bool:
        """Return whether a doubt has lasted although its watch is alive: then its events have missed something."""
        since = self._doubts.get(doubt, math.inf)
        return (
            since < self._now() - GRACE_SECONDS and self.silent(doubt[0], doubt[1]) <= GRACE_SECONDS
        )


class Audit:
    """Compares the watches with the API server, forever, a little at a time."""

    def __init__(
        self,
        kube: Kube,
        reconciler: Reconciler,
        watches: Watches,
        namespaces: Sequence[str],
        shards: Shards = ALL,
    ) -> None:
        self._kube = kube
        self._reconciler = reconciler
        self._watches = watches
        self._shards = shards
        # The tenants of other replicas are unknown here and cannot be counted: check one own namespace after the other.
        self._round = (
            itertools.cycle([each for each in namespaces if shards.has(each)] or [""])
            if namespaces or shards.whole
            else self._own_namespaces()
        )
        self._turn = 0

    async def run(self) -> None:
        """Compare until a watch is dead, and raise WatchDead then."""
        for tick in itertools.count(1):
            await asyncio.sleep(TICK_SECONDS)
            if dead := self._watches.dead():
                raise WatchDead(f"the watch of {' and '.join(dead)} is dead")
            if tick % EVERY_TICKS == 0:
                try:
                    await self.look()
                except ApiError as error:
                    # Readiness reports an API server that does not answer.
                    logger.debug("The watches could not be compared: %s", error)

    async def look(self) -> None:
        """Compare how many tenants there are in one namespace, and one tenant."""
        namespace = next(self._round)
        if namespace or self._shards.whole:
            await self._count(namespace)
        doubted = {
            (namespace, name) for _, namespace, name in self._watches.doubts("tenants") if name
        }
        for key in {*self._next_tenant(), *doubted}:
            await self._tenant(*key)

    def _own_namespaces(self) -> Iterator[str]:
        """Yield the namespaces of the own tenants in turn, forever; empty while there is none."""
        while True:
            yield from sorted({space for space, _ in self._reconciler.cache.tenants}) or [""]

    async def _count(self, namespace: str) -> None:
        there = await self._kube.count(path("baileystenants", namespace or None, group=TENANTS))
        known = sum(
            not namespace or tenant.namespace == namespace
            for tenant in self._reconciler.cache.tenants.values()
        )
        self._watches.compared(("tenants", namespace, ""), there is not None and there != known)

    def _next_tenant(self) -> list[tuple[str, str]]:
        keys = list(self._reconciler.cache.tenants)
        self._turn += 1
        return [keys[self._turn % len(keys)]] if keys else []

    async def _tenant(self, namespace: str, name: str) -> None:
        try:
            found = await self._kube.get(path("baileystenants", namespace, name, TENANTS))
            there = int(found["metadata"].get("generation") or 0)
        except ApiError as error:
            if error.status != 404:
                raise
            found, there = {}, 0
        known = self._reconciler.cache.tenants.get((namespace, name))
        # A deletion that is not known yet counts as a difference, too.
        doubt = ("tenants", namespace, name)
        self._watches.compared(doubt, known is not None and there != known.resource.generation)
        if known is not None and self._watches.missed(doubt):
            logger.info("%s has changed without a watch event", known.text)
            if found:
                self._reconciler.observe(found)
            else:
                self._reconciler.forget(namespace, name, known.uid)
            self._watches.compared(doubt, False)


def has_pods(job: Mapping[str, Any]) -> bool:
    """Return whether a Job has, or had, a pod."""
    status = job.get("status")
    counts = (
        (status.get(key) for key in ("active", "succeeded", "failed"))
        if isinstance(status, dict)
        else ()
    )
    return any(isinstance(count, int) and count > 0 for count in counts)


def is_complete(job: Mapping[str, Any]) -> bool:
    """Return whether a Job has succeeded, so that a pod of it must have run."""
    conditions = decoding.objects(decoding.part(job, "status").get("conditions"))
    return any(c.get("type") == "Complete" and c.get("status") == "True" for c in conditions)


def is_over(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod has ended, so that its Job must soon do so too."""
    return decoding.text(decoding.part(pod, "status").get("phase")) in {"Succeeded", "Failed"}
