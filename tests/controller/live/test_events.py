"""The story of a tenant as Events tell it, and an API server that takes none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from baileys_janitor.api.names import GROUP
from baileys_janitor.controller.events.recorder import CONTROLLER
from sandbox.tools import kubectl_path
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import TENANTS, World, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
EVENTS = "events.k8s.io/v1/events"


async def events(world: World, name: str) -> list[dict[str, Any]]:
    """The janitor's Events on a tenant, in the order in which they came."""
    fields = f"regarding.name={name},reportingController={CONTROLLER}"
    found = await world.client.select(EVENTS, world.namespace, fieldSelector=fields)
    return sorted(found["items"], key=lambda event: event["eventTime"])


async def reasons(world: World, name: str) -> list[str]:
    return [event["reason"] for event in await events(world, name)]


async def told(world: World, name: str, *expected: str) -> list[dict[str, Any]]:
    """Wait until these reasons were told, in this order."""

    async def there() -> bool:
        return await reasons(world, name) == list(expected)

    await until(there, f"told {expected}")
    return await events(world, name)


async def describe(world: World, name: str) -> str:
    """What kubectl describe shows of a tenant."""
    kubectl = kubectl_path()
    if kubectl is None:
        pytest.skip("no kubectl: `make setup` unpacks one")
    process = await asyncio.create_subprocess_exec(
        str(kubectl),
        f"--kubeconfig={world.cluster.kubeconfig}",
        f"--namespace={world.namespace}",
        "describe",
        "baileystenant",
        name,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_an_emergency_is_told_from_its_discovery_to_the_level_after_it(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "emergency")
    async with operator():
        await world.cleaned("acme")
        found = await told(
            world, "acme", "LevelChanged", "CleanupStarted", "CleanupFinished", "LevelChanged"
        )
    tenant = await world.get("acme")
    for event in found:
        about = event["regarding"]
        assert (about["kind"], about["apiVersion"]) == (tenant["kind"], tenant["apiVersion"])
        assert about["uid"] == tenant["metadata"]["uid"]
        assert about["resourceVersion"]
        assert event["reportingInstance"]
        assert event["action"] in {"Observe", "Clean"}
    assert [event["type"] for event in found] == ["Warning", "Normal", "Normal", "Normal"]
    run = (await world.status("acme"))["lastCleanup"]["run"]
    assert "Unknown -> Emergency: In danger" in found[0]["note"]
    assert f"Emergency cleanup {run} begins: 208 files counted" in found[1]["note"]
    assert f"Emergency cleanup {run}: Removed 39 files" in found[2]["note"]
    assert "Emergency -> Warning: 169 files are counted" in found[3]["note"]
    shown = await describe(world, "acme")
    table = shown.partition("Events:")[2]
    # In the order in which it happened.
    places = [table.index(event["note"]) for event in found]
    assert places == sorted(places)


async def test_a_fault_that_lasts_is_one_event_that_counts_and_its_end_is_told_too(
    world: World, operator: Operator
) -> None:
    world.session(await world.claim("data"), "healthy")
    await world.workload("data")
    await world.tenant("acme", "missing")
    async with operator() as running:
        await world.ready("acme", "ClaimMissing")
        await told(world, "acme", "Stalled")
        tenant = running.reconciler.cache.tenants[world.namespace, "acme"]

        async def counts(least: int) -> int:
            (event,) = await events(world, "acme")
            count = (event.get("series") or {}).get("count", 1)
            return count if count >= least else 0

        with running.hurry():
            await until(lambda: tenant.backoff.failures >= 2, "the fault is met again")
            # The first repetition is written at once, the next ones together.
            await until(lambda: counts(2), "the repetition is counted")
            await until(lambda: tenant.backoff.failures >= 5, "the fault is met again and again")
            count = await until(lambda: counts(4), "all are counted")
        assert count <= tenant.backoff.failures
        await world.edit("acme", volume={"claimName": "data", "path": "."})
        with running.hurry():
            await world.scanned("acme")
        (stalled, recovered) = await told(world, "acme", "Stalled", "Recovered")
    assert stalled["type"] == "Warning"
    assert stalled["note"].startswith('ClaimMissing: The PersistentVolumeClaim "missing"')
    assert stalled["series"]["count"] >= 4
    assert recovered["type"] == "Normal"


async def test_a_request_that_is_refused_again_and_again_is_one_event_that_counts(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy", mode="Observe")
    async with operator():
        await world.scanned("acme")

        async def answered(token: str) -> bool:
            return (await world.status("acme")).get("lastHandledRequest") == token

        for token in ("a", "b", "c"):
            await world.ask("acme", token)
            await until(lambda token=token: answered(token), "the request is answered")
        (refused,) = await told(world, "acme", "RequestRefused")

        async def counted() -> bool:
            (refused,) = await events(world, "acme")
            return bool((refused.get("series") or {}).get("count", 0) >= 2)

        await until(counted, "the repetition is counted")
    assert refused["note"] == (
        "Requested cleanup: The request was refused: the mode is Observe, which only counts."
    )


async def test_a_restart_tells_nothing_anew(world: World, operator: Operator) -> None:
    await world.company("acme", "emergency")
    async with operator():
        await world.cleaned("acme")
        before = await told(
            world, "acme", "LevelChanged", "CleanupStarted", "CleanupFinished", "LevelChanged"
        )
    async with operator(knows=1, statusInterval="5m") as running:
        since = (await world.status("acme"))["lastScanTime"]
        tenant = running.reconciler.cache.tenants[world.namespace, "acme"]
        with running.hurry():
            await until(lambda: tenant.look, "the second operator has scanned")
        # In steps, so that no scan is missed meanwhile.
        for _ in range(6):
            running.skip(55)
            await until(running.idle, "the operator is idle")
            await world.quiet()

        async def looked() -> bool:
            return bool((await world.status("acme"))["lastScanTime"] != since)

        await until(looked, "and written a status that says nothing new")
        await world.quiet()
    assert await events(world, "acme") == before


async def test_without_events_none_is_written(world: World, operator: Operator) -> None:
    await world.company("acme", "emergency")
    async with operator(events={"enabled": False}):
        await world.cleaned("acme")
        await world.quiet()
    assert await events(world, "acme") == []


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("status", [500, 403, 429])
async def test_an_api_server_that_takes_no_events_delays_nothing(
    status: int, world: World, operator: Operator
) -> None:
    path = f"events.k8s.io/v1/namespaces/{world.namespace}"
    fault = world.cluster.fail(status, method="POST", path=path, times=None)
    await world.company("acme", "emergency")
    async with operator() as running:
        await world.cleaned("acme")
        await until(lambda: fault.hits, "an Event was tried")
        await world.quiet()
        assert running.running
        hits = fault.hits
        # What waits is bounded, and each is tried three times at most.
        assert hits <= 3 * 4
        world.cluster.forgive(fault)


@pytest.mark.usefixtures("sandbox_only")
async def test_events_that_hang_delay_nothing(world: World, operator: Operator) -> None:
    path = f"events.k8s.io/v1/namespaces/{world.namespace}"
    slow = world.cluster.delay(30.0, path=path)
    await world.company("acme", "emergency")
    async with operator() as running:
        await world.cleaned("acme")
        await world.quiet()
        assert running.running
        # The operator stops at once, too, while a request hangs.
    world.cluster.forgive(slow)
    assert await events(world, "acme") == []


async def test_what_somebody_asks_for_in_vain_is_answered_at_once(
    world: World, operator: Operator
) -> None:
    await world.company("asleep", "healthy", suspend=True)
    await world.company("acme", "healthy", schedule={"scanInterval": "1d", "adaptive": False})
    async with operator():
        await world.ready("asleep", "Suspended")
        await world.scanned("acme")
        await world.quiet()
        await world.ask("asleep", "now")
        misspelt = {"metadata": {"annotations": {f"{GROUP}/emergency-clean": "now"}}}
        await world.client.patch(TENANTS, world.namespace, "acme", misspelt)

        async def answered() -> bool:
            waits = "RequestWaiting" in await reasons(world, "asleep")
            return waits and "UnknownAnnotation" in await reasons(world, "acme")

        await until(answered, "both are answered")
        asleep, acme = await world.status("asleep"), await world.status("acme")
        assert asleep["attention"] == "RequestWaiting"
        assert asleep["next"].startswith("The requested cleanup waits: set spec.suspend to false")
        assert f"did you mean {GROUP}/emergency-cleanup?" in acme["next"]

        await world.edit("asleep", suspend=False)
        await world.cleaned("asleep")
        assert "attention" not in await world.status("asleep")
