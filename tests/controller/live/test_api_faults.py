"""An API server that is slow, gone, overloaded or wrong: the operator lives on, converges, and keeps calm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.controller.jobs.faults import OTHER_IMAGE
from baileys_janitor.controller.kube.client import Kube
from sandbox import Cluster
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, completed_runs, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Operator = Callable[..., LocalOperator]
TENANT = "/baileystenants/"


def requests(cluster: Cluster) -> int:
    """How many requests the API server has had, the cluster's own machinery included."""
    return sum(cluster.server.requests.values())


async def asked_and_cleaned(world: World, operator: LocalOperator, token: str = "now") -> None:
    """Ask for a cleanup and wait for its result: the operator works."""
    before = len((await world.status("acme")).get("history") or [])
    await world.ask("acme", token)
    with operator.hurry():
        await until(lambda: counted(world, before + 1), "the asked cleanup is recorded")
    assert operator.running


async def counted(world: World, entries: int) -> bool:
    return len((await world.status("acme")).get("history") or []) >= entries


@pytest.mark.parametrize(
    ("status", "retry_after"), [(500, None), (503, None), (429, 1), (409, None), (404, None)]
)
async def test_refused_status_writes_are_made_up_for(
    status: int, retry_after: int | None, world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        fault = world.cluster.fail(
            status,
            method="PATCH",
            path=f"{world.namespace}{TENANT}acme/status",
            times=3,
            retry_after=retry_after,
        )
        await asked_and_cleaned(world, running)
        assert fault.hits == 3
        await world.quiet()
    assert len(completed_runs(directory)) == 1


async def test_a_server_that_refuses_everything_for_a_while_is_waited_for(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        fault = world.cluster.fail(500, path=f"namespaces/{world.namespace}/", times=None)
        await until(lambda: world.cluster.drop_watches(), "watches are dropped")
        with running.hurry():
            await until(lambda: fault.hits > 5, "the operator meets the fault")
        world.cluster.forgive(fault)
        await asked_and_cleaned(world, running)
        await world.quiet()
    assert len(completed_runs(directory)) == 1


async def test_a_restarted_server_is_found_again(world: World, operator: Operator) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.cluster.restart()
        await asked_and_cleaned(world, running, "after the restart")
        await world.cluster.restart(keep_history=False)
        await asked_and_cleaned(world, running, "after the compaction")
        await world.quiet()


async def test_changes_that_a_compacted_watch_has_missed_are_seen(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    async with operator() as running:
        await world.scanned("acme")
        watches = world.cluster.fail(503, path=f"{world.namespace}/.*watch=", times=None)
        world.cluster.drop_watches()
        await until(lambda: watches.hits, "the watch is asked for again")
        await world.edit("acme", suspend=True)
        world.cluster.compact()
        world.cluster.forgive(watches)
        await world.ready("acme", "Suspended")
        assert running.running


async def test_a_slow_server_makes_the_operator_slow_and_nothing_else(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        world.cluster.delay(0.5, path=f"namespaces/{world.namespace}/(jobs|baileyst)", times=None)
        await asked_and_cleaned(world, running)
        await world.quiet()
    assert len(completed_runs(directory)) == 1


async def test_the_operator_waits_as_long_as_the_server_asks(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        fault = world.cluster.fail(
            429, method="POST", path=f"{world.namespace}/jobs", times=None, retry_after=2
        )
        await world.ask("acme", "now")
        await until(lambda: fault.hits, "the Job is refused")
        refused = time.monotonic()
        await until(lambda: fault.hits > 1, "the Job is tried again")
        # Left to itself the client tries again after 0.7 s at most.
        assert time.monotonic() - refused > 1.5
        world.cluster.forgive(fault)
        with running.hurry():
            await world.cleaned("acme")


async def test_what_the_server_asks_of_one_request_holds_all_of_them(
    world: World, kubeconfig: Path
) -> None:
    sent: list[tuple[int, float]] = []
    kube = await Kube.connect(lambda verb, url, code: sent.append((code, kube.pause.left())))
    refused, other = (
        f"/api/v1/namespaces/{world.namespace}/{name}" for name in ("configmaps", "events")
    )
    world.cluster.fail(429, path="/configmaps", retry_after=1)
    try:
        first = asyncio.create_task(kube.get(refused))
        await until(lambda: sent, "the first request is refused")
        await kube.get(other)
        await first
    finally:
        await kube.close()
    assert [code for code, _ in sent] == [429, 200, 200]
    assert all(left == 0 for _, left in sent[1:]), "a request was sent during the pause"


async def test_an_answer_of_not_found_that_is_not_about_the_tenant_does_not_lose_it(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        world.cluster.fail(
            404,
            method="PATCH",
            path=f"{world.namespace}{TENANT}acme/status",
            message="the server could not find the requested resource",
        )
        await asked_and_cleaned(world, running)


async def test_an_operator_starts_though_the_server_does_not_answer_at_first(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    fault = world.cluster.fail(503, path=f"namespaces/{world.namespace}/", times=None)
    async with operator() as running:
        await until(lambda: fault.hits > 8, "the operator meets the fault")
        assert running.running
        world.cluster.forgive(fault)
        with running.hurry():
            await world.scanned("acme")


async def test_an_old_operator_during_an_upgrade_marks_nobody_as_stalled(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        world.cluster.fail(
            422, method="POST", path=f"{world.namespace}/jobs", times=None, message=OTHER_IMAGE
        )
        await world.ask("acme", "now")
        ready = await world.ready("acme", "JobRefused")
        assert ready["status"] == "True"
        assert "While the chart is being upgraded" in ready["message"]

        async def stalled() -> bool:
            return bool((await world.condition("acme", "Ready"))["status"] == "False")

        with running.hurry():
            await until(stalled, "what stays is a fault")


async def test_refused_jobs_are_not_tried_in_a_hot_loop(world: World, operator: Operator) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        fault = world.cluster.fail(
            403, method="POST", path=f"{world.namespace}/jobs", times=None, message="exceeded quota"
        )
        await world.ask("acme", "now")
        before = requests(world.cluster)
        with running.hurry():
            ready = await world.ready("acme", "JobRefused")
            await until(lambda: fault.hits >= 4, "the Job is tried again")
        assert ready["status"] == "False"
        assert "exceeded quota" in ready["message"]
        # Four tries take 15 + 30 + 60 seconds; each looks the claim up, and says what happened.
        assert requests(world.cluster) - before < 200
        world.cluster.forgive(fault)
        with running.hurry():
            await world.cleaned("acme")
