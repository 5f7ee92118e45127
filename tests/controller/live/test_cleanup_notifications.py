"""Cleanups and daily summaries are reported together, and once, across restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.api.values.timestamps import to_rfc3339
from tests.controller.live.notified import (
    Telling,
    kept,
    passing,
    settings,
    settled,
)
from tests.controller.live.operators import SkippingClock
from tests.controller.live.world import World, until
from tests.notify.receivers import Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")


def ended(clock: SkippingClock, removed: int = 12, outcome: str = "Completed") -> dict[str, Any]:
    """A cleanup that is over just now, as a status has it."""
    now = clock.now()
    return {
        "run": f"run-{now}",
        "time": to_rfc3339(now),
        "reason": "Trigger",
        "outcome": outcome,
        "removed": removed,
        "freedBytes": 1000 * removed,
        "before": 190,
        "after": 190 - removed,
    }


def cleaned(telling: Telling, name: str, removed: int = 12) -> None:
    """Have a tenant's cleanup be over."""
    key = "shop", name
    known = telling.cache.tenants[key].cleanup.history if key in telling.cache.tenants else []
    entry = ended(telling.clock, removed)
    telling.put(name, "Healthy", lastCleanup=entry, history=[entry, *known])


async def test_cleanups_are_told_together_and_once_across_restarts(
    telling: Telling, receiver: Receiver, world: World
) -> None:
    telling.put("acme", "Healthy")
    for turn in range(3):
        async with telling.running():
            for number in range(50):
                cleaned(telling, f"t{turn}-{number}")
            await passing(telling, receiver, turn + 1)
            await settled(telling, world)
        # One ends while nobody is there.
        cleaned(telling, f"alone-{turn}")
        telling.clock.skip(30)
    async with telling.running():
        await passing(telling, receiver, 4)
        await settled(telling, world)
    told = [run["name"] for request in receiver.taken for run in request.json["cleanups"]["runs"]]
    counts = [request.json["cleanups"]["count"] for request in receiver.taken]
    assert counts == [50, 51, 51, 1]
    assert len(told) == len(set(told))


async def test_a_run_that_removed_too_much_does_not_wait_for_the_others(
    world: World, kubeconfig: Path, receiver: Receiver
) -> None:
    telling = Telling(settings(world.namespace, cleanupInterval="6h"), SkippingClock())
    telling.put("acme", "Healthy")
    async with telling.running():
        cleaned(telling, "beta")
        for _ in range(10):
            telling.clock.skip(60)
            await asyncio.sleep(0.01)
        assert receiver.requests == []
        cleaned(telling, "acme", removed=1500)
        (request,) = await passing(telling, receiver, 1)
    assert request.json["title"] == "Warning: a cleanup of shop/acme removed 1,500 files"
    assert request.json["severity"] == "Warning"


async def test_the_daily_summary_comes_once_a_day_across_restarts_and_an_outage(
    world: World, kubeconfig: Path, receiver: Receiver
) -> None:
    clock = SkippingClock()
    clock.skip(86_400 - (clock.now() - 12 * 3600) % 86_400)  # it is noon, whenever this runs
    telling = Telling(settings(world.namespace, summary={"schedule": "0 8 * * *"}), clock)
    for number in range(20):
        telling.put(f"t{number}", "Healthy")

    def summaries() -> list[str]:
        found = [request.json for request in receiver.taken]
        return [each["title"] for each in found if each["type"] == "summary"]

    # Six looks an hour, and a restart every five hours, for three days.
    for _ in range(15):
        async with telling.running():
            for _ in range(30):
                clock.skip(600)
                await asyncio.sleep(0.01)
            await until(lambda: kept(world), "the first look is kept")
    assert len(summaries()) == len(set(summaries())) == 3
    # Two days without any operator: what is missed is one summary, not two.
    clock.skip(2 * 86_400)
    async with telling.running():
        await until(lambda: clock.skip(10) or len(summaries()) == 4, "it is made up for")
        await settled(telling, world)
    assert len(summaries()) == 4
