"""The clock of the operator's node is set, ahead and back: scans go on, and an Emergency is cleaned."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.api.values.timestamps import from_rfc3339
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
HOUR, DAY = 3600.0, 86_400.0


def flood(directory: Path) -> None:
    """250 sessions that nobody has used for long."""
    old = time.time() - 20 * DAY
    for number in range(250):
        file = directory / f"session-55{number:04}.0.json"
        file.write_bytes(b"x")
        os.utime(file, (old, old))


@pytest.mark.parametrize("steps", [(-HOUR,), (400 * DAY, -400 * DAY)], ids=["back", "ahead"])
async def test_nothing_stands_still_while_the_clock_is_wrong_nor_when_it_is_right_again(
    world: World, operator: Operator, steps: tuple[float, ...]
) -> None:
    directory = await world.company(
        "acme", "healthy", schedule={"scanInterval": "10s", "adaptive": False}
    )
    async with operator() as running:
        await world.scanned("acme")
        tenant = running.reconciler.cache.tenants[world.namespace, "acme"]
        for step in steps:
            running.clock.set(step)
            acts = tenant.scan.begun_at
            running.skip(20)
            await until(lambda acts=acts: tenant.scan.begun_at != acts, "it is scanned again")
            assert running.reconciler.behind() < 60
            assert (await world.status("acme"))["level"] == "Healthy"
        flood(directory)
        running.skip(20)
        status = await world.cleaned("acme")
        assert status["history"][0]["reason"] == "Emergency"
        now = running.clock.now()
    assert abs((from_rfc3339(status["lastScanTime"]) or 0) - now) < HOUR
    assert (from_rfc3339(status["cooldownUntil"]) or 0) <= now + 6 * HOUR
