"""The evidence is real: an engine that stands still, and watches that stay open and say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.health.checks import BEHIND_SECONDS, STUCK_SECONDS
from baileys_janitor.controller.health.watch_audit import GRACE_SECONDS, Audit, Watches
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.kube.client import Kube
from baileys_janitor.controller.reconciler import Reconciler
from baileys_janitor.controller.workers import AT_ONCE
from tests.controller.ha.leases import StandingClock
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, until

live = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Operator = Callable[..., LocalOperator]
Object = dict[str, Any]
QUIET_FOR = 20.0
"""Seconds that a silenced watch says nothing: longer than a test, and no server waits for it for long."""


class SilentServer(Kube):
    """Says that no Job is under way, and answers no other request."""

    def __init__(self) -> None:
        self.unanswered = 0

    async def list(self, url: str, *_: Any, **__: Any) -> AsyncIterator[Object]:
        if not url.endswith("/jobs"):
            self.unanswered += 1
            await asyncio.Event().wait()
        for nothing in ():
            yield nothing


class MovedClock:
    """Time that is moved by hand; waiting ends with the event, or never for one that is `deaf`."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.deaf = False
        self.waiting = asyncio.Event()

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        self.waiting.set()
        await (asyncio.Event() if self.deaf else event).wait()


def tenant(number: int) -> Object:
    meta = {"namespace": f"ns-{number}", "name": "acme", "uid": f"{number}", "generation": 1}
    return {
        "metadata": meta | {"resourceVersion": "1"},
        "spec": {"volume": {"claimName": "data"}},
    }


async def test_an_engine_whose_loop_stands_still_is_behind_once_something_is_due() -> None:
    clock = MovedClock()
    clock.deaf = True
    reconciler = Reconciler(SilentServer(), OperatorConfig(), Pod("image"), clock)
    reconciler.observe(tenant(1))
    assert reconciler.behind() == 0.0  # it has not begun
    running = asyncio.create_task(reconciler.run())
    await until(clock.waiting.is_set, "the engine has begun")
    assert reconciler.behind() == 0.0

    clock.time += 3600

    assert reconciler.behind() > BEHIND_SECONDS
    running.cancel()


async def test_an_engine_with_nothing_to_do_is_never_behind() -> None:
    clock = MovedClock()
    reconciler = Reconciler(SilentServer(), OperatorConfig(), Pod("image"), clock)
    running = asyncio.create_task(reconciler.run())
    await until(clock.waiting.is_set, "the engine has begun")
    clock.time += 86_400

    assert reconciler.behind() == 0.0
    assert reconciler.stuck() == 0.0
    running.cancel()


async def test_steps_that_all_hang_are_seen_and_a_burst_after_a_quiet_day_is_not() -> None:
    clock = MovedClock()
    server = SilentServer()
    reconciler = Reconciler(server, OperatorConfig(), Pod("image"), clock)
    running = asyncio.create_task(reconciler.run())
    await until(clock.waiting.is_set, "the engine has begun")
    clock.time += 86_400
    for number in range(AT_ONCE + 4):
        reconciler.observe(tenant(number))
    clock.time += 60
    reconciler.nudge()
    await until(lambda: server.unanswered >= AT_ONCE, "as many steps as may run are under way")
    assert reconciler.stuck() < STUCK_SECONDS

    clock.time += STUCK_SECONDS + 1

    assert reconciler.stuck() > STUCK_SECONDS
    running.cancel()


class Observed:
    """A running operator whose watches go by the test's own clock, and are compared by its hand."""

    def __init__(
        self, world: World, kube: Kube, watches: Watches, clock: StandingClock, audit: Audit
    ) -> None:
        self._world = world
        self.kube = kube
        self.watches = watches
        self.clock = clock
        self.audit = audit

    async def silence(self, kind: str) -> None:
        """Let the watch of a kind say nothing any more, as behind a proxy that has lost it."""
        path = f"namespaces/{self._world.namespace}/{kind}[?].*watch=true"
        fault = self._world.cluster.delay(QUIET_FOR, path=path, times=None)
        self._world.cluster.drop_watches()
        await until(lambda: fault.hits, f"the watch of {kind} is silent")
        self.clock.move(GRACE_SECONDS + 1)

    async def dead(self) -> list[str]:
        """What is dead, after two looks that lie further apart than a doubt may last."""
        await self.audit.look()
        self.clock.move(GRACE_SECONDS + 1)
        await self.audit.look()
        return self.watches.dead()


@pytest_asyncio.fixture(loop_scope="session")
async def observed(
    world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[LocalOperator], Awaitable[Observed]]]:
    clock = StandingClock()
    made: list[Watches] = []

    class Seen(Watches):
        def __init__(self, namespaces: list[str]) -> None:
            super().__init__(namespaces, clock)
            made.append(self)

    monkeypatch.setattr("baileys_janitor.controller.app.Watches", Seen)
    kube = await Kube.connect()

    async def observe(running: LocalOperator) -> Observed:
        await until(lambda: made, "the operator watches")
        audit = Audit(kube, running.reconciler, made[-1], [world.namespace])
        return Observed(world, kube, made[-1], clock, audit)

    yield observe
    await kube.close()


class TestLive:
    """With a cluster."""

    pytestmark = live

    async def test_while_all_is_well_nothing_differs(
        self, world: World, operator: Operator, observed: Any
    ) -> None:
        await world.company("acme", "healthy")
        await world.tenant("lost", "no-such-claim")
        async with operator() as running:
            await world.scanned("acme")
            seen = await observed(running)
            assert await seen.dead() == []

    async def test_tenants_that_are_not_told_of_are_noticed(
        self, world: World, operator: Operator, observed: Any
    ) -> None:
        async with operator() as running:
            seen = await observed(running)
            await seen.silence("baileystenants")
            await world.tenant("unseen", "claim")
            assert await seen.dead() == ["tenants"]

    async def test_changes_that_are_not_told_of_are_noticed(
        self, world: World, operator: Operator, observed: Any
    ) -> None:
        await world.tenant("acme", "claim")
        async with operator() as running:
            await world.ready("acme", "ClaimMissing")
            seen = await observed(running)
            await seen.silence("baileystenants")
            await world.edit("acme", suspend=True)
            assert await seen.dead() == ["tenants"]

    async def test_pods_that_are_not_told_of_are_noticed(
        self, world: World, operator: Operator, observed: Any
    ) -> None:
        await world.company("acme", "healthy")
        async with operator() as running:
            await world.scanned("acme")
            await world.quiet()
            seen = await observed(running)
            await seen.silence("pods")
            await world.ask("acme", "now")
            with running.hurry(over_jobs=True):
                # The run is tried again, since its Job seems to have ended without a pod.
                await until(lambda: len(seen.watches.doubts("pods")) > 1, "two Jobs end alone")
            assert await seen.dead() == ["pods"]

    async def test_jobs_that_are_not_told_of_are_noticed(
        self, world: World, operator: Operator, observed: Any
    ) -> None:
        await world.company("acme", "healthy")
        async with operator() as running:
            await world.scanned("acme")
            await world.quiet()
            seen = await observed(running)
            await seen.silence("jobs")
            for number in (1, 2):
                await world.ask("acme", f"token-{number}")
                await world.cleaned("acme", "NothingToDo" if number > 1 else "Completed", number)
            assert await seen.dead() == ["jobs"]
