"""From a resource to its first status, and what an unchanged directory costs."""

from __future__ import annotations

import getpass
from collections.abc import Callable

import pytest

from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


async def test_the_operator_may_run_as_a_user_without_a_name(
    world: World, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nameless)
    await world.company("acme", "healthy")
    async with operator():
        status = await world.scanned("acme")
    assert status["level"] == "Healthy"


async def test_a_tenant_gets_its_level_counts_and_conditions_from_its_first_scan(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    async with operator():
        status = await world.scanned("acme")
    assert status["level"] == "Healthy"
    assert status["files"]["counted"] == 128
    true = {c["type"] for c in status["conditions"] if c["status"] == "True"}
    assert true == {"Healthy", "Ready"}
