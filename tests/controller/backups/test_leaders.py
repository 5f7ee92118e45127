"""Two operators as processes: the one that leads is killed, or frozen, while the Job of a backup is under way."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.backup.servers import free_port
from tests.controller.backups.backups import Backups
from tests.controller.ha.replicas import Replica
from tests.controller.live.world import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(
        not os.environ.get("ALL_CHECKS"), reason="waits for a minute: ALL_CHECKS=1 runs it"
    ),
]
NAMES = ("acme", "bank")


@pytest_asyncio.fixture(loop_scope="session")
async def pair(world: Backups, tmp_path: Path) -> AsyncIterator[tuple[Replica, Replica]]:
    """The leader and the standby; both are killed in the end."""
    await world.secrets()
    await world.bots(*NAMES)
    async with aiohttp.ClientSession() as http:
        made = []
        for name in ("leader", "standby"):
            settings = world.configured(
                leaderElection={
                    "enabled": True,
                    "namespace": world.namespace,
                    "duration": "6s",
                    "renewInterval": "2s",
                },
                probes={"enabled": True, "address": "127.0.0.1", "port": free_port()},
            )
            made.append(Replica(settings, world.cluster.kubeconfig, tmp_path / name, http))
        for each, state in zip(made, ("acting", "standby"), strict=True):
            await each.start()
            await each.becomes(state)
        yield made[0], made[1]
        for each in made:
            if each.code is None:
                each.thaw()
            await each.kill()


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
async def test_what_the_job_of_a_leader_that_is_gone_has_put_is_known_to_its_successor(
    world: Backups, pair: tuple[Replica, Replica], trouble: str
) -> None:
    leader, standby = pair
    for name in NAMES:
        await world.scanned(name)
    world.cluster.kubelet.hold()

    async def there() -> bool:
        return any("backup" in job["metadata"]["name"] for job in await world.jobs())

    await until(there, "the Job of the backup is there")
    await until(world.job_pods, "its pod is there")
    if trouble == "killed":
        await leader.kill()
    else:
        leader.freeze()
    await standby.becomes("acting")
    world.cluster.kubelet.release()
    if trouble == "frozen":
        # It wakes up while its successor is at work.
        leader.thaw()
        await leader.becomes("standby")
    for name in NAMES:
        put = await world.backed_up(name)
        assert [put["archive"]] == world.archives(name)
        assert put["archives"] == 1
    assert "of an earlier operator is taken up" in standby.log
    assert all("Traceback" not in each.log for each in pair)
