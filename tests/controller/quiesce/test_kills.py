"""Killed before or after any of its writes, an operator is followed by one that leaves no workload at 0."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import WallClock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.quiesce.manager import QuiesceManager
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.quiesce import machine
from baileys_janitor.status.changes import ChangeBus
from sandbox.client import path
from tests.all_checks import ALL_CHECKS, SAMPLE_DAY
from tests.controller.live.world import OPERATIONS, TENANTS, until
from tests.controller.operations.world import Asked
from tests.controller.quiesce.bots import bot, found, held, outcome, quiesce, replicas, runs_again
from tests.sandbox.workloads import DEPLOYMENTS, scale

pytestmark = pytest.mark.asyncio(loop_scope="session")
WRITES = 9
"""Record, hold, scale, confirm, quiet; then scale, end, release, and one that is never reached."""


class Killed(BaseException):
    """The process ends here."""


class Mortal(Kube):
    """A client that is killed at a write: before it is sent, or once it is carried out and not yet answered."""

    at: int | None = None
    answered = True
    count = 0
    seen: list[int]

    async def _once(self, verb: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if verb == "GET":
            return await super()._once(verb, *args, **kwargs)
        self.count += 1
        if self.count == self.at and self.answered:
            raise Killed
        answer = await super()._once(verb, *args, **kwargs)
        if self.count == self.at:
            raise Killed
        body = kwargs.get("body") or {}
        if verb == "PUT":
            self.seen.append(body["spec"]["replicas"])
        return answer


class Life:
    """One operator, as far as quiescing goes."""

    def __init__(self, world: Asked, kube: Mortal) -> None:
        self.world = world
        self.kube = kube
        self.kube.seen = []
        clock = WallClock()
        cache = TenantCache(OperatorConfig())
        self.cache = cache
        self.clock = clock
        bus = ChangeBus()
        self.manager = QuiesceManager(
            kube, clock, cache, lambda _: None, lambda: None, CrashHandler(clock, bus)
        )

    async def start(self) -> None:
        """Know the tenant, and take up what is held."""
        tenant = await self.world.client.get(TENANTS, self.world.namespace, "acme")
        self.cache.observe(tenant, self.clock.now())
        await self.manager.adopt([self.world.namespace])

    async def look(self) -> None:
        """One pass of the loop, with all that it begins."""
        self.manager.observe(await self.world.operation("stop"))
        begun: list[Any] = []
        self.manager.look(self.clock.now(), begun.append)
        for step in begun:
            await step

    async def until_quiet(self) -> None:
        uid = (await self.world.operation("stop"))["metadata"]["uid"]

        async def quiet() -> bool:
            progress = self.manager.want(uid)
            await self.look()
            return progress.quiet

        await until(quiet, "the claim is quiet")

    async def until_resumed(self) -> None:
        key = self.world.namespace, "acme"

        async def resumed() -> bool:
            left = self.manager.resume(key, "test")
            await self.look()
            return not left and not await held(self.world)

        await until(resumed, "the workload runs again")


@contextlib.asynccontextmanager
async def life(
    world: Asked, at: int | None = None, *, answered: bool = True
) -> AsyncIterator[Life]:
    """An operator that is killed at a write."""
    kube = await Mortal.connect()
    kube.at, kube.answered = at, answered
    try:
        one = Life(world, kube)
        with contextlib.suppress(Killed):
            await one.start()
            yield one
    finally:
        await kube.close()


async def asked(world: Asked, count: int = 2) -> None:
    """A running bot, and an operation that is being worked on."""
    await bot(world, replicas=count)
    await quiesce(world)
    status = {"status": {"phase": "Working"}}
    await world.client.patch(OPERATIONS, world.namespace, "stop", status, sub="status")


@pytest.fixture(autouse=True)
def nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, what is not answered is never carried out later, so nobody has to wait for it."""
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.LATE_SECONDS", 0.05)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.manager.LATE_SECONDS", 0.05)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.POLL_SECONDS", 0.02)
    assert machine.LATE_SECONDS > 30, "longer than any request"


async def test_killed_at_any_write_the_workload_runs_again_with_what_it_had(world: Asked) -> None:
    await bot(world, replicas=2)
    reached = 0
    for number, at in enumerate(range(1, WRITES + 1), SAMPLE_DAY):
        for answered in (True, False) if ALL_CHECKS else (number % 2 == 0,):
            await quiesce(world)
            body = {"status": {"phase": "Working"}}
            await world.client.patch(OPERATIONS, world.namespace, "stop", body, sub="status")
            async with life(world, at, answered=answered) as first:
                await first.until_quiet()
                await first.until_resumed()
            reached = max(reached, first.kube.count)
            # Whoever comes after is killed at its first write, and the next one is not.
            async with life(world, 1, answered=answered) as second:
                await second.until_resumed()
            async with life(world) as third:
                await third.until_resumed()
                assert set(third.kube.seen) <= {2}, "it only ever starts"
            await runs_again_or_never_stopped(world)
            await world.client.delete(OPERATIONS, world.namespace, "stop")
    assert reached == WRITES - 1, "every write was met"


