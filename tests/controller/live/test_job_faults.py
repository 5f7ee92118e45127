"""Jobs that fail, hang or are refused: a clear reason, a back-off, one pending pod at most, and recovery."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.controller.jobs.placement import OWN_LABEL, OWN_VALUE
from baileys_janitor.status.changes import JobEnded
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.runs.journal import Journal
from sandbox.client import Client
from tests.controller.live.operators import LocalOperator
from tests.controller.live.test_events import events
from tests.controller.live.world import JOBS, PODS, World, completed_runs, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
Object = dict[str, Any]


async def waiting_pod(world: World) -> str:
    """Wait until a Job's pod is on a node that holds it, and return its name."""

    async def there() -> str | None:
        for pod in await world.job_pods():
            if pod["spec"].get("nodeName") and pod["status"].get("phase") == "Pending":
                return str(pod["metadata"]["name"])
        return None

    found: str = await until(there, "a Job's pod is on a node")
    return found


async def evict(world: World) -> None:
    """Put the pod that waits out of its node, once the node knows it."""
    name = await waiting_pod(world)

    def done() -> bool:
        world.cluster.kubelet.evict(world.namespace, name)
        return True

    await until(done, "the node puts the pod out")


async def test_an_evicted_pod_is_said_and_made_up_for(world: World, operator: Operator) -> None:
    await world.company("acme", "healthy")
    world.cluster.kubelet.hold()
    async with operator() as running:
        await evict(world)
        ready = await world.ready("acme", "JobEvicted")
        assert ready["status"] == "False"
        world.cluster.kubelet.release()
        running.skip(60)
        await world.ready("acme", "Observing")


