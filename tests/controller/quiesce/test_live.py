"""Stopping and starting workloads in a cluster: recorded first, fought over, timed out, and always started again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import OPERATIONS, TENANTS, until
from tests.controller.operations.world import Asked
from tests.controller.quiesce.bots import (
    ALLOWED,
    RESOURCES,
    bot,
    conditions,
    gone,
    held,
    outcome,
    quiesce,
    replicas,
    runs_again,
    stopped,
    write,
)
from tests.sandbox.workloads import pods_of, running

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stopped is looked at often, so that no test waits for that."""
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.WATCH_SECONDS", 0.3)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.POLL_SECONDS", 0.3)


BOTH = pytest.mark.parametrize("kind", list(RESOURCES))


@BOTH
async def test_a_workload_is_stopped_and_started_again_on_request(
    world: Asked, operator: Operator, kind: str
) -> None:
    await bot(world, kind, 2)
    async with operator(**ALLOWED):
        await quiesce(world, kind=kind)
        status = await world.over("stop")
        assert await stopped(world)
        assert await replicas(world, kind) == 0
        assert await held(world)
        record = status["quiesce"]
        assert (record["workload"], record["replicas"]) == ({"kind": kind, "name": "bot"}, 2)
        assert "outcome" not in record
        assert conditions(status)["Quiesced"] == ("True", "Stopped")
        await world.operate("start", "acme", "Resume")
        again = await world.over("start")
        assert again["result"]["outcome"] == "Resumed"
        status = (await outcome(world, "Resumed"))["status"]
        assert conditions(status)["Quiesced"] == ("False", "Resumed")
        assert conditions(status)["Complete"][0] == "True"
        await runs_again(world, 2, kind)
        await world.operate("once-more", "acme", "Resume")
        assert (await world.over("once-more"))["result"]["outcome"] == "NothingToDo"


