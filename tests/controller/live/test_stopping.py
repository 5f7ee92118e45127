"""The operator ends when it is told to, in seconds, and leaves nothing running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.api.generated.crd import crd
from baileys_janitor.controller.clock import WallClock
from sandbox import Cluster, kubeconfig
from sandbox.client import Client
from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import PATIENCE, World, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
DEFINITIONS = "apiextensions.k8s.io/v1/customresourcedefinitions"
Operator = Callable[..., LocalOperator]
Process = Callable[..., OperatorProcess]
STOPS_WITHIN = 25.0
"""Seconds; a pod is given 30."""


@pytest.mark.parametrize("until_", [None, 4e9, 0.0])
async def test_a_wait_that_is_cancelled_as_its_event_is_set_ends(until_: float | None) -> None:
    event = asyncio.Event()

    async def forever() -> None:
        while True:
            event.clear()
            await WallClock().wait(event, until_)
            await asyncio.sleep(0)

    running = asyncio.create_task(forever())
    await asyncio.sleep(0.01)
    event.set()
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=PATIENCE)
    running.cancel()
    assert done == {running}


async def test_sigterm_ends_the_operator_with_code_0_while_jobs_run(
    world: World, process: Process
) -> None:
    name = world.early_name()
    world.session(await world.claim(name), "healthy")
    await world.workload(name)
    world.cluster.kubelet.hold()
    await world.tenant(name, name)
    operator = process(anew=True)
    await operator.start()
    await until(world.jobs, "a scan is under way")
    began = time.monotonic()
    assert await operator.terminate() == 0
    assert time.monotonic() - began < STOPS_WITHIN
    assert "Traceback" not in operator.log
    assert "never awaited" not in operator.log


async def test_sigterm_ends_an_operator_that_cannot_reach_the_server(
    world: World, process: Process, sandbox_only: None
) -> None:
    name = world.early_name()
    await world.company(name, "healthy")
    operator = process()
    await operator.start()
    await world.scanned(name)
    fault = world.cluster.fail(503, path=f"namespaces/{world.namespace}/", times=None)
    world.cluster.drop_watches()
    await world.cluster.restart()
    await until(lambda: fault.hits, "the operator meets the fault")
    began = time.monotonic()
    assert await operator.terminate() == 0
    assert time.monotonic() - began < STOPS_WITHIN


async def test_nothing_is_left_running_after_a_stop(world: World, operator: Operator) -> None:
    await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.ask("acme", "now")
        await until(world.job_pods, "a cleanup is under way")
    assert running.left == []


async def test_an_operator_that_waits_for_the_crd_goes_on_when_it_comes_and_ends_when_told(
    tmp_path: Path,
) -> None:
    async with Cluster(tmp_path / "volumes", nodes=0, assets="") as bare:
        operator = OperatorProcess({}, bare.kubeconfig, tmp_path / "operator")
        await operator.start()
        try:
            await until(lambda: "apply the CRD" in operator.log, "it says what it waits for")
            assert operator.log.count("apply the CRD") == 1
            async with Client(kubeconfig.read(bare.kubeconfig)) as client:
                await client.create(DEFINITIONS, "", crd())
            await until(lambda: "is at work" in operator.log, "it goes on")
            assert await operator.terminate() == 0
        finally:
            await operator.kill()


async def test_sigterm_ends_an_operator_that_waits_for_the_crd(tmp_path: Path) -> None:
    async with Cluster(tmp_path / "volumes", nodes=0, assets="") as bare:
        operator = OperatorProcess({}, bare.kubeconfig, tmp_path / "operator")
        await operator.start()
        try:
            await until(lambda: "apply the CRD" in operator.log, "it says what it waits for")
            assert await operator.terminate() == 0
        finally:
            await operator.kill()
