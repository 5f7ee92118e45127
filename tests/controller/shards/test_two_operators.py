"""Two operators as processes share a fleet: each holds its own half; whoever dies, and whatever N is, once is once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.controller.ha.test_takeover import ROOM
from tests.controller.live.world import World, begun_runs, completed_runs, until
from tests.controller.shards.conftest import ShardReplica

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def history(world: World, runs: int) -> list[str] | None:
    """The runs of the tenant's history, once there are so many."""
    found = (await world.status("acme")).get("history") or []
    return [entry["run"] for entry in found] if len(found) >= runs else None


async def cleaned_once_more(worlds: list[World], directories: list[Path], runs: int) -> None:
    """Every tenant has had so many cleanups, and each of them was done once."""
    for world, directory in zip(worlds, directories, strict=True):
        ended = f"{runs} cleanups have ended"
        told: list[str] = await until(partial(history, world, runs), ended, 60.0)
        await world.quiet()
        assert len(told) == runs
        assert sorted(completed_runs(directory)) == sorted(told)
        # The second one finds nothing that is left to remove.
        assert begun_runs(directory) == 1


async def begin_cleanups(worlds: list[World], token: str) -> None:
    """Ask for a cleanup of each tenant, and hold its pod where it is."""
    worlds[0].cluster.kubelet.hold()
    for world in worlds:
        await world.ask("acme", token)
    for world in worlds:
        await until(world.job_pods, "the cleanup's pod is there")


async def test_two_operators_share_a_fleet_and_nothing_is_done_twice(
    worlds: list[World], make: Callable[[int], ShardReplica]
) -> None:
    directories = [await world.company("acme", "old", thresholds=ROOM) for world in worlds]
    both = [make(2), make(2)]
    await asyncio.gather(*(each.start() for each in both))
    await asyncio.gather(*(each.becomes("acting") for each in both))
    for world in worlds:
        await world.scanned("acme")

    # Each has its own half in memory, and no more.
    for each in both:
        assert await each.metric("baileys_janitor_tenants{") == 1
        assert await each.metric("baileys_janitor_shard_held{") == 1
    for world in worlds:
        await world.quiet()

    # One dies in the middle of a cleanup of each half.
    await begin_cleanups(worlds, "one")
    await both[0].kill()

    async def all_in_one() -> bool:
        return await both[1].metric("baileys_janitor_tenants{") == 2

    await until(all_in_one, "the other one has taken the shard over", 60.0)
    worlds[0].cluster.kubelet.release()
    await cleaned_once_more(worlds, directories, 1)

    # N is changed, in the middle of a cleanup of each half.
    await begin_cleanups(worlds, "two")
    new = make(1)
    await new.start()
    await new.becomes("standby")
    assert await both[1].state() == "acting"
    assert await both[1].terminate() == 0
    await new.becomes("acting")
    worlds[0].cluster.kubelet.release()
    await cleaned_once_more(worlds, directories, 2)

    for each in (both[1], new):
        assert "Traceback" not in each.log
