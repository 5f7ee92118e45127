"""An operator that starts while Jobs of an earlier one are under way: what they bring counts, and counts once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from baileys_janitor.status.changes import JobEnded
from tests.backup.servers import free_port
from tests.controller.backups.backups import Backups, first_backups
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import JOBS, TENANTS, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
Object = dict[str, Any]


@contextlib.asynccontextmanager
async def begun(
    world: Backups, operator: Operator, clock: SkippingClock, *names: str
) -> AsyncIterator[Object]:
    """An operator ends while the Job of a backup has a pod that has not started; yield that Job."""
    async with operator(clock, knows=len(names)) as running:
        for name in names:
            await world.scanned(name)
        await until(running.idle, "the first looks are over")
        world.cluster.kubelet.hold()
        running.skip(60)
        (job,) = await world.begun()
        await until(world.job_pods, "the pod is there")
    yield job
    world.cluster.kubelet.release()


def ended(running: LocalOperator, action: str = "backup") -> list[JobEnded]:
    """What ends from now on."""
    found: list[JobEnded] = []

    def hear(change: object) -> None:
        if isinstance(change, JobEnded) and change.action == action:
            found.append(change)

    running.reconciler.bus.subscribe(hear)
    return found


async def test_a_successor_takes_in_what_the_job_of_an_earlier_operator_brings(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    names = ["acme", "bank", "cafe"]
    await world.bots(*names)
    clock = SkippingClock()
    async with begun(world, operator, clock, *names) as job, operator(clock) as running:
        jobs = ended(running)
        await until(lambda: len(list(running.reconciler.backups.tracker)) == 1, "it is taken up")
        world.cluster.kubelet.release()
        for name in names:
            put = await world.backed_up(name)
            assert [put["archive"]] == world.archives(name)
            (known,) = world.known(running, name).archives
            assert known.held == known.verified
            assert len(known.held) == 1
        await until(running.idle, "all is over")
        assert [each.members for each in jobs] == [3]
        await until(lambda: gone(world, job), "the Job is deleted")
        # All of them are known, so that nothing is put again, and of the old ones none is left over for ever.
        running.skip(3600)
        await world.unchanged(running, "acme")
        assert all(len(world.archives(name)) == 1 for name in names)


async def test_what_an_earlier_operator_has_taken_in_is_not_counted_twice(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    closed = world.repository(endpoint=f"http://127.0.0.1:{free_port()}")
    await world.bot("acme", backup={"repositories": [closed]})
    clock = SkippingClock()
    # The Job is not deleted: the first operator ends between the status and that.
    kept = world.cluster.fail(503, method="DELETE", path=f"{world.namespace}/jobs/", times=None)
    async with operator(clock, knows=1) as running:
        await world.scanned("acme")
        running.skip(60)
        await world.failed("acme", "Unreachable")
        (job,) = await world.begun()
    async with operator(clock) as running:
        await until(
            lambda: any(each.settled for each in running.reconciler.backups.tracker),
            "the Job is taken up, and its result is read",
        )
        world.cluster.forgive(kept)
        await until(lambda: gone(world, job), "the Job is deleted")
        assert (await world.repositories("acme"))["moscow"]["failures"] == 1
        record = running.reconciler.cache.tenants[world.namespace, "acme"]
        assert record.backup.repositories["moscow"].failures == 1


async def test_a_job_that_is_created_while_the_operator_dies_is_taken_up(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme", schedule={"scanInterval": "1h", "adaptive": False})
    clock = SkippingClock()
    async with operator(clock, knows=1) as running:
        await world.scanned("acme")
        await until(running.idle, "the first look is over")
        # The API server creates it, and its answer never comes.
        world.cluster.kubelet.hold()
        creations = f"{world.namespace}/jobs"
        world.cluster.cut(method="POST", path=creations, times=1)
        world.cluster.fail(503, method="POST", path=creations, times=None)
        running.skip(60)
        (job,) = await world.begun()
    world.cluster.forgive()
    async with operator(clock) as running:
        jobs = ended(running)
        world.cluster.kubelet.release()
        put = await world.backed_up("acme")
        await until(running.idle, "all is over")
        assert [put["archive"]] == world.archives("acme")
        assert len(jobs) == 1
        await until(lambda: gone(world, job), "the Job is deleted")


async def test_a_job_whose_creation_is_answered_late_is_made_once(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme", schedule={"scanInterval": "1h", "adaptive": False})
    async with operator(knows=1) as running:
        await world.scanned("acme")
        await until(running.idle, "the first look is over")
        jobs = ended(running)
        answers = world.cluster.cut(method="POST", path=f"{world.namespace}/jobs", times=1)
        running.skip(60)
        await world.backed_up("acme")
        await until(running.idle, "all is over")
        world.cluster.forgive(answers)
        assert len(jobs) == 1
        assert len(world.archives("acme")) == 1


async def test_a_job_that_no_status_names_counts_for_nothing(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme")
    clock = SkippingClock()
    async with begun(world, operator, clock, "acme") as job:
        world.cluster.kubelet.release()
        await until(lambda: world.archives("acme"), "it has put an archive")
        # Somebody makes a Job that looks like one of the operator's in every way.
        forged: Object = {"apiVersion": "batch/v1", "kind": "Job"}
        template = job["spec"]["template"]
        labels = {k: v for k, v in template["metadata"]["labels"].items() if "batch" not in k}
        forged["metadata"] = {"name": "janitor-backup-forged", "labels": job["metadata"]["labels"]}
        forged["spec"] = {
            "backoffLimit": 0,
            "template": {
                "metadata": {
                    "labels": {k: v for k, v in labels.items() if "controller-uid" not in k},
                    "annotations": template["metadata"]["annotations"],
                },
                "spec": template["spec"],
            },
        }
        await world.client.create(JOBS, world.namespace, forged)
        async with operator(clock) as running:
            jobs = ended(running)
            await world.backed_up("acme")
            await until(running.idle, "all is over")
            assert len(jobs) == 1
            archives = [each.time for each in world.known(running, "acme").archives]
            assert len(archives) == 1
            with running.hurry(over_jobs=True):
                await world.quiet()


async def test_a_tenant_that_is_made_anew_gets_nothing_from_the_job_of_its_namesake(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bots("acme", "bank")
    clock = SkippingClock()
    async with begun(world, operator, clock, "acme", "bank"):
        named = [n for n in ("acme", "bank") if (await world.status(n))["backup"].get("jobName")]
        (other,) = {"acme", "bank"} - set(named)
        await world.client.delete(TENANTS, world.namespace, other)
        await world.gone(TENANTS, other)
        await world.tenant(other, other, suspend=True)
        async with operator(clock) as running:
            await until(lambda: len(running.reconciler.cache.tenants) == 2, "they are known")
            with running.hurry(over_jobs=True):
                await until(lambda: list(running.reconciler.backups.tracker), "the Job is taken up")
            world.cluster.kubelet.release()
            await world.backed_up(named[0])
            await until(running.idle, "all is over")
            assert world.known(running, other).archives == ()


async def test_a_drill_of_an_earlier_operator_counts_in_a_namespace_that_is_not_watched(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme")
    clock = SkippingClock()
    async with operator(clock) as running:
        await first_backups(world, running, "acme")
        with running.hurry():
            first = await world.drilled("acme")
        await world.edit("acme", backup={"schedule": "Never"})
        record = running.reconciler.cache.tenants[world.namespace, "acme"]
        await until(lambda: record.resource.generation == 2, "the new spec is known")
        await until(running.idle, "all is over")
        world.cluster.kubelet.hold()
        running.skip(32 * 86_400)
        (job,) = await world.begun("drill", world.home)
        assert job["metadata"]["name"] == (await world.status("acme"))["backup"]["jobName"]
    async with operator(clock) as running:
        jobs = ended(running, "drill")
        world.cluster.kubelet.release()

        async def again() -> bool:
            drill = (await world.repositories("acme"))["moscow"]["drill"]
            return bool(drill["time"] != first["time"] and "reason" not in drill)

        await until(again, "the drill has passed")
        await until(running.idle, "all is over")
        assert len(jobs) == 1
        assert (await world.condition("acme", "Restorable"))["reason"] == "DrillPassed"


def gone(world: Backups, job: Object) -> Any:
    """Whether a Job is no more."""

    async def look() -> bool:
        return all(each["metadata"]["uid"] != job["metadata"]["uid"] for each in await world.jobs())

    return look()
