"""Many tenants: shared scans and claims, the circuit breaker, the fleet's ceiling, and what it all costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from baileys_janitor.controller.jobs.manifest import ACTION_LABEL, claims_of
from baileys_janitor.controller.jobs.timeouts import POD_STARTS_SECONDS, SHARED_POD_SECONDS
from baileys_janitor.tenants.record import TenantRecord
from sandbox import Cluster
from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import TENANTS, World, completed_runs, until
from tests.real.directory import snapshot

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
Object = dict[str, Any]
Process = Callable[..., OperatorProcess]
NO_ELECTION = {"leaderElection": {"enabled": False}}


def writes(cluster: Cluster) -> int:
    """How many patches of tenants the API server has had."""
    return cluster.server.requests.get(("PATCH", "baileystenants"), 0)


async def test_a_directory_that_does_not_change_costs_one_status_write(
    world: World, operator: Operator, sandbox_only: None
) -> None:
    before = writes(world.cluster)
    await world.company("acme", "healthy", schedule={"adaptive": False})
    async with operator() as running:
        first = await world.scanned("acme")
        for _ in range(6):
            await world.quiet()
            running.skip(60)
            await until(world.jobs, "the next scan is under way")
        await world.quiet()
        await until(running.idle, "the operator is idle")
        assert await world.status("acme") == first
    assert writes(world.cluster) - before == 1


async def test_a_new_tenants_first_status_is_the_only_write_it_costs(
    world: World, operator: Operator, sandbox_only: None
) -> None:
    directory = await world.claim("shared")
    await world.workload("shared")
    names = [f"company-{number}" for number in range(20)]
    for name in names:
        world.session(directory / name, "healthy")
        await world.tenant(name, "shared", path=name)
    before = writes(world.cluster)
    async with operator() as running:
        for name in names:
            await world.scanned(name)
        await world.quiet()
        await until(running.idle, "the operator is idle")
    assert writes(world.cluster) - before == len(names)


async def test_finished_jobs_are_deleted_once_their_results_are_in_the_status(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "warning")
    async with operator():
        await world.scanned("acme")
        await world.ask("acme", "now")
        await world.cleaned("acme")
        await world.quiet()


async def test_tenants_of_one_node_share_a_scan_and_a_broken_one_does_not_hold_the_others(
    world: World, operator: Operator
) -> None:
    for name in ("one", "two", "three"):
        world.session(await world.claim(name), "healthy")
        await world.workload(name)
    await world.claim("four")
    await world.workload("four")
    world.cluster.kubelet.hold()
    for name in ("one", "two", "three"):
        await world.tenant(name, name)
    await world.tenant("four", "four", path="nothing-here")
    async with operator(knows=4) as running:
        await until(world.job_pods, "the scans are under way")
        assert len(await world.jobs()) <= 2  # a node each
        world.cluster.kubelet.release()
        for name in ("one", "two", "three"):
            assert (await world.scanned(name))["level"] == "Healthy"
        await world.ready("four", "DirectoryMissing")
        with running.hurry():
            await world.quiet()


async def test_a_batch_whose_pod_does_not_start_is_taken_apart_and_nobody_is_blamed(
    world: World, operator: Operator
) -> None:
    directory = await world.claim("shared")
    await world.workload("shared")
    world.cluster.kubelet.hold()
    for name in ("one", "two"):
        world.session(directory / name, "healthy")
        await world.tenant(name, "shared", path=name)
    async with operator(knows=2) as running:
        await until(world.job_pods, "their scan is under way")
        (together,) = await world.jobs()
        await placed(running)
        running.skip(SHARED_POD_SECONDS + 1)

        async def apart() -> bool:
            names = {job["metadata"]["name"] for job in await world.jobs()}
            return len(names - {together["metadata"]["name"]}) == 2

        await until(apart, "each has a scan of its own")
        for name in ("one", "two"):
            assert running.reconciler.cache.tenants[world.namespace, name].fault is None
        world.cluster.kubelet.release()
        await world.scanned("one")
        await world.scanned("two")


async def test_one_claim_that_cannot_be_mounted_holds_nobody_up_and_is_the_only_one_marked(
    world: World, operator: Operator
) -> None:
    names = ["good", "better", "bad", "best"]
    for name in names:
        directory = await world.claim(name)
        world.session(directory / name, "healthy")
        await world.tenant(name, name, path=name)
    await world.workload(*names)
    world.cluster.kubelet.break_claim(world.namespace, "bad")
    try:
        async with operator(knows=4) as running:
            await until(world.job_pods, "their scan is under way")
            (together,) = await world.jobs()
            assert len(claims_of(together)) == 4
            await placed(running)
            await until(lambda: told(world, "FailedMount"), "the kubelet names the claim")
            running.skip(SHARED_POD_SECONDS + 1)
            for name in ("good", "better", "best"):
                await world.scanned(name)
            running.skip(POD_STARTS_SECONDS + 1)
            ready = await world.ready("bad", "VolumeNotMounted")
            assert "exit status 32" in ready["message"]
            for name in ("good", "better", "best"):
                assert running.reconciler.cache.tenants[world.namespace, name].fault is None
            # Those without fault were scanned together, and not one by one.
            assert running.reconciler.cache.tenants[world.namespace, "good"].jobs.max_batch is None
    finally:
        world.cluster.kubelet.mend_claim(world.namespace, "bad")


async def test_jobs_keep_within_their_cap_and_what_is_urgent_does_not_wait(
    world: World, operator: Operator
) -> None:
    names = [f"company-{number}" for number in range(5)]
    for name in names:
        await world.company(name, "warning")
    world.cluster.kubelet.hold()
    limits = {"jobsInFlight": 2, "tenantsPerScan": 1}
    async with operator(knows=5, limits=limits) as running:
        await until(lambda: scans(world, 2), "as many scans as may run are under way")
        await until(lambda: len(running.reconciler.queue) == 3, "the others wait for their turn")
        waiting = next(n for n in names if tenant_of(running, world, n).jobs.scan is None)
        await world.ask(waiting, "now")
        await until(lambda: cleans(world, 1), "the cleanup that was asked for is under way")
        assert await scans(world, 2)
        world.cluster.kubelet.release()
        for name in names:
            await world.scanned(name)
        await world.cleaned(waiting)


async def test_a_small_namespace_has_its_turn_before_a_large_one_is_through(
    world: World, operator: Operator, cluster: Cluster
) -> None:
    small = World(cluster, f"{world.namespace}-small")
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": small.namespace}})
    for number in range(6):
        await world.company(f"company-{number}", "healthy")
    await small.company("acme", "healthy")
    world.cluster.kubelet.hold()
    limits = {"jobsInFlight": 2, "tenantsPerScan": 1}
    spaces = [world.namespace, small.namespace]
    async with operator(knows=7, limits=limits, watchNamespaces=spaces) as running:
        await until(lambda: len(running.reconciler.tracker) == 2, "two scans are under way")
        assert {tracked.namespace for tracked in running.reconciler.tracker} == set(spaces)
        world.cluster.kubelet.release()
        await small.scanned("acme")
    small.check_sessions()


def tenant_of(running: LocalOperator, world: World, name: str) -> TenantRecord:
    return running.reconciler.cache.tenants[world.namespace, name]


async def scans(world: World, count: int) -> bool:
    return await actions(world, "scan") == count


async def cleans(world: World, count: int) -> bool:
    return await actions(world, "clean") == count


async def actions(world: World, action: str) -> int:
    return sum(job["metadata"]["labels"][ACTION_LABEL] == action for job in await world.jobs())


async def test_a_batch_that_hangs_while_it_runs_is_taken_apart(
    world: World, operator: Operator
) -> None:
    directory = await world.claim("shared")
    await world.workload("shared")
    for name in ("one", "two"):
        world.session(directory / name, "healthy")
        await world.tenant(name, "shared", path=name)
    world.cluster.kubelet.hold()
    async with operator(knows=2) as running:
        await until(world.job_pods, "their scan is under way")
        (tracked,) = list(running.reconciler.tracker)
        # As if its process stood still in a volume that does not answer.
        tracked.started = running.clock.now()
        running.skip(SHARED_POD_SECONDS + 1)
        await until(lambda: tracked.settled, "it was noticed")
        for name in ("one", "two"):
            assert running.reconciler.cache.tenants[world.namespace, name].fault is None
        world.cluster.kubelet.release()
        await world.scanned("one")
        await world.scanned("two")


async def told(world: World, reason: str) -> list[Object]:
    """The Events with this reason."""
    found = await world.client.select("v1/events", world.namespace)
    return [event for event in found["items"] if event["reason"] == reason]


async def placed(running: LocalOperator) -> None:
    """Wait until the operator knows that the one pod under way has a node."""

    def known() -> bool:
        return all(tracked.placed_at is not None for tracked in running.reconciler.tracker)

    await until(known, "the pod has a node")


async def test_several_tenants_share_a_claim_and_are_cleaned_each_by_itself(
    world: World, operator: Operator
) -> None:
    directory = await world.claim("shared")
    await world.workload("shared")
    sessions = {
        "one": world.session(directory / "company_1", "warning"),
        "two": world.session(directory / "company_2", "warning"),
    }
    before = snapshot(sessions["two"])
    for name, session in sessions.items():
        await world.tenant(name, "shared", path=session.name)
    async with operator():
        await world.scanned("one")
        await world.scanned("two")
        await world.ask("one", "now")
        await world.cleaned("one")
        await world.quiet()
    assert snapshot(sessions["two"]) == before
    assert len(completed_runs(sessions["one"])) == 1


async def test_the_breaker_holds_automatic_cleanups_and_says_so(
    world: World, operator: Operator
) -> None:
    for name in ("one", "two"):
        await world.company(name, "old")
    low = {"warning": 10, "critical": 11, "trigger": 12, "emergency": 13, "danger": 13}
    await world.company("three", "old", thresholds=low, suspend=True)
    high = low | {"emergency": 9000, "danger": 9000}
    await world.company("four", "old", thresholds=high, suspend=True)
    breaker = {"percent": 5, "runs": 2, "window": "1h", "hold": "2h"}
    async with operator(circuitBreaker=breaker) as running:
        await world.cleaned("one")
        await world.cleaned("two")
        await world.edit("four", suspend=False)
        running.skip(60)
        ready = await world.ready("four", "CleanupsHeld")
        assert ready["status"] == "True"
        assert "one and two" in ready["message"]
        # An Emergency goes on, and removes a quarter of what it may otherwise: 15 % of the files.
        await world.edit("three", suspend=False)
        running.skip(60)
        status = await world.cleaned("three", "Capped")
        entry = status["history"][0]
        assert entry["reason"] == "Emergency"
        assert 0 < entry["removed"] <= (status["files"]["total"] + entry["removed"]) * 0.15
        # The rest of it waits for the cooldown, and what is no Emergency for the end of the hold.
        running.skip(1200)
        await until(running.idle, "the operator is idle")
        await world.quiet()
        assert len((await world.status("three"))["history"]) == 1
        assert "history" not in await world.status("four")
        running.skip(900)
        await world.cleaned("three", runs=2)
        assert "history" not in await world.status("four")
        running.skip(2 * 3600)
        await world.cleaned("four")


async def test_the_fleets_ceiling_caps_every_tenants_mode(world: World, operator: Operator) -> None:
    directory = await world.company("acme", "emergency", mode="Enforce")
    before = snapshot(directory)
    async with operator(modeCeiling="DryRun"):
        status = await world.cleaned("acme", "DryRun")
    assert status["lastCleanup"]["reason"] == "Emergency"
    assert snapshot(directory) == before


async def test_two_operators_at_a_time_clean_once(
    world: World, operator: Operator, process: Process
) -> None:
    directory = await world.company("acme", "warning")
    other = process(**NO_ELECTION)
    await other.start()
    await until(lambda: "is at work" in other.log, "the other one watches")
    async with operator(**NO_ELECTION) as running:
        await world.scanned("acme")
        for number in range(3):
            await world.ask("acme", f"request {number}")
            with running.hurry():
                await until(
                    lambda number=number: handled(world, number + 1), "the request is answered"
                )
        await world.quiet()
        history = (await world.status("acme"))["history"]
    assert "Traceback" not in other.log
    runs = completed_runs(directory)
    assert sorted(set(runs)) == sorted(runs)
    assert sorted(entry["run"] for entry in history) == sorted(runs)
    assert len(runs) == 3


async def test_a_run_that_another_operator_claims_meanwhile_is_taken_on_not_doubled(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        await until(running.idle, "the operator is idle")
        running.skip(20)
        looked_up = world.cluster.delay(
            1.0, method="GET", path=f"namespaces/{world.namespace}/(pods|persistentvolumeclaims)"
        )
        await world.ask("acme", "now")
        await until(lambda: looked_up.hits, "the operator looks up the claim")
        claim = {
            "id": "20260101-000000-abcdef",
            "reason": "Requested",
            "startTime": "2026-01-01T00:00:00Z",
        }
        act = {"status": {"run": claim, "lastHandledRequest": "now"}}
        await world.client.patch(TENANTS, world.namespace, "acme", act, sub="status")
        with running.hurry():
            status = await world.cleaned("acme")
            await world.quiet()
    assert [entry["run"] for entry in status["history"]] == [claim["id"]]
    assert completed_runs(directory) == [claim["id"]]


async def handled(world: World, runs: int) -> bool:
    status = await world.status("acme")
    return len(status.get("history") or []) >= runs and not status.get("run")


async def test_tenants_deleted_in_bulk_are_forgotten(world: World, operator: Operator) -> None:
    volume = await world.claim("shared")
    await world.workload("shared")
    names = [f"tenant-{number}" for number in range(30)]
    for name in names:
        world.session(volume / name, "healthy")
        await world.tenant(name, "shared", path=name)
    async with operator() as running:
        await world.scanned("tenant-29")
        for name in names:
            await world.client.delete(TENANTS, world.namespace, name)
        with running.hurry():
            await world.quiet()
            await until(lambda: not running.reconciler.cache.tenants, "the tenants are forgotten")
            await until(lambda: not list(running.reconciler.tracker), "their Jobs are forgotten")
            await until(lambda: running.reconciler.cache.next_due() is None, "nothing is due")
