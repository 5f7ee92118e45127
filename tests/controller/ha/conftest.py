"""The cluster and the worlds of the live tests, and operators that contend for a Lease."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.controller.ha.replicas import Replica, Replicas
from tests.controller.live.conftest import (  # noqa: F401 - fixtures
    cluster,
    kubeconfig,
    nothing_unforeseen,
    operator,
    sandbox_only,
    world,
)
from tests.controller.live.world import World
from tests.ports import free_port as free_port


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session")
async def replicas(
    world: World,  # noqa: F811 - the fixture
    kubeconfig: Path,  # noqa: F811 - the fixture
    tmp_path: Path,
    http: aiohttp.ClientSession,
) -> AsyncIterator[Replicas]:
    """Makes replicas of one operator for the test's namespace; those that still run are killed in the end."""
    numbers = itertools.count()
    made: list[Replica] = []

    def make(duration: str = "10s", renew: str = "2s", **settings: object) -> Replica:
        election = {"enabled": True, "namespace": world.namespace, "duration": duration}
        fields = {
            "watchNamespaces": [world.namespace],
            "leaderElection": election | {"renewInterval": renew},
            "probes": {"enabled": True, "address": "127.0.0.1", "port": free_port()},
            **settings,
        }
        made.append(Replica(fields, kubeconfig, tmp_path / str(next(numbers)), http))
        return made[-1]

    yield Replicas(world, make)
    for each in made:
        await each.kill()


@pytest.fixture
def port() -> Callable[[], int]:
    return free_port
