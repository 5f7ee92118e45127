"""Who is told what of a fleet, by real requests: grouped, once, across restarts, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.client import ApiError
from tests.controller.live.notified import RECORDS, Telling, passing, settings
from tests.controller.live.operators import SkippingClock
from tests.controller.live.world import World, until
from tests.notify.receivers import Answer, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")
RECORD = "baileys-janitor-notifications"


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A webhook's endpoint, whose URL is in the environment."""
    async with Receiver().served() as served:
        monkeypatch.setenv("HOOK", served.url)
        monkeypatch.setenv("NO_PROXY", "*")
        yield served


@pytest.fixture
def telling(world: World, kubeconfig: Path, receiver: Receiver) -> Telling:
    return Telling(settings(world.namespace), SkippingClock())


async def kept(world: World) -> str:
    """The record, empty while there is none."""
    try:
        found = await world.client.get(RECORDS, world.namespace, RECORD)
    except ApiError:
        return ""
    return str(found["data"]["told"])


async def settled(telling: Telling, world: World) -> None:
    """Wait until nothing more comes: the record has stayed the same while time passed."""
    before = ""
    for _ in range(4):
        for _ in range(10):
            telling.clock.skip(10)
            await asyncio.sleep(0.01)
        before = await kept(world)
    assert before == await kept(world)


async def test_a_level_that_changes_is_told_with_all_that_is_needed_at_night(
    telling: Telling, receiver: Receiver
) -> None:
    telling.put("acme", "Healthy")
    async with telling.running():
        telling.put("acme", "Emergency")
        (request,) = await passing(telling, receiver, 1)
    document = request.json
    assert document["version"] == "1"
    assert document["type"] == "incidents"
    assert document["severity"] == "Emergency"
    assert document["title"] == "Emergency: shop/acme has 190 files, the limit is 180"
    (group,) = document["groups"]
    (tenant,) = group["tenants"]
    assert tenant["companyId"] == "c-acme"
    assert tenant["figures"]["counted"] == 190
    assert group["command"] == "kubectl describe baileystenant acme -n shop"
    assert group["runbook"].endswith("/tenant-emergency.md")


async def test_a_thousand_tenants_that_change_at_once_are_one_message(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for number in range(1000):
        telling.put(f"t{number}", "Healthy", namespace=f"ns-{number % 7}")
    async with telling.running():
        for number in range(1000):
            telling.put(f"t{number}", "Emergency", namespace=f"ns-{number % 7}")
        (request,) = await passing(telling, receiver, 1)
        await settled(telling, world)
    assert len(receiver.requests) == 1
    assert request.json["title"] == "Emergency: 1,000 tenants have reached their limit"
    (group,) = request.json["groups"]
    assert (group["count"], group["namespaces"], len(group["tenants"])) == (1000, 7, 50)
    assert len(await kept(world)) < 40_000


async def test_a_restart_repeats_nothing_and_tells_what_was_missed(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for name in ("acme", "beta", "coma"):
        telling.put(name, "Emergency" if name != "coma" else "Healthy")
    async with telling.running():
        await passing(telling, receiver, 1)
        await until(lambda: kept(world), "it is kept")
    # While no operator is there, one recovers and another one gets into trouble.
    telling.put("beta", "Healthy")
    telling.put("coma", "Critical")
    telling.clock.skip(1200)
    async with telling.running():
        requests = await passing(telling, receiver, 2)
        await settled(telling, world)
    assert len(receiver.requests) == 2
    said = {
        (tenant["name"], group["change"], group["reason"])
        for group in requests[1].json["groups"]
        for tenant in group["tenants"]
    }
    assert said == {("coma", "new", "TenantCritical"), ("beta", "ended", "TenantEmergency")}


async def test_an_operator_that_is_killed_again_and_again_tells_each_thing_once(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for number in range(20):
        telling.put(f"t{number}", "Emergency")
        async with telling.running():
            telling.clock.skip(61)
            await asyncio.sleep(0.02)
    async with telling.running():
        telling.clock.skip(700)
        await settled(telling, world)
    told = [
        tenant["name"]
        for request in receiver.taken
        for group in request.json["groups"]
        for tenant in group["tenants"]
        if group["change"] == "new"
    ]
    assert sorted(told) == sorted(f"t{number}" for number in range(20))


async def test_a_receiver_that_fails_half_the_time_hears_of_everything_once(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    answers = itertools.cycle([Answer(400), Answer()])
    receiver.then = lambda _: next(answers)
    async with telling.running():
        for number in range(30):
            telling.put(f"t{number}", "Emergency")
            for _ in range(10):
                telling.clock.skip(7)
                await asyncio.sleep(0.005)
        receiver.then = lambda _: Answer()
        for _ in range(3):
            await settled(telling, world)
    told = [
        tenant["name"]
        for request in receiver.taken
        for group in request.json["groups"]
        for tenant in group["tenants"]
        if group["change"] == "new"
    ]
    assert any(request.answer == 400 for request in receiver.requests)
    assert sorted(told) == sorted(f"t{number}" for number in range(30))
    assert len(receiver.taken) < 30


async def test_what_passed_while_the_endpoint_was_dead_is_told_even_after_a_restart(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    receiver.then = lambda _: Answer(404)
    telling.put("acme", "Healthy")
    async with telling.running() as work:
        telling.put("acme", "Emergency")

        def failed() -> bool:
            telling.clock.skip(10)
            return work.counts["hook"].failed >= 1

        await until(failed, "it fails")
        await until(lambda: kept(world), "what is owed is kept")
    telling.put("acme", "Healthy")
    receiver.then = lambda _: Answer()
    async with telling.running():
        (request,) = await passing(telling, receiver, 1)
    (group,) = request.json["groups"]
    assert (group["change"], group["reason"]) == ("passed", "TenantEmergency")
    assert request.json["title"].endswith("over before it could be told")


async def test_the_circuit_breaker_is_told_once_and_so_is_its_end(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    for number in range(10):
        telling.put(f"t{number}", "Healthy")
    async with telling.running():
        telling.held = telling.clock.now() + 3600
        (opened,) = await passing(telling, receiver, 1)
        assert opened.json["groups"][0]["reason"] == "CircuitBreakerOpen"
        telling.held = None
        _, closed = await passing(telling, receiver, 2, step=30)
        await settled(telling, world)
    assert closed.json["title"].startswith("Resolved: held cleanups after")
    assert len(receiver.requests) == 2


async def test_a_record_that_was_deleted_or_spoilt_has_all_that_holds_told_anew(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    telling.put("acme", "Emergency")
    async with telling.running():
        await passing(telling, receiver, 1)
        await until(lambda: kept(world), "it is kept")
    await world.client.patch(RECORDS, world.namespace, RECORD, {"data": {"told": "rubbish"}})
    async with telling.running():
        await passing(telling, receiver, 2)
    assert receiver.requests[0].json["title"] == receiver.requests[1].json["title"]
