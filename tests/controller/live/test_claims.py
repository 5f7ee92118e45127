"""Claims that cannot be mounted: a clear reason, no Job, and recovery by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import CLAIMS, PODS, TENANTS, World, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
NODES, VOLUMES = "v1/nodes", "v1/persistentvolumes"


async def test_a_missing_claim_is_named_and_found_when_it_comes(
    world: World, operator: Operator
) -> None:
    await world.tenant("acme", "acme")
    async with operator() as running:
        ready = await world.ready("acme", "ClaimMissing")
        assert ready["status"] == "False"
        assert '"acme"' in ready["message"]
        assert (await world.condition("acme", "Stalled"))["status"] == "True"
        assert not await world.jobs()
        world.session(await world.claim("acme"), "healthy")
        await world.workload("acme")
        running.skip(120)
        await world.ready("acme", "Observing")
        assert (await world.condition("acme", "Stalled"))["status"] == "False"


async def test_a_claim_that_came_just_before_its_tenant_is_not_missed(
    world: World, operator: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    world.session(await world.claim("acme"), "healthy")
    await world.workload("acme")
    await world.tenant("acme", "acme")
    async with operator():
        await world.scanned("acme")
        # What is known of the namespace's claims and pods is seconds old now.
        world.session(await world.claim("late"), "healthy")
        await world.workload("late")
        await world.tenant("late", "late")
        await world.scanned("late")
    assert "Fault" not in caplog.messages


async def test_a_claim_that_waits_for_its_first_consumer_is_no_fault_and_gets_no_job(
    world: World, operator: Operator
) -> None:
    directory = await world.claim("acme", "wait")
    await world.tenant("acme", "acme")
    async with operator() as running:
        ready = await world.ready("acme", "WaitingForFirstConsumer")
        assert ready["status"] == "True"
        await world.ask("acme", "now")
        running.skip(600)
        await until(running.idle, "the operator is idle")
        assert not await world.jobs()
        assert not await world.bound("acme")
        world.session(directory, "warning")
        await world.workload("acme")
        running.skip(120)
        await world.cleaned("acme")


async def test_a_claim_that_nothing_binds_is_a_fault(world: World, operator: Operator) -> None:
    await world.claim("acme", "never")
    await world.tenant("acme", "acme")
    async with operator():
        ready = await world.ready("acme", "ClaimUnbound")
        assert ready["status"] == "False"
        assert not await world.jobs()


async def test_an_exclusive_claim_in_use_is_a_fault_until_the_workload_stops(
    world: World, operator: Operator
) -> None:
    world.session(await world.claim("acme", mode="ReadWriteOncePod"), "healthy")
    pod = await world.workload("acme")
    await world.tenant("acme", "acme")
    async with operator() as running:
        ready = await world.ready("acme", "ClaimExclusive")
        assert ready["status"] == "False"
        assert not await world.jobs()
        await world.client.delete(PODS, world.namespace, pod)
        await world.gone(PODS, pod)
        running.skip(120)
        await world.ready("acme", "Observing")


async def test_a_claim_that_is_deleted_is_noticed(world: World, operator: Operator) -> None:
    world.session(await world.claim("acme"), "healthy")
    pod = await world.workload("acme")
    await world.tenant("acme", "acme")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        await world.client.delete(PODS, world.namespace, pod)
        await world.client.delete(CLAIMS, world.namespace, "acme")
        await world.gone(CLAIMS, "acme")
        with running.hurry():
            await world.ready("acme", "ClaimMissing")


async def lose(world: World, name: str) -> None:
    """Have a bound claim lose its volume, and say so as the volume controller does."""
    volume = (await world.client.get(CLAIMS, world.namespace, name))["spec"]["volumeName"]
    await world.client.patch(VOLUMES, "", volume, {"metadata": {"finalizers": None}})
    await world.client.delete(VOLUMES, "", volume)
    lost = {"status": {"phase": "Lost"}}
    await world.client.patch(CLAIMS, world.namespace, name, lost, sub="status")


async def test_a_claim_that_is_lost_is_told_at_the_next_look_at_any_claim_beside_it(
    world: World, operator: Operator
) -> None:
    # In its own time this one is not looked at for a day.
    await world.company("quiet", "healthy", schedule={"scanInterval": "1d", "adaptive": False})
    async with operator() as running:
        await world.scanned("quiet")
        await world.quiet()
        await lose(world, "quiet")
        running.skip(30)
        await world.company("beside", "healthy")
        ready = await world.ready("quiet", "ClaimLost")
        assert ready["status"] == "False"
        assert (await world.status("quiet"))["attention"] == "ClaimLost"


async def test_a_tenant_whose_claim_was_lost_seconds_before_gets_no_job(
    world: World, operator: Operator
) -> None:
    await world.company("first", "healthy")
    world.session(await world.claim("lost"), "healthy")
    await world.workload("lost")
    async with operator():
        # The lists that are kept show the claim as bound.
        await world.scanned("first")
        await lose(world, "lost")
        await world.tenant("lost", "lost")
        await world.ready("lost", "ClaimLost")
        assert "lastScanTime" not in await world.status("lost")
    jobs = await world.jobs()
    assert all('"lost"' not in str(job["metadata"].get("annotations")) for job in jobs)


async def test_the_job_runs_on_the_node_of_the_workload_as_its_user(
    world: World, operator: Operator
) -> None:
    world.session(await world.claim("acme"), "healthy")
    pod = await world.client.get(PODS, world.namespace, await world.workload("acme"))
    world.cluster.kubelet.hold()
    await world.tenant("acme", "acme")
    async with operator():
        [found] = await until(world.job_pods, "a scan's pod is there")
        await until(lambda: placed(world), "the pod has a node")
        [found] = await world.job_pods()
        world.cluster.kubelet.release()
    assert found["spec"]["nodeName"] == pod["spec"]["nodeName"]
    assert found["spec"]["securityContext"]["runAsUser"] == 1000


async def test_a_job_for_a_shared_volume_does_not_wait_for_a_cordoned_node(
    world: World, operator: Operator
) -> None:
    world.session(await world.claim("acme", mode="ReadWriteMany"), "healthy")
    pod = await world.client.get(PODS, world.namespace, await world.workload("acme"))
    await world.tenant("acme", "acme")
    await cordon(world, pod["spec"]["nodeName"], True)
    try:
        async with operator():
            await world.scanned("acme")
            await world.quiet()
    finally:
        await cordon(world, pod["spec"]["nodeName"], None)


async def cordon(world: World, node: str, unschedulable: bool | None) -> None:
    await world.client.patch(NODES, "", node, {"spec": {"unschedulable": unschedulable}})


async def test_a_job_is_not_sent_after_a_pod_whose_node_is_gone(
    world: World, operator: Operator
) -> None:
    world.session(await world.claim("acme", mode="ReadWriteMany"), "healthy")
    # What is left over of a node that went without a word: its pod still stands as running there.
    await world.workload("acme")
    left = await world.client.get(PODS, world.namespace, "bot-acme")
    spec = {k: v for k, v in left["spec"].items() if k != "nodeName"} | {"nodeName": "gone"}
    await world.client.create(
        PODS, world.namespace, {"metadata": {"name": "a-left-over"}, "spec": spec}
    )
    running = {"status": {"phase": "Running"}}
    await world.client.patch(
        PODS, world.namespace, "a-left-over", running, sub="status", kind="strategic"
    )
    await world.tenant("acme", "acme")
    async with operator():
        await world.scanned("acme")


async def test_of_two_tenants_of_one_directory_the_younger_waits_until_the_other_goes(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "emergency")
    async with operator() as running:
        await world.cleaned("acme")
        await world.tenant("copy", "acme")
        ready = await world.ready("copy", "DuplicateDirectory")
        assert ready["status"] == "False"
        assert '"acme"' in ready["message"]
        await world.ask("copy", "now")
        running.skip(120)
        await until(running.idle, "the operator is idle")
        status = await world.status("copy")
        assert not status.get("files")
        assert not status.get("history")
        assert (await world.condition("acme", "Ready"))["status"] == "True"

        await world.client.delete(TENANTS, world.namespace, "acme")
        # It tries again now and then: a first time perhaps before the operator has heard of the deletion.
        with running.hurry():
            await world.scanned("copy")


async def placed(world: World) -> bool:
    return all(pod["spec"].get("nodeName") for pod in await world.job_pods())


async def test_a_claim_that_no_pod_uses_is_scanned_once_a_day(
    world: World, operator: Operator
) -> None:
    world.session(await world.claim("acme"), "stopped")
    await world.tenant("acme", "acme")
    async with operator() as running:
        first = (await world.scanned("acme"))["lastScanTime"]
        await world.quiet()
        for _ in range(10):
            running.skip(3600)
            await until(running.idle, "the operator is idle")
            assert not await world.jobs()
        running.skip(15 * 3600)

        async def again() -> bool:
            return bool((await world.status("acme"))["lastScanTime"] != first)

        await until(again, "it is scanned the next day")


@pytest.mark.parametrize("trouble", ["directory", "claim", "lock"])
async def test_a_restart_takes_no_fault_back_before_a_look_does(
    world: World, operator: Operator, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    directory = await world.company("acme", "warning")
    if trouble == "directory":
        await world.edit("acme", volume={"path": "elsewhere"})
    elif trouble == "claim":
        await world.edit("acme", volume={"claimName": "elsewhere"})
    else:
        (directory / ".cleanup.lock").mkdir()
    async with operator():
        if trouble == "lock":
            await world.scanned("acme")
            await world.ask("acme", "now")
        reason = {"directory": "DirectoryMissing", "claim": "ClaimMissing", "lock": "LockRefused"}
        told = await world.ready("acme", reason[trouble])
        await world.quiet()
    caplog.clear()
    async with operator() as running:
        await until(lambda: bool(running.reconciler.cache.tenants), "the tenant is known")
        [tenant] = running.reconciler.cache.tenants.values()
        running.skip(60)
        await until(
            lambda: tenant.scan.checked_at is not None or tenant.backoff.failures,
            "it was looked at",
        )
        await world.quiet()
        assert await world.condition("acme", "Ready") == told
    assert "Fault over" not in caplog.messages
