"""A cluster of its own: operators look after all of its namespaces."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from baileys_janitor.api.generated.crd import crds
from baileys_janitor.controller.shards.layout import shard_of
from sandbox import Cluster
from tests.controller.ha.conftest import free_port
from tests.controller.ha.replicas import Replica
from tests.controller.live.conftest import DEFINITIONS
from tests.controller.live.world import TENANTS, World, until

HOME = "operators"
NEVER = {"schedule": {"dailyCleanup": "Never"}, "credentialsCopies": {"keep": 0}}


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster with one node and the CRD."""
    async with Cluster(tmp_path / "volumes", nodes=1) as started:
        for definition in crds():
            await started.client.create(DEFINITIONS, "", definition)
        await until(lambda: started.client.select(TENANTS), "tenants are served")
        await started.client.create("v1/namespaces", "", {"metadata": {"name": HOME}})
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def worlds(cluster: Cluster) -> AsyncIterator[list[World]]:
    """A namespace of each of two shards."""
    names = [f"tenants-{n}" for n in range(99)]
    found = [next(n for n in names if shard_of(n, 2) == shard) for shard in range(2)]
    for name in found:
        await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    made = [World(cluster, name) for name in found]
    yield made
    cluster.kubelet.release()
    for world in made:
        world.check_sessions()


class ShardReplica(Replica):
    """A replica whose metrics can be read."""

    async def metric(self, line: str) -> float:
        """Return the sum of the samples that begin with `line`."""
        async with self._http.get(self._url.replace(self.probes, self.metrics) + "/metrics") as got:
            text = await got.text()
        return sum(float(x.rsplit(" ", 1)[1]) for x in text.splitlines() if x.startswith(line))

    probes = metrics = ""


@pytest_asyncio.fixture(loop_scope="session")
async def make(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Callable[..., ShardReplica]]:
    """Makes replicas; those that still run are killed in the end."""
    numbers, made = itertools.count(), list[ShardReplica]()

    async with aiohttp.ClientSession() as http:

        def one(shards: int) -> ShardReplica:
            probes, metrics = free_port(), free_port()
            election = {"enabled": True, "namespace": HOME, "duration": "6s", "renewInterval": "2s"}
            fields = {
                "shards": shards,
                "defaults": NEVER,
                "leaderElection": election,
                "probes": {"enabled": True, "address": "127.0.0.1", "port": probes},
                "metrics": {"enabled": True, "address": "127.0.0.1", "port": metrics},
            }
            replica = ShardReplica(fields, cluster.kubeconfig, tmp_path / str(next(numbers)), http)
            replica.probes, replica.metrics = f":{probes}", f":{metrics}"
            made.append(replica)
            return replica

        yield one
        for each in made:
            await each.kill()


@pytest.fixture(autouse=True)
def logs_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "janitor")
