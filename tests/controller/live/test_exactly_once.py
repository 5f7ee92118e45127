"""One cleanup, whatever happens to the operator: killed at every step, or two at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sandbox.server.faults import Fault
from tests.all_checks import one_in
from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import PODS, World, begun_runs, completed_runs, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Process = Callable[..., OperatorProcess]
Operator = Callable[..., LocalOperator]
Step = Callable[[World, str, OperatorProcess], Awaitable[None]]
STATUS = "PATCH", "/baileystenants/[^/]+/status"
NEW_JOB = "POST", "/jobs"
OLD_JOB = "DELETE", "/jobs/"


def killed_at(
    request: tuple[str, str], *, status: int = 0, delay: float = 0.0, times: int | None = 1
) -> Step:
    """Kill the operator while a request is on its way: refused with `status`, else carried out later."""

    async def step(world: World, name: str, operator: OperatorProcess) -> None:
        method, path = request
        at = f"/namespaces/{world.namespace}{path}"
        fault = world.cluster.fail(status, method=method, path=at, delay=delay, times=times)
        await world.ask(name, "now")
        await until(lambda: fault.hits, f"{method} {path}")
        await operator.kill()
        world.cluster.forgive(fault)

    return step


async def killed_while_the_pod_starts(world: World, name: str, operator: OperatorProcess) -> None:
    world.cluster.kubelet.hold()
    await world.ask(name, "now")
    await until(world.job_pods, "the cleanup's pod is there")
    await operator.kill()


async def killed_while_the_pod_starts_and_it_runs_meanwhile(
    world: World, name: str, operator: OperatorProcess
) -> None:
    await killed_while_the_pod_starts(world, name, operator)
    await run_to_the_end(world, name)


async def run_to_the_end(world: World, name: str) -> None:
    world.cluster.kubelet.release()

    async def over() -> bool:
        pods = await world.job_pods()
        return all(pod["status"]["phase"] == "Succeeded" for pod in pods)

    await until(over, "the cleanup has run")


async def killed_and_the_result_lost_with_its_pod(
    world: World, name: str, operator: OperatorProcess
) -> None:
    await killed_while_the_pod_starts(world, name, operator)
    await run_to_the_end(world, name)
    for pod in await world.job_pods():
        await world.client.delete(PODS, world.namespace, pod["metadata"]["name"])


async def killed_and_the_job_lost(world: World, name: str, operator: OperatorProcess) -> None:
    await killed_while_the_pod_starts(world, name, operator)
    await run_to_the_end(world, name)
    await world.delete_jobs()
    await world.quiet()


async def killed_before_the_result_is_recorded(
    world: World, name: str, operator: OperatorProcess
) -> None:
    world.cluster.kubelet.hold()
    await world.ask(name, "now")
    await until(world.job_pods, "the cleanup's pod is there")
    method, path = STATUS
    at = f"/namespaces/{world.namespace}{path}"
    fault = world.cluster.fail(503, method=method, path=at, times=None)
    world.cluster.kubelet.release()
    await until(lambda: fault.hits, "the operator tries to record the result")
    await operator.kill()
    world.cluster.forgive(fault)


STEPS: dict[str, Step] = {
    "before the claim": killed_at(STATUS, status=500, times=None),
    "with the claim under way": killed_at(STATUS, delay=2.0),
    "with the claim written and its answer lost": killed_at(NEW_JOB, status=500, times=None),
    "with the Job's creation under way": killed_at(NEW_JOB, delay=2.0),
    "while the pod starts": killed_while_the_pod_starts,
    "while the pod starts, and it runs before the restart": (
        killed_while_the_pod_starts_and_it_runs_meanwhile
    ),
    "and the result is lost with its pod": killed_and_the_result_lost_with_its_pod,
    "and the finished Job is deleted": killed_and_the_job_lost,
    "before the result is recorded": killed_before_the_result_is_recorded,
    "before the Job is deleted": killed_at(OLD_JOB, status=500, times=None),
}


@pytest.mark.parametrize("killed_when", one_in(2, STEPS))
async def test_a_cleanup_happens_once_though_the_operator_is_killed(
    killed_when: str, world: World, process: Process, operator: Operator
) -> None:
    name = world.early_name()
    directory = await world.company(name, "warning")
    killed = process()
    await killed.start()
    await world.scanned(name)
    await world.quiet()
    await STEPS[killed_when](world, name, killed)
    async with operator() as restarted:
        world.cluster.kubelet.release()
        with restarted.hurry():
            status = await world.cleaned(name)
            await world.quiet()
    assert len(status["history"]) == 1
    assert status["lastHandledRequest"] == "now"
    assert completed_runs(directory) == [status["history"][0]["run"]]
    assert begun_runs(directory) == 1
    assert "Traceback" not in killed.log


async def test_a_cleanup_happens_once_though_the_operator_is_killed_again_and_again(
    world: World, process: Process, operator: Operator
) -> None:
    name = world.early_name()
    directory = await world.company(name, "warning")
    killed = process()
    await killed.start()
    await world.scanned(name)
    await world.quiet()
    await world.ask(name, "now")
    at = f"namespaces/{world.namespace}/.*(jobs|pods|claims|status)"
    for requests in (1, 8, 10, 11, 12, 14, 15):
        # A delay of nothing only counts what comes by, of the cluster's own controllers too.
        counter = world.cluster.delay(0, path=at, times=None)

        async def reached(counter: Fault = counter, requests: int = requests) -> bool:
            return counter.hits >= requests or bool((await world.status(name)).get("history"))

        await until(reached, f"{requests} requests")
        await killed.kill()
        world.cluster.forgive(counter)
        await killed.start()
    await killed.kill()
    async with operator() as last:
        with last.hurry():
            status = await world.cleaned(name)
            await world.quiet()
    assert len(status["history"]) == 1
    assert completed_runs(directory) == [status["history"][0]["run"]]
    assert begun_runs(directory) == 1
    assert "Traceback" not in killed.log
