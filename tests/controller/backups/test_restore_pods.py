"""The Job of a restore on a node: its two containers, what they mount, and how it ends."""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from baileys_janitor.backup.restore_job.result import RestoreResult
from baileys_janitor.controller.backups import restore_jobs
from baileys_janitor.controller.backups.restore_jobs import RestoreRequest
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.manifest import Pod
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.run_as import RunAs
from tests.backup.sessions import SECRET
from tests.controller.backups.backups import Backups, first_backups
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import PODS, until
from tests.volume.directories import held

pytestmark = pytest.mark.asyncio(loop_scope="session")
Object = dict[str, Any]
Operator = Callable[..., LocalOperator]
REQUEST = RestoreRequest(run="restore-1", repository="moscow", identity_secret="recovery")
PLACE = Place(identity=RunAs(1000))


class Restores:
    """A tenant that was backed up, and whose bot and session are gone."""

    def __init__(self, world: Backups, tenant: TenantRecord) -> None:
        self.world = world
        self.tenant = tenant
        self.session = world.directories[tenant.name]

    async def start(self, request: RestoreRequest) -> str:
        """Make the Job; return its name."""
        job = restore_jobs.restore_job(
            self.tenant, request, PLACE, Pod(image="janitor:1"), time.time()
        )
        job["metadata"]["name"] = name = f"janitor-restore-{random.token_hex(3)}"
        await self.world.client.create("batch/v1/jobs", self.world.namespace, job)
        return name

    async def pod(self, job: str) -> Object | None:
        found = await self.world.client.select(PODS, self.world.namespace)
        return next((p for p in found["items"] if p["metadata"]["name"].startswith(job)), None)

    async def ended(self, job: str) -> RestoreResult | Fault:
        async def over() -> RestoreResult | Fault | None:
            pod = await self.pod(job)
            finished = None if pod is None else faults.finished(pod)
            return None if finished is None else restore_jobs.read_result(finished)

        found: RestoreResult | Fault = await until(over, f"{job} ends")
        return found

    async def restored(self, **changes: Any) -> RestoreResult | Fault:
        return await self.ended(await self.start(replace(REQUEST, **changes)))


async def gone(
    world: Backups, operator: Operator, name: str = "acme"
) -> tuple[Restores, dict[str, bytes]]:
    """A tenant that was backed up and then lost everything; what it had."""
    await world.secrets()
    await world.secret("recovery", identity=SECRET)
    await world.bot(name)
    async with operator() as running:
        await first_backups(world, running, name)
        tenant = running.reconciler.cache.tenants[world.namespace, name]
    await world.client.delete(PODS, world.namespace, f"bot-{name}")
    await world.gone(PODS, f"bot-{name}")
    found = Restores(world, tenant)
    before = held(found.session)
    for path in list(found.session.iterdir()):
        path.unlink()
    return found, before


async def test_a_pod_of_two_containers_brings_a_session_back(
    world: Backups, operator: Operator
) -> None:
    restores, before = await gone(world, operator)
    dry = await restores.restored(dry_run=True)
    assert isinstance(dry, RestoreResult), dry
    assert dry.outcome == "DryRun"
    assert not list(restores.session.iterdir())
    result = await restores.restored()
    assert isinstance(result, RestoreResult), result
    assert (result.outcome, result.vouched) == ("Completed", True)
    assert result.restored == dry.restored
    there = held(restores.session)
    assert len(there) == result.files
    assert there.keys() < before.keys()
    assert all(data == before[name] for name, data in there.items() if name.startswith("pre-key"))


async def test_what_is_wrong_with_the_secrets_is_said_by_the_pod(
    world: Backups, operator: Operator
) -> None:
    restores, _ = await gone(world, operator)
    missing = await restores.restored(read_secret="nowhere")
    assert isinstance(missing, Fault)
    assert missing.reason == "SecretMissing"
    assert f"The Secret nowhere in the namespace {world.namespace}" in missing.message
    keyless = await restores.restored(identity_secret="store")
    assert isinstance(keyless, Fault)
    assert keyless.reason == "IdentityUnreadable"
    assert not list(restores.session.iterdir())


@pytest.mark.parametrize("container", ["fetch", "janitor"])
async def test_a_pod_that_is_killed_leaves_a_session_that_the_next_one_completes(
    world: Backups, operator: Operator, container: str
) -> None:
    restores, _ = await gone(world, operator)
    kubelet = world.cluster.kubelet
    job = await restores.start(REQUEST)

    async def killed() -> bool:
        pod = await restores.pod(job)
        if pod is None:
            return False
        if faults.finished(pod) is not None:
            return True
        try:
            kubelet.kill(world.namespace, pod["metadata"]["name"], container)
        except LookupError:
            return False
        return False

    await until(killed, f"{job} is over")
    left = held(restores.session)
    again = await restores.restored(run="restore-2")
    assert isinstance(again, RestoreResult), again
    assert again.outcome in {"Completed", "NothingToDo"}
    there = held(restores.session)
    assert "creds.json" in there
    assert not (restores.session / ".cleanup.lock").exists()
    assert left.keys() <= there.keys()
