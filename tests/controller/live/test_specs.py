"""Specs that are wrong, edited or deleted, at any moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import TENANTS, World, begun_runs, completed_runs, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]

WRONG: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an age that contradicts the defaults": (
        {"retention": {"sessionMaxAge": "5d"}},
        {"retention": {"sessionMaxAge": "30d"}},
    ),
    "thresholds that contradict the defaults": (
        {"thresholds": {"warning": 300}},
        {"thresholds": {"warning": 100}},
    ),
}


@pytest.mark.parametrize(("wrong", "right"), WRONG.values(), ids=WRONG.keys())
async def test_what_the_schema_cannot_catch_is_said_and_recovers_when_it_is_edited(
    wrong: dict[str, Any], right: dict[str, Any], world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "emergency", **wrong)
    async with operator():
        ready = await world.ready("acme", "InvalidSpec")
        assert ready["status"] == "False"
        assert ready["message"].endswith("counted by the fleet's settings, and no cleanup runs.")
        assert (await world.condition("acme", "Stalled"))["status"] == "True"
        status = await world.scanned("acme")
        assert status["level"] == "Emergency"
        assert "lastValid" not in status
        await world.quiet()
        assert not begun_runs(directory)
        await world.edit("acme", **right)
        await world.cleaned("acme")
        await world.edit("acme", **wrong)
        ready = await world.ready("acme", "InvalidSpec")
        assert ready["message"].endswith("the last valid settings of this tenant are used.")


async def test_a_bad_edit_ends_no_care_not_even_over_a_restart(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning", undoWindow="7d")
    async with operator():
        await world.scanned("acme")
        await world.quiet()
        await world.edit("acme", thresholds={"warning": 900})
        await world.ready("acme", "InvalidSpec")
    async with operator(knows=1) as running:
        tenant = running.reconciler.cache.tenants[world.namespace, "acme"]
        await until(lambda: tenant.effective, "the last valid settings are in use")
        assert tenant.effective is not None
        assert (tenant.effective.mode, tenant.effective.undo_window) == ("Enforce", 7 * 86_400)
        await world.ask("acme", "now")
        status = await world.cleaned("acme")
        assert status["lastCleanup"]["removed"]
        assert status["level"] != "Unknown"
    assert len(completed_runs(directory)) == 1


async def test_a_stricter_mode_counts_although_the_rest_of_the_edit_is_bad(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        await world.edit("acme", mode="Observe", thresholds={"warning": 900})
        ready = await world.ready("acme", "InvalidSpec")
        assert ready["message"].endswith("are used, in mode Observe.")
        running.skip(86_400)
        await until(running.idle, "the operator is idle")
        await world.edit("acme", suspend=True)
        await until(lambda: stopped(world), "the tenant is suspended")
    assert not begun_runs(directory)


async def stopped(world: World) -> bool:
    message = (await world.condition("acme", "Ready"))["message"]
    return bool(message.endswith("No Job runs, since spec.suspend is true."))


async def test_a_spec_edited_while_a_job_runs_is_observed_and_the_run_ends_as_it_began(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator():
        await world.scanned("acme")
        await world.quiet()
        world.cluster.kubelet.hold()
        await world.ask("acme", "now")
        await until(world.job_pods, "the cleanup's pod is there")
        await world.edit("acme", thresholds={"warning": 100}, mode="DryRun")
        world.cluster.kubelet.release()
        status = await world.cleaned("acme")
        assert status["lastCleanup"]["removed"] == 13
        generation = (await world.get("acme"))["metadata"]["generation"]
        await until(lambda: observed(world, generation), "the edited spec is observed")
        await world.quiet()
    assert len(completed_runs(directory)) == 1


async def observed(world: World, generation: int) -> bool:
    return bool((await world.status("acme"))["observedGeneration"] == generation)


async def test_a_suspended_tenant_is_observed_at_once_and_gets_no_job(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "emergency", suspend=True)
    async with operator() as running:
        ready = await world.ready("acme", "Suspended")
        assert ready["status"] == "True"
        assert (await world.status("acme"))["observedGeneration"] == 1
        running.skip(86_400)
        await until(running.idle, "the operator is idle")
        assert not await world.jobs()


async def test_a_claimed_run_waits_while_its_tenant_is_suspended(
    world: World, operator: Operator, sandbox_only: None
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        refused = world.cluster.fail(
            403, method="POST", path=f"{world.namespace}/jobs", times=None, message="quota"
        )
        await world.ask("acme", "now")
        await world.ready("acme", "JobRefused")
        await world.edit("acme", suspend=True)
        await world.ready("acme", "Suspended")
        world.cluster.forgive(refused)
        running.skip(3600)
        await until(running.idle, "the operator is idle")
        assert not await world.jobs()
        assert (await world.status("acme"))["run"]
        await world.edit("acme", suspend=False)
        await world.cleaned("acme")
    assert len(completed_runs(directory)) == 1


async def test_a_tenant_deleted_while_its_cleanup_runs_leaves_nothing_behind(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        assert "finalizers" not in (await world.get("acme"))["metadata"]
        world.cluster.kubelet.hold()
        await world.ask("acme", "now")
        await until(world.job_pods, "the cleanup's pod is there")
        await world.client.delete(TENANTS, world.namespace, "acme")
        await world.gone(TENANTS, "acme")
        await world.quiet()
        world.cluster.kubelet.release()
        running.skip(600)
        await until(lambda: not running.reconciler.cache.tenants, "the tenant is forgotten")
        await until(lambda: not list(running.reconciler.tracker), "its Job is forgotten")


async def test_a_tenant_deleted_and_created_anew_during_a_cleanup_is_another_one(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        world.cluster.kubelet.hold()
        await world.ask("acme", "now")
        await until(world.job_pods, "the cleanup's pod is there")
        await world.client.delete(TENANTS, world.namespace, "acme")
        await world.tenant("acme", "acme")
        world.cluster.kubelet.release()
        running.skip(120)
        status = await world.scanned("acme")
        assert "history" not in status
        await world.quiet()


async def test_the_deletion_of_one_tenant_does_not_end_a_scan_it_shares(
    world: World, operator: Operator
) -> None:
    directory = await world.claim("shared")
    for name, scenario in (("one", "healthy"), ("two", "warning"), ("three", "critical")):
        world.session(directory / name, scenario)
        await world.tenant(name, "shared", path=name)
    await world.workload("shared")
    world.cluster.kubelet.hold()
    async with operator(knows=3) as running:
        await until(world.job_pods, "the scan's pod is there")
        [job] = await world.jobs()
        await world.client.delete(TENANTS, world.namespace, "two")
        await world.gone(TENANTS, "two")
        world.cluster.kubelet.release()
        with running.hurry():
            assert (await world.scanned("one"))["level"] == "Healthy"
            assert (await world.scanned("three"))["level"] == "Critical"
            await world.quiet()
    assert "ownerReferences" not in job["metadata"]
