"""Several Leases in memory, as an API server keeps them, in virtual time; and replicas that contend for them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Sequence
from typing import Any

from baileys_janitor.controller.kube.client import ApiError, Kube
from baileys_janitor.controller.kube.leader_election import Election, Seat
from baileys_janitor.controller.shards.election import ShardElection

Object = dict[str, Any]
NAME = "janitor"
DURATION, RENEW = 15.0, 3.0


class Leases(Kube):
    """Answers after `delay` seconds. `refused` are names of Leases that nobody may write."""

    def __init__(self) -> None:
        self.delay = 0.01
        self.leases: dict[str, Object] = {}
        self.requests = 0
        self.refused: set[str] = set()
        self._version = 0
        self._watches: list[tuple[str, asyncio.Queue[Object]]] = []

    def holder(self, name: str) -> str | None:
        """Who is written in a Lease."""
        found: str | None = self.leases.get(name, {}).get("spec", {}).get("holderIdentity")
        return found

    async def _serve(self) -> None:
        self.requests += 1
        await asyncio.sleep(self.delay)

    async def watch(self, url: str, name: str, seconds: int) -> AsyncIterator[Object]:
        await self._serve()
        events: asyncio.Queue[Object] = asyncio.Queue()
        self._watches.append((name, events))
        if name in self.leases:
            events.put_nowait({"type": "ADDED", "object": copy.deepcopy(self.leases[name])})
        try:
            async with asyncio.timeout(seconds):
                while True:
                    yield await events.get()
        except TimeoutError:
            return
        finally:
            self._watches.remove((name, events))

    async def get(self, url: str, attempts: int = 6) -> Object:
        await self._serve()
        name = url.rsplit("/", 1)[1]
        if name not in self.leases:
            raise ApiError(404, "NotFound", "")
        return copy.deepcopy(self.leases[name])

    async def create(self, url: str, body: Object, attempts: int = 6) -> Object:
        await self._serve()
        name = body["metadata"]["name"]
        if name in self.leases:
            raise ApiError(409, "AlreadyExists", "")
        return self._written(name, {"metadata": {"name": name}, "spec": body["spec"]})

    async def patch(self, url: str, body: Object, attempts: int = 6) -> Object:
        await self._serve()
        name = url.rsplit("/", 1)[1]
        known = self.leases.get(name)
        if name in self.refused:
            raise ApiError(403, "Forbidden", "")
        if known is None:
            raise ApiError(404, "NotFound", "")
        if body["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "")
        annotations = known["metadata"].get("annotations", {}) | body["metadata"].get(
            "annotations", {}
        )
        spec = known["spec"] | body.get("spec", {})
        meta = {
            "name": name,
            "annotations": {k: v for k, v in annotations.items() if v is not None},
        }
        return self._written(
            name, {"metadata": meta, "spec": {k: v for k, v in spec.items() if v is not None}}
        )

    async def patch_tested(self, url: str, operations: Sequence[Object]) -> Object:
        await self._serve()
        name = url.rsplit("/", 1)[1]
        if name in self.refused:
            raise ApiError(403, "Forbidden", "")
        if name not in self.leases:
            raise ApiError(404, "NotFound", "")
        lease = copy.deepcopy(self.leases[name])
        for each in operations:
            field = each["path"].removeprefix("/spec/")
            if each["op"] == "test":
                if lease["spec"].get(field) != each["value"]:
                    raise ApiError(422, "Invalid", "")
            else:
                lease["spec"][field] = each["value"]
        return self._written(name, lease)

    def _written(self, name: str, lease: Object) -> Object:
        self._version += 1
        lease["metadata"]["resourceVersion"] = str(self._version)
        if lease["spec"].get("holderIdentity"):
            # Two renewals never look alike: virtual time may stand still between them.
            lease["spec"]["renewTime"] = str(self._version)
        self.leases[name] = lease
        for watched, events in self._watches:
            if watched == name:
                events.put_nowait({"type": "MODIFIED", "object": copy.deepcopy(lease)})
        return copy.deepcopy(lease)


class Cable(Kube):
    """A client of `leases` that can be cut: requests then hang."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self.cut = False

    async def _pass(self) -> None:
        if self.cut:
            await asyncio.Event().wait()

    async def watch(self, url: str, name: str, seconds: int) -> AsyncIterator[Object]:
        async for event in self._leases.watch(url, name, seconds):
            await self._pass()
            yield event

    async def get(self, url: str, attempts: int = 6) -> Object:
        await self._pass()
        return await self._leases.get(url)

    async def create(self, url: str, body: Object, attempts: int = 6) -> Object:
        await self._pass()
        return await self._leases.create(url, body)

    async def patch(self, url: str, body: Object, attempts: int = 6) -> Object:
        await self._pass()
        return await self._leases.patch(url, body)

    async def patch_tested(self, url: str, operations: Sequence[Object]) -> Object:
        await self._pass()
        return await self._leases.patch_tested(url, operations)


class Replica:
    """An operator that does nothing but hold shards. `terms` has which it looked after, one term after another."""

    def __init__(self, leases: Leases, name: str, shards: int, duration: float = DURATION) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self.cable = Cable(leases)
        seat = Seat("here", NAME, name, duration, RENEW)
        self.count = shards
        self.election: Election | ShardElection = (
            ShardElection(self.cable, seat, shards, loop.time)
            if shards > 1
            else Election(self.cable, seat, loop.time)
        )
        self.stop = asyncio.Event()
        self.terms: list[frozenset[int]] = []
        self.acting = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self.stop.is_set() and await self.election.win(self.stop):
            self.acting = True
            self.terms.append(self._shards())
            lost = asyncio.create_task(self.election.until_lost())
            stopped = asyncio.create_task(self.stop.wait())
            try:
                await asyncio.wait({lost, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.acting = False
                for each in (lost, stopped):
                    each.cancel()
            await asyncio.wait({lost, stopped})
            await self.election.release()
        await self.election.release()

    def _shards(self) -> frozenset[int]:
        if isinstance(self.election, ShardElection):
            return self.election.shards.held
        return frozenset({0})

    @property
    def acts_for(self) -> frozenset[int]:
        """The shards that it may act for at this very moment."""
        return self.terms[-1] if self.acting and self.election.held() else frozenset()

    async def kill(self) -> None:
        """End it at once; nobody is told."""
        self.cable.cut = True
        self.acting = False
        if isinstance(self.election, ShardElection):
            await self.election._stop()
        self.task.cancel()
        await asyncio.wait({self.task})

    async def terminate(self) -> None:
        self.stop.set()
        await self.task


def never_two(replicas: list[Replica]) -> None:
    """No shard has two that act for it, and no two layouts are at work."""
    acting = [each for each in replicas if each.acts_for]
    assert len({each.count for each in acting}) <= 1, [(e.name, e.count) for e in acting]
    seen: set[int] = set()
    for each in acting:
        assert not (seen & each.acts_for), [(e.name, sorted(e.acts_for)) for e in acting]
        seen |= each.acts_for


async def comes_to(
    replicas: list[Replica], wanted: list[int], shards: int, within: float = 60.0
) -> float:
    """Wait until all shards are looked after, and by so many each; return the virtual seconds that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < within:
        never_two(replicas)
        found = [len(each.acts_for) for each in replicas]
        if sum(found) == shards and sorted(found) == sorted(wanted):
            return loop.time() - began
        await asyncio.sleep(0.05)
    raise AssertionError(f"{[(e.name, sorted(e.acts_for)) for e in replicas]} after {within} s")
