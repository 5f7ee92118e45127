"""Two operators and every trouble there is: each request happens once, and no operator ever ends by itself.

CHAOS_SECONDS and CHAOS_SEED make it longer and different: `make chaos`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from tests.controller.ha.chaos import Chaos, Requests, SteppedReplica, happened_once
from tests.controller.ha.conftest import free_port
from tests.controller.live.world import World, until

SECONDS = float(os.environ.get("CHAOS_SECONDS", "10"))
SEED = int(os.environ.get("CHAOS_SEED", "12"))
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
    pytest.mark.timeout(SECONDS + 160),
]
ROOM = {"warning": 900, "critical": 910, "trigger": 920, "emergency": 930, "danger": 940}
"""Thresholds far above what a session holds: it is cleaned when that is asked for, and only then."""
COMPANIES = {"acme": "old", "bravo": "warning", "coral": "healthy"}


@pytest_asyncio.fixture(loop_scope="session")
async def pair(
    world: World, kubeconfig: Path, tmp_path: Path, http: aiohttp.ClientSession
) -> AsyncIterator[list[SteppedReplica]]:
    election = {"enabled": True, "namespace": world.namespace}
    settings = {
        "watchNamespaces": [world.namespace],
        "defaults": {"schedule": {"dailyCleanup": "Never", "scanInterval": "10s"}},
        "leaderElection": election | {"duration": "4s", "renewInterval": "1s"},
        "circuitBreaker": {"enabled": False},
    }
    made = []
    for number in range(2):
        probes = {"enabled": True, "address": "127.0.0.1", "port": free_port()}
        directory = tmp_path / f"replica-{number}"
        made.append(SteppedReplica(settings | {"probes": probes}, kubeconfig, directory, http))
    yield made
    for each in made:
        await each.kill()


async def test_whatever_happens_each_request_is_one_cleanup_and_nobody_ends(
    world: World, pair: list[SteppedReplica]
) -> None:
    directories = {
        name: await world.company(name, scenario, thresholds=ROOM)
        for name, scenario in COMPANIES.items()
    }
    for each in pair:
        await each.start()
    for name in directories:
        await world.scanned(name)
    requests, chaos = Requests(world, list(directories)), Chaos(world, pair, SEED)
    asking = asyncio.create_task(requests.run())
    try:
        await chaos.run(SECONDS)
    finally:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await chaos.calm()
        print(f"seed {SEED}: {' '.join(chaos.told)}; asked {requests.asked}")
    await happened_once(world, requests, directories)

    async def at_rest() -> bool:
        # Finished Jobs of an earlier leader may stay for two minutes, and scans go on.
        return all(
            (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
            for pod in await world.job_pods()
            if pod["metadata"]["labels"].get(ACTION_LABEL) == "clean"
        )

    await until(at_rest, "no cleanup is at work any more")
    assert sum(requests.asked.values()) >= len(directories)
    for each in pair:
        each.check()
        assert "Traceback" not in each.log