async def runs_again_or_never_stopped(world: Asked) -> None:
    operation = await world.operation("stop")
    record = (operation.get("status") or {}).get("quiesce") or {}
    assert record.get("outcome", "") in ("", "Resumed", "NeverStopped"), record
    assert await replicas(world) == 2
    assert not await held(world)


async def test_killed_while_it_is_being_stopped_the_next_one_goes_on(world: Asked) -> None:
    await asked(world)
    for at in (1, 2, 3):
        async with life(world, at, answered=False) as one:
            await one.until_quiet()
    async with life(world) as last:
        await last.until_quiet()
        assert await replicas(world) == 0
        await last.until_resumed()
    await outcome(world, "Resumed")
    await runs_again(world, 2)


async def test_replicas_that_are_edited_before_it_is_stopped_are_what_it_gets_again(
    world: Asked,
) -> None:
    await asked(world, 1)
    async with life(world, 3) as one:
        await one.until_quiet()
    assert await replicas(world) == 1
    edited = {"metadata": {"name": "bot"}, "spec": {"replicas": 3}}
    await scale(world.client, world.namespace, edited, "kubectl")
    async with life(world) as two:
        await two.until_quiet()
        operation = await world.operation("stop")
        assert operation["status"]["quiesce"]["replicas"] == 3
        await two.until_resumed()
    assert await replicas(world) == 3


async def test_two_operators_at_once_stop_and_start_it_once(world: Asked) -> None:
    await asked(world)
    async with life(world) as one, life(world) as two:
        await asyncio.gather(one.until_quiet(), two.until_quiet())
        await asyncio.gather(one.until_resumed(), two.until_resumed())
        assert sorted(one.kube.seen + two.kube.seen) == [0, 2]
    await runs_again(world, 2)


async def test_an_api_server_that_refuses_for_a_while_is_waited_for(world: Asked) -> None:
    await asked(world)
    async with life(world) as one:
        await one.until_quiet()
        where = path(DEPLOYMENTS, world.namespace, "bot", "scale")
        world.cluster.fail(500, method="PUT", path=where, times=3)
        await one.until_resumed()
    assert (await found(world))["spec"]["replicas"] == 2


async def test_whoever_may_not_scale_says_so_and_holds_nothing(world: Asked) -> None:
    await asked(world)
    where = path(DEPLOYMENTS, world.namespace, "bot")
    world.cluster.fail(403, method="GET", path=where, times=1, agent="OpenAPI")
    async with life(world) as one:
        uid = (await world.operation("stop"))["metadata"]["uid"]

        async def refused() -> bool:
            progress = one.manager.want(uid)
            await one.look()
            return progress.failed == "Forbidden"

        await until(refused, "it says so")
    assert not await held(world)


async def test_what_was_let_go_before_an_uninstallation_is_not_waited_for_by_the_next_operator(
    world: Asked,
) -> None:
    await asked(world)
    async with life(world) as one:
        await one.until_quiet()
        await one.until_resumed()
    async with life(world) as two:
        uid = (await world.operation("stop"))["metadata"]["uid"]

        async def failed() -> bool:
            progress = two.manager.want(uid)
            await two.look()
            return progress.failed == "Resumed" and not progress.held

        await until(failed, "it says that the workload runs again")
        assert two.kube.seen == [], "nothing is scaled again"


async def test_an_operator_that_knows_no_tenants_yet_keeps_what_is_stopped_and_says_so(
    world: Asked,
) -> None:
    await asked(world)
    async with life(world) as one:
        await one.until_quiet()
    async with life(world) as two:
        two.cache.tenants.clear()
        uid = (await world.operation("stop"))["metadata"]["uid"]

        async def said() -> bool:
            progress = two.manager.want(uid)
            await two.look()
            return not progress.quiet and progress.message.startswith("The operator does not know")

        await until(said, "it says so")
        assert await replicas(world) == 0
        assert await held(world)


async def test_a_namespace_goes_although_nothing_shows_that_its_operation_is_deleted(
    world: Asked,
) -> None:
    await asked(world)
    async with life(world) as one:
        await one.until_quiet()
        # With `watchNamespaces` all roles are in the namespace, and go first: nothing is answered any more.
        for what in ("deployments", "pods"):
            where = f"namespaces/{world.namespace}/{what}"
            world.cluster.fail(403, path=where, times=None, agent="OpenAPI")
        await world.client.delete("v1/namespaces", "", world.namespace)

        async def left() -> bool:
            begun: list[Any] = []
            one.manager.look(one.clock.now() + 600, begun.append)
            for step in begun:
                await step
            found = await world.client.select("v1/namespaces")
            return world.namespace not in {each["metadata"]["name"] for each in found["items"]}

        await until(left, "the namespace goes")


async def test_a_tenant_that_is_not_known_yet_is_waited_for(world: Asked) -> None:
    await asked(world)
    async with life(world) as one:
        tenants = dict(one.cache.tenants)
        one.cache.tenants.clear()
        uid = (await world.operation("stop"))["metadata"]["uid"]
        for _ in range(3):
            assert not one.manager.want(uid).failed
            await one.look()
        assert await replicas(world) == 2
        one.cache.tenants.update(tenants)
        await one.until_quiet()
        await one.until_resumed()
    await runs_again(world, 2)
