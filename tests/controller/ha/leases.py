"""A Lease in memory, as an API server keeps it, and a clock that stands until it is moved."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.kube.leader_election import Election, Seat

Object = dict[str, Any]


class StandingClock:
    """Monotonic seconds."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += seconds


class OneLease(Kube):
    """Holds one Lease. `refuse` makes writes fail, `lose_answers` carries them out and then fails."""

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock
        self.lease: Object | None = None
        self.refuse = False
        self.lose_answers = False
        self._version = 0
        self._changed: list[asyncio.Event] = []
        self.watched = 0
        """How many watches there have been."""
        self.reads = 0

    @property
    def holder(self) -> str | None:
        """Who is written in the Lease."""
        return (self.lease or {"spec": {}})["spec"].get("holderIdentity")

    async def watch(self, url: str, name: str, seconds: int) -> AsyncIterator[Object]:
        self.watched += 1
        changed = asyncio.Event()
        self._changed.append(changed)
        if self.lease is not None:
            yield {"type": "ADDED", "object": copy.deepcopy(self.lease)}
        while True:
            await changed.wait()
            changed.clear()
            yield {"type": "MODIFIED", "object": copy.deepcopy(self.lease)}

    async def get(self, url: str) -> Object:
        self.reads += 1
        if self.lease is None:
            raise ApiError(404, "NotFound", "")
        return copy.deepcopy(self.lease)

    async def create(self, url: str, body: Object) -> Object:
        self._before_write()
        if self.lease is not None:
            raise ApiError(409, "AlreadyExists", "")
        return self._write({"metadata": {}, "spec": body["spec"]})

    async def patch(self, url: str, body: Object) -> Object:
        self._before_write()
        if self.lease is None:
            raise ApiError(404, "NotFound", "")
        if body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "")
        merged = {**self.lease["spec"], **body["spec"]}
        return self._write(
            {"metadata": {}, "spec": {k: v for k, v in merged.items() if v is not None}}
        )

    def _before_write(self) -> None:
        if self.refuse:
            raise ApiError(503, "ServiceUnavailable", "")

    def _write(self, lease: Object) -> Object:
        self._version += 1
        lease["metadata"]["resourceVersion"] = str(self._version)
        # Two renewals never look alike, however little time the standing clock lets pass.
        lease["spec"]["renewTime"] = f"{self._version}"
        self.lease = lease
        for changed in self._changed:
            changed.set()
        if self.lose_answers:
            raise ApiError(0, "Unreachable", "")
        return copy.deepcopy(lease)


def election(kube: Kube, identity: str, clock: StandingClock, duration: float = 10.0) -> Election:
    """A candidate that renews every two seconds."""
    return Election(kube, Seat("here", "baileys-janitor", identity, duration, 2.0), clock)