@pytest.mark.parametrize("name", ["istio-proxy", "vault-agent"])
async def test_a_container_that_a_webhook_injects_holds_up_no_result(
    world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    create = Client.create

    async def mutated(
        self: Client, resource: str, namespace: str, body: Object, sub: str = ""
    ) -> Object:
        if resource == PODS and body["metadata"].get("labels", {}).get(OWN_LABEL) == OWN_VALUE:
            containers = [*body["spec"]["containers"], {"name": name, "image": "sidecar:1"}]
            spec = body["spec"] | {"containers": sorted(containers, key=lambda one: one["name"])}
            body = body | {"spec": spec}
        return await create(self, resource, namespace, body, sub)

    monkeypatch.setattr(Client, "create", mutated)
    await world.company("acme", "emergency")
    # The Jobs' deadline is far above what a test waits.
    async with operator(job={"deadlineSeconds": 600}):
        status = await world.cleaned("acme")
        await world.quiet()
    assert status["lastCleanup"]["removed"] > 0
    assert (await world.condition("acme", "Ready"))["status"] == "True"


async def test_a_killed_cleanup_is_said_and_done_in_the_end_once(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        world.cluster.kubelet.hold()
        await world.ask("acme", "now")
        await evict(world)
        await world.ready("acme", "JobEvicted")
        world.cluster.kubelet.release()
        with running.hurry():
            status = await world.cleaned("acme")
            await world.quiet()
    assert completed_runs(directory) == [status["history"][0]["run"]]


async def test_a_cleanup_that_is_killed_in_the_middle_is_told_as_killed(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning", schedule={"triggerInterval": "7d"})
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        counted = (await world.status("acme"))["files"]["counted"]
        world.cluster.kubelet.hold()
        await world.ask("acme", "now")
        await waiting_pod(world)
        run = (await world.status("acme"))["run"]["id"]
        _begin(directory, run)
        await evict(world)
        await world.ready("acme", "JobEvicted")
        world.cluster.kubelet.release()
        with running.hurry():
            status = await world.cleaned("acme", "Killed")
            await until(lambda: _counted_after(world), "the next scan counts what is left")
        await world.quiet()
    last = (await world.status("acme"))["lastCleanup"]
    assert (last["run"], last["before"], last["after"]) == (run, counted, counted)
    assert "killed in the middle" in status["lastCleanup"]["message"]
    (killed,) = [e for e in await events(world, "acme") if e["reason"] == "CleanupKilled"]
    assert f"{counted} files counted before it" in killed["note"]


def _begin(directory: Path, run: str) -> None:
    """Leave what a cleanup leaves that is killed right after it has begun."""
    session = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        Journal(session, owners_of(session)).begin(run, "Requested", "", int(time.time()))
    finally:
        os.close(session)


async def _counted_after(world: World) -> bool:
    return "after" in (await world.status("acme"))["lastCleanup"]


async def test_a_cleanup_that_never_succeeds_is_given_up_and_recorded(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        world.cluster.kubelet.hold()
        await world.ask("acme", "now")
        for attempt in range(3):
            await evict(world)
            await world.quiet()
            running.skip(20 * 2**attempt)
        status = await world.cleaned("acme", "Failed")
        world.cluster.kubelet.release()
    assert "Given up after 3 Jobs" in status["lastCleanup"]["message"]
    assert completed_runs(directory) == []


async def test_a_pod_that_finds_no_node_is_said_and_never_joined_by_a_second_one(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator(job={"nodeSelector": {"disk": "none"}}) as running:
        await until(world.job_pods, "a scan's pod is there")
        running.skip(60)
        ready = await world.ready("acme", "Unschedulable")
        assert ready["status"] == "False"
        await world.ask("acme", "now")
        for _ in range(8):
            running.skip(20)
            await until(running.still, "all that is due has been done")
            assert len(await world.job_pods()) <= 1
        running.skip(300)
        await until(running.still, "all that is due has been done")
        assert len(await world.job_pods()) <= 1


async def stuck_on_its_node(world: World, running: LocalOperator) -> None:
    """Have the second scan's pod find its node, and never start there."""
    await world.scanned("acme")
    await world.quiet()
    world.cluster.kubelet.hold()
    running.skip(60)
    await waiting_pod(world)
    running.skip(60)


async def test_a_pod_that_does_not_start_on_its_node_is_said(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    async with operator() as running:
        await stuck_on_its_node(world, running)
        ready = await world.ready("acme", "VolumeNotMounted")
        assert ready["status"] == "False"
        world.cluster.kubelet.release()
        with running.hurry():
            await world.ready("acme", "Observing")


async def test_why_a_pod_could_not_start_is_still_said_when_it_is_ended(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    async with operator() as running:
        await stuck_on_its_node(world, running)
        await world.ready("acme", "VolumeNotMounted")
        await evict(world)
        tenant = running.reconciler.cache.tenants[world.namespace, "acme"]
        await until(lambda: tenant.backoff.failures > 0, "the scan's end is taken in")
        await world.quiet()
        assert (await world.condition("acme", "Ready"))["reason"] == "VolumeNotMounted"
        world.cluster.kubelet.release()


async def test_a_pod_that_never_starts_is_given_up_and_taken_away(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    world.cluster.kubelet.hold()
    async with operator() as running:
        await waiting_pod(world)
        [job] = await world.jobs()
        running.skip(60)
        await world.ready("acme", "VolumeNotMounted")
        running.skip(300)
        await world.gone(JOBS, job["metadata"]["name"])
        world.cluster.kubelet.release()
        with running.hurry():
            await world.ready("acme", "Observing")


async def test_a_job_whose_pod_is_never_admitted_is_said_with_the_reason(
    world: World, operator: Operator, sandbox_only: None
) -> None:
    await world.company("acme", "healthy")
    fault = world.cluster.fail(
        403, method="POST", path=f"{world.namespace}/pods", times=None, message="exceeded quota"
    )
    async with operator() as running:
        await until(world.jobs, "a scan's Job is there")
        await until(lambda: fault.hits, "its pod is refused")
        running.skip(20)
        with running.hurry(over_jobs=True):
            ready = await world.ready("acme", "PodRefused")
        assert "exceeded quota" in ready["message"]
        world.cluster.forgive(fault)
        with running.hurry():
            await world.ready("acme", "Observing")


async def test_a_directory_that_is_not_there_is_said_and_found_when_it_comes(
    world: World, operator: Operator
) -> None:
    directory = await world.claim("acme")
    await world.workload("acme")
    await world.tenant("acme", "acme", path="company_1")
    async with operator() as running:
        ready = await world.ready("acme", "DirectoryMissing")
        assert ready["status"] == "False"
        world.session(directory / "company_1", "healthy")
        running.skip(60)
        await world.ready("acme", "Observing")


async def test_a_failing_scan_backs_off(world: World, operator: Operator) -> None:
    await world.claim("acme")
    await world.workload("acme")
    await world.tenant("acme", "acme", path="company_1", schedule={"scanInterval": "10s"})
    ended: list[JobEnded] = []
    async with operator() as running:
        running.reconciler.bus.subscribe(
            lambda news: ended.append(news) if isinstance(news, JobEnded) else None
        )
        await world.ready("acme", "DirectoryMissing")
        for _ in range(40):
            running.skip(15)
            await until(running.idle, "the operator is idle")
    # Ten minutes at 10 s would be sixty; with 15, 30, 60, 120, 240 s between them they are six.
    assert 2 <= len(ended) <= 7


async def test_a_job_that_somebody_suspends_is_told_as_that_and_made_up_for(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    world.cluster.kubelet.hold()
    async with operator() as running:
        await waiting_pod(world)
        (job,) = await world.jobs()
        name, suspended = job["metadata"]["name"], {"spec": {"suspend": True}}
        await world.client.patch(JOBS, world.namespace, name, suspended)
        ready = await world.ready("acme", "JobSuspended")
        assert "spec.suspend is true" in ready["message"]
        world.cluster.kubelet.release()
        with running.hurry():
            await world.ready("acme", "Observing")