async def test_by_hand_it_waits_for_the_pods_and_names_them(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    (pod,) = await pods_of(world.cluster, world.namespace)
    async with operator(operations={"allowed": ["Quiesce"]}):
        await world.operate("stop", "acme", "Quiesce")
        status = await world.waits("stop", "ClaimInUse")
        assert pod["metadata"]["name"] in status["message"]
        await write(world, 0, "kubectl")
        await world.over("stop")
        assert not await held(world)
        assert await replicas(world) == 0


async def test_a_pod_on_a_lost_node_times_out_and_the_workload_is_started_again(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    (pod,) = await pods_of(world.cluster, world.namespace)
    node = pod["spec"]["nodeName"]
    async with operator(**ALLOWED) as running_operator:
        await world.cluster.kubelet.lose(node)
        try:
            await quiesce(world, timeout="30s")
            await until(lambda: held(world), "it is held")
            await world.waits("stop", "ClaimInUse")
            running_operator.skip(31)
            status = await world.over("stop", "Failed")
            assert conditions(status)["Failed"] == ("True", "TimedOut")
            assert pod["metadata"]["name"] in status["message"]
            await outcome(world, "Resumed")
            assert await replicas(world) == 1
        finally:
            await world.cluster.kubelet.find_again(node)


async def test_no_workload_is_stopped_for_longer_than_its_longest_time(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    async with operator(**ALLOWED) as running_operator:
        await quiesce(world, maxDuration="5m")
        await world.over("stop")
        running_operator.skip(301)
        await outcome(world, "Resumed")
        await runs_again(world)


@pytest.mark.parametrize("what", ["operation", "tenant"])
async def test_what_is_deleted_lets_its_workload_go_first(
    world: Asked, operator: Operator, what: str
) -> None:
    await bot(world)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
        resource, name = (OPERATIONS, "stop") if what == "operation" else (TENANTS, "acme")
        await world.client.delete(resource, world.namespace, name)
        await until(lambda: gone(world), "the operation goes")
        await runs_again(world)


async def test_a_finalizer_that_somebody_removes_does_not_leave_the_workload_stopped(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
        body = {"metadata": {"finalizers": None}}
        await world.client.patch(OPERATIONS, world.namespace, "stop", body)
        await world.client.delete(OPERATIONS, world.namespace, "stop")
        await runs_again(world)


@pytest.mark.parametrize(
    ("manager", "applied", "way_out"),
    [
        ("keda", False, "autoscaling.keda.sh/paused"),
        ("argocd-controller", True, "ignoreDifferences"),
    ],
)
async def test_who_fights_is_named_with_a_way_out_and_left_alone(
    world: Asked, operator: Operator, manager: str, applied: bool, way_out: str
) -> None:
    await bot(world, replicas=2)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
        await write(world, 1, manager, applied=applied)
        status = (await outcome(world, "Fought"))["status"]
        found = {c["type"]: c for c in status["conditions"]}["Fought"]
        assert found["status"] == "True"
        assert manager in found["message"]
        assert way_out in found["message"]
        assert await replicas(world) == 1


async def test_a_fight_while_it_is_being_stopped_fails_the_operation(
    world: Asked, operator: Operator
) -> None:
    await bot(world, replicas=2)
    # Pods that take their time, so that there is something to wait for.
    world.cluster.kubelet.hold()
    async with operator(**ALLOWED):
        (pod, *_) = await pods_of(world.cluster, world.namespace)
        world.cluster.kubelet.pause(world.namespace, pod["metadata"]["name"])
        await world.cluster.kubelet.lose(pod["spec"]["nodeName"])
        try:
            await quiesce(world)
            await world.waits("stop", "ClaimInUse")
            await write(world, 2, "keda")
            status = await world.over("stop", "Failed")
            assert conditions(status)["Failed"] == ("True", "Fought")
            await outcome(world, "Fought")
        finally:
            await world.cluster.kubelet.find_again(pod["spec"]["nodeName"])


async def test_what_somebody_else_wants_stopped_is_not_started(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
        await write(world, 0, "argocd-controller", applied=True)
        await world.operate("start", "acme", "Resume")
        await world.over("start")
        await outcome(world, "StoppedByOthers")
        assert await replicas(world) == 0


async def test_a_workload_that_is_stopped_already_stays_so(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    await write(world, 0, "kubectl")
    async with operator(**ALLOWED):
        await quiesce(world)
        status = await world.over("stop")
        assert "quiesce" not in status
        await world.client.delete(OPERATIONS, world.namespace, "stop")
        await until(lambda: gone(world), "the operation goes")
        assert await replicas(world) == 0


async def test_a_workload_that_is_gone_is_nobodys_affair_any_more(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
        deployments = RESOURCES["Deployment"]
        await world.client.delete(deployments, world.namespace, "bot")
        await outcome(world, "Gone")


@pytest.mark.parametrize("rights", ["kept", "gone before"])
async def test_a_namespace_that_is_deleted_meanwhile_goes(
    rights: str, world: Asked, operator: Operator
) -> None:
    await bot(world)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
        if rights == "gone before":
            # The role in the namespace is deleted with the rest, and the operation waits for its finalizer.
            where = f"namespaces/{world.namespace}/deployments"
            world.cluster.fail(403, path=where, times=None, agent="OpenAPI")
        await world.client.delete("v1/namespaces", "", world.namespace)

        async def left() -> bool:
            found = await world.client.select("v1/namespaces")
            names = [each["metadata"]["name"] for each in found["items"]]
            return world.namespace not in names

        await until(left, "the namespace goes")


async def test_a_workload_of_several_tenants_is_stopped_only_if_that_is_acknowledged(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    await world.tenant("other", "acme", path="other")
    async with operator(**ALLOWED):
        await quiesce(world)
        status = await world.over("stop", "Failed")
        assert conditions(status)["Failed"] == ("True", "Refused")
        assert "another tenant" in status["message"]
        assert await replicas(world) == 1
        await quiesce(world, "both", acknowledge=["StopsTenants"])
        await world.over("both")
        await world.operate("start", "other", "Resume")
        assert (await world.over("start"))["result"]["outcome"] == "NothingToDo"
        await world.operate("start-it", "acme", "Resume")
        await world.over("start-it")
        await runs_again(world)


async def test_a_workload_that_is_not_there_is_refused(world: Asked, operator: Operator) -> None:
    await bot(world)
    async with operator(**ALLOWED):
        await quiesce(world, kind="StatefulSet")
        status = await world.over("stop", "Failed")
        assert conditions(status)["Failed"] == ("True", "WorkloadNotFound")


async def test_stopping_is_not_allowed_unless_the_fleet_says_so(
    world: Asked, operator: Operator
) -> None:
    await bot(world)
    async with operator():
        await quiesce(world)
        status = await world.over("stop", "Failed")
        assert conditions(status)["Failed"] == ("True", "NotAllowed")
        assert await replicas(world) == 1


async def test_an_operator_that_was_killed_is_followed_by_one_that_starts_it_again(
    world: Asked, process: Callable[..., OperatorProcess], operator: Operator
) -> None:
    await bot(world)
    first = process(**ALLOWED)
    await first.start()
    await quiesce(world, maxDuration="1m")
    await world.over("stop")
    await first.kill()
    assert await replicas(world) == 0
    async with operator(**ALLOWED) as second:
        second.skip(200)
        await outcome(world, "Resumed")
        await runs_again(world)
    assert await running(world.cluster, world.namespace, 1)


async def test_before_it_is_uninstalled_everything_is_started_again(
    world: Asked, operator: Operator, tmp_path: Path
) -> None:
    await bot(world, replicas=2)
    async with operator(**ALLOWED):
        await quiesce(world)
        await world.over("stop")
    assert await replicas(world) == 0
    configuration = tmp_path / "operator.yaml"
    configuration.write_text(f"watchNamespaces: [{world.namespace}]\n")
    command = ["operator", "--config", str(configuration), "--resume-all"]
    for _ in range(2):
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "baileys_janitor", *command
        )
        assert await done.wait() == 0
    await outcome(world, "Resumed")
    await runs_again(world, 2)
