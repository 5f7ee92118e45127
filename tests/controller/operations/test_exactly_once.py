"""One operation is done once, whatever happens to the operator; and a real kubectl waits for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.tools import kubectl_path
from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import PODS, begun_runs, completed_runs, until
from tests.controller.operations.world import Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")
Process = Callable[..., OperatorProcess]
Step = Callable[[Asked, str, OperatorProcess], Awaitable[None]]
STATUS = "PATCH", "/baileysoperations/[^/]+/status"
NEW_JOB, OLD_JOB = ("POST", "/jobs"), ("DELETE", "/jobs/")


def killed_at(request: tuple[str, str], *, status: int = 0, delay: float = 0.0) -> Step:
    """Kill the operator while a request is on its way: refused with `status`, else carried out later."""

    async def step(world: Asked, name: str, operator: OperatorProcess) -> None:
        method, path = request
        at = f"/namespaces/{world.namespace}{path}"
        fault = world.cluster.fail(status, method=method, path=at, delay=delay, times=1)
        await world.operate("tidy", name, "Clean")
        await until(lambda: fault.hits, f"{method} {path}")
        await operator.kill()
        world.cluster.forgive(fault)

    return step


async def killed_while_the_pod_starts(world: Asked, name: str, operator: OperatorProcess) -> None:
    world.cluster.kubelet.hold()
    await world.operate("tidy", name, "Clean")
    await until(world.job_pods, "the pod is there")
    await operator.kill()


async def killed_and_it_runs_meanwhile(world: Asked, name: str, operator: OperatorProcess) -> None:
    await killed_while_the_pod_starts(world, name, operator)
    world.cluster.kubelet.release()

    async def over() -> bool:
        return all(pod["status"]["phase"] == "Succeeded" for pod in await world.job_pods())

    await until(over, "the cleanup has run")


async def killed_and_the_result_lost(world: Asked, name: str, operator: OperatorProcess) -> None:
    await killed_and_it_runs_meanwhile(world, name, operator)
    for pod in await world.job_pods():
        await world.client.delete(PODS, world.namespace, pod["metadata"]["name"])
    await world.delete_jobs()
    await world.quiet()


STEPS: dict[str, Step] = {
    "while the claim is written": killed_at(STATUS, delay=0.3),
    "while the Job is made": killed_at(NEW_JOB, delay=0.3),
    "and the result is lost": killed_and_the_result_lost,
}
if os.environ.get("ALL_CHECKS"):
    STEPS |= {
        "before the claim": killed_at(STATUS, status=500),
        "before the Job is made": killed_at(NEW_JOB, status=500),
        "while its pod starts": killed_while_the_pod_starts,
        "while the Job runs": killed_and_it_runs_meanwhile,
        "when the Job is deleted": killed_at(OLD_JOB, status=500),
    }


@pytest.mark.usefixtures("sandbox_only")
@pytest.mark.parametrize("killed", STEPS.values(), ids=STEPS)
async def test_an_operator_that_is_killed_is_followed_by_one_that_goes_on(
    world: Asked, process: Process, killed: Step
) -> None:
    name = world.early_name()
    directory = await world.company(name, "warning")
    first = process()
    await first.start()
    await world.scanned(name)
    await world.quiet()
    await killed(world, name, first)
    world.cluster.kubelet.release()
    second = process()
    await second.start()
    status = await world.over("tidy")
    assert completed_runs(directory) == [status["run"]]
    assert begun_runs(directory) == 1
    await world.cleaned(name)
    history = (await world.status(name))["history"]
    assert [entry["run"] for entry in history] == [status["run"]]
    await second.terminate()


async def test_a_real_kubectl_shows_it_and_waits_for_it(
    world: Asked, operator: Callable[..., LocalOperator], tmp_path: Path
) -> None:
    binary = kubectl_path()
    if binary is None:
        pytest.skip("no kubectl: `make tools` unpacks one")

    async def kubectl(*words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *(str(binary), "-n", world.namespace, *words),
            env={"KUBECONFIG": str(world.cluster.kubeconfig), "HOME": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    await world.company("acme", "warning")
    async with operator():
        await world.scanned("acme")
        await world.operate("tidy", "acme", "Clean")
        code, said = await kubectl("wait", "bop/tidy", "--for=condition=Complete", "--timeout=120s")
        assert (code, said.strip()) == (
            0,
            "baileysoperation.janitor.baileys.dev/tidy condition met",
        )
        _, table = await kubectl("get", "bop", "-o", "wide")
        head, row = table.splitlines()
        assert head.split()[:5] == ["NAME", "TENANT", "ACTION", "PHASE", "OUTCOME"]
        assert row.split()[:5] == ["tidy", "acme", "Clean", "Completed", "Completed"]
        assert "Removed" in row
        _, both = await kubectl("get", "baileys")
        assert "baileystenant.janitor.baileys.dev/acme" in both
        assert "baileysoperation.janitor.baileys.dev/tidy" in both
        code, said = await kubectl(
            "patch", "bop", "tidy", "--type=merge", "-p", '{"spec":{"action":"Undo"}}'
        )
        assert code == 1
        assert "create another operation" in said
