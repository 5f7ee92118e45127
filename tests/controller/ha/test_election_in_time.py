"""The election in virtual time: slow, silent and absent API servers, and how many requests it costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from baileys_janitor.api.config.config import LeaderElection
from baileys_janitor.controller.kube.client import ApiError
from baileys_janitor.controller.kube.leader_election import LONGEST_SECONDS, Election, Seat
from tests.controller.ha.leases import OneLease, StandingClock

Object = dict[str, Any]
BUILT_IN = LeaderElection()


class Server(OneLease):
    """Holds one Lease, and answers after `delay` seconds of virtual time. `away`: it cannot be reached."""

    def __init__(self) -> None:
        super().__init__(StandingClock())
        self.delay = 0.01
        self.away = self.watches_hang = self.refuses_watches = False
        self.requests = 0

    async def _serve(self) -> None:
        self.requests += 1
        await asyncio.sleep(self.delay)
        if self.away:
            raise ApiError(0, "Unreachable", "")

    async def watch(self, url: str, name: str, seconds: int) -> AsyncIterator[Object]:
        await self._serve()
        if self.refuses_watches:
            raise ApiError(403, "Forbidden", "")
        events = super().watch(url, name, seconds)
        end = asyncio.get_running_loop().time() + seconds
        try:
            while (left := end - asyncio.get_running_loop().time()) > 0:
                try:
                    async with asyncio.timeout(left):
                        event = await anext(events)
                        if self.watches_hang:
                            await asyncio.Event().wait()
                except TimeoutError:
                    return
                yield event
        finally:
            await events.aclose()  # type: ignore[attr-defined]

    async def get(self, url: str) -> Object:
        await self._serve()
        return await super().get(url)

    async def create(self, url: str, body: Object, attempts: int = 6) -> Object:
        await self._serve()
        return await super().create(url, body)

    async def patch(self, url: str, body: Object, attempts: int = 6) -> Object:
        await self._serve()
        return await super().patch(url, body)


class Replica:
    """An operator that does nothing but lead; what it does is kept with the time of it."""

    def __init__(self, server: Server, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        seat = Seat(
            "here", "janitor", name, BUILT_IN.duration.seconds, BUILT_IN.renew_interval.seconds
        )
        self.election = Election(server, seat, self._loop.time)
        self.stop = asyncio.Event()
        self.terms: list[list[float]] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while await self.election.win(self.stop):
            self.terms.append([self._loop.time()])
            lost = asyncio.create_task(self.election.until_lost())
            stopped = asyncio.create_task(self.stop.wait())
            try:
                await asyncio.wait({lost, stopped}, return_when=asyncio.FIRST_COMPLETED)
                self.terms[-1].append(self._loop.time())
            finally:
                for each in (lost, stopped):
                    each.cancel()
            await asyncio.wait({lost, stopped})
            await self.election.release()

    def kill(self) -> None:
        """End it at once; nobody is told."""
        self.task.cancel()

    async def terminate(self) -> None:
        self.stop.set()
        await self.task

    @property
    def leads(self) -> bool:
        return self.election.held() and bool(self.terms) and len(self.terms[-1]) == 1


Pair = tuple[Server, Replica, Replica]


async def pair() -> Pair:
    """A leader and a standby."""
    server = Server()
    first = Replica(server, "first")
    await asyncio.sleep(1)
    second = Replica(server, "second")
    await asyncio.sleep(1)
    assert first.leads
    assert not second.leads
    return server, first, second


async def never_two(replicas: list[Replica]) -> None:
    while True:
        assert sum(each.election.held() for each in replicas) <= 1
        await asyncio.sleep(0.5)


async def one_comes_to_lead(replicas: list[Replica], within: float) -> Replica:
    for _ in range(int(within / 0.1)):
        for each in replicas:
            if each.leads:
                return each
        await asyncio.sleep(0.1)
    raise AssertionError(f"nobody leads within {within} s")


@pytest.mark.looptime
async def test_two_replicas_make_at_most_one_lease_request_in_two_seconds() -> None:
    server, first, second = await pair()
    before = server.requests
    await asyncio.sleep(300)
    assert (server.requests - before) / 300 <= 0.5
    assert first.leads
    assert len(first.terms) == 1
    first.kill()
    second.kill()


@pytest.mark.looptime
async def test_a_standby_that_may_not_watch_the_lease_reads_it() -> None:
    server, first, second = await pair()
    server.refuses_watches = True
    await asyncio.sleep(60)
    await first.terminate()
    await asyncio.sleep(2 * BUILT_IN.renew_interval.seconds)
    assert second.leads
    second.kill()


@pytest.mark.looptime
async def test_what_is_given_up_is_taken_at_once() -> None:
    _, first, second = await pair()
    await asyncio.sleep(100)
    await first.terminate()
    await asyncio.sleep(0.2)
    assert second.leads
    second.kill()


@pytest.mark.looptime
@pytest.mark.parametrize("hangs", [False, True])
async def test_a_leader_that_died_is_succeeded_within_its_duration(hangs: bool) -> None:
    server, first, second = await pair()
    await asyncio.sleep(101)
    server.watches_hang = hangs
    await asyncio.sleep(31)
    first.kill()
    # A watch that says nothing makes the standby read the Lease when it should have lapsed.
    await asyncio.sleep(BUILT_IN.duration.seconds * (2 if hangs else 1) + 0.2)
    assert second.leads
    second.kill()


@pytest.mark.looptime
@pytest.mark.parametrize("delay", [1.0, 3.0, 5.0])
async def test_a_slow_api_server_has_a_leader_all_the_time(delay: float) -> None:
    server = Server()
    server.delay = delay
    replicas = [Replica(server, "first"), Replica(server, "second")]
    checking = asyncio.create_task(never_two(replicas))
    leader = await one_comes_to_lead(replicas, 4 * delay + 1)
    await asyncio.sleep(300)
    assert leader.leads
    assert len(leader.terms) == 1
    assert leader.election.leaderless() == 0
    assert not checking.done()
    for task in (checking, *(each.task for each in replicas)):
        task.cancel()


@pytest.mark.looptime
async def test_a_server_that_becomes_slow_and_quick_again_never_has_two_leaders() -> None:
    server, first, second = await pair()
    checking = asyncio.create_task(never_two([first, second]))
    for delay in (5.0, 0.01, 9.0, 0.01, 20.0, 0.01, 5.0):
        server.delay = delay
        await asyncio.sleep(77)
    server.delay = 0.01
    await one_comes_to_lead([first, second], 70)
    assert not checking.done()
    for task in (checking, first.task, second.task):
        task.cancel()


@pytest.mark.looptime
async def test_an_outage_leaves_nobody_leading_and_that_is_known_after_a_minute() -> None:
    server, first, second = await pair()
    server.away = True
    await asyncio.sleep(80)
    for each in (first, second):
        assert not each.leads
        assert each.election.leaderless() > 60
    server.away = False
    leader = await one_comes_to_lead([first, second], 20)
    await asyncio.sleep(5)
    assert leader.election.leaderless() == 0
    assert {first, second}.difference({leader}).pop().election.leaderless() == 0
    first.kill()
    second.kill()


@pytest.mark.looptime
async def test_a_lease_that_somebody_has_stolen_for_ever_is_taken_back() -> None:
    server, first, second = await pair()
    assert server.lease is not None
    stolen = {"holderIdentity": "somebody", "leaseDurationSeconds": 2_000_000_000}
    await OneLease.patch(
        server,
        "",
        {
            "metadata": {"resourceVersion": server.lease["metadata"]["resourceVersion"]},
            "spec": stolen,
        },
    )
    await asyncio.sleep(BUILT_IN.duration.seconds)
    assert not first.leads
    assert not second.leads
    await one_comes_to_lead([first, second], LONGEST_SECONDS + 5)
    first.kill()
    second.kill()
