"""A tenant that is renamed in Git: one with the new name is created, the old one deleted, and the directory goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import OPERATIONS, TENANTS, completed_runs
from tests.controller.operations.test_live import files
from tests.controller.operations.world import Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


async def test_what_the_old_name_cleaned_the_new_name_puts_back(
    world: Asked, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    before = files(directory)
    async with operator() as running:
        await world.scanned("acme")
        await world.operate("tidy", "acme", "Clean")
        cleaned = await world.over("tidy")
        await world.tenant("acme-ltd", "acme")
        await world.ready("acme-ltd", "DuplicateDirectory")
        await world.client.delete(TENANTS, world.namespace, "acme")
        await world.gone(OPERATIONS, "tidy")
        # Whoever still uses the old name is told, and nothing is done under it.
        await world.operate("late", "acme", "Clean")
        await world.waits("late", "TenantNotFound")
        with running.hurry():
            await world.scanned("acme-ltd")
        # The new tenant's history is empty, so that the run must be named; the directory's journal has it.
        await world.operate("guess", "acme-ltd", "Undo")
        assert "spec.undo.run" in (await world.over("guess", "Failed"))["message"]
        await world.operate("back", "acme-ltd", "Undo", undo={"run": cleaned["run"]})
        back = await world.over("back")
        assert back["result"]["restored"] == cleaned["result"]["removed"]
    assert files(directory) == before
    assert completed_runs(directory)[0] == cleaned["run"]
