"""Operations in a cluster: a cleanup and its undo, each once, one at a time, with an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import OPERATIONS, TENANTS, completed_runs, until
from tests.controller.operations.world import Asked

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


def files(directory: Path) -> set[str]:
    return {each.name for each in directory.iterdir() if not each.name.startswith(".")}


async def test_a_cleanup_is_done_once_and_put_back_on_request(
    world: Asked, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    before = files(directory)
    async with operator() as running:
        await world.scanned("acme")
        await world.operate("tidy", "acme", "Clean")
        status = await world.over("tidy")
        removed = status["result"]["removed"]
        assert removed > 0
        assert len(files(directory)) == len(before) - removed
        assert completed_runs(directory) == [status["run"]]
        cleaned = await world.cleaned("acme")
        assert cleaned["lastCleanup"]["run"] == status["run"]
        assert cleaned["lastCleanup"]["reason"] == "Requested"

        await world.operate("back", "acme", "Undo")
        back = await world.over("back")
        assert back["run"] == status["run"]
        assert back["result"]["restored"] == removed
        assert files(directory) == before
        await world.quiet()
        await until(running.idle, "nothing is left to do")

        async def told() -> set[tuple[str, str]]:
            events = await world.client.select("events.k8s.io/v1/events", world.namespace)
            return {(e["regarding"]["name"], e["reason"]) for e in events["items"]}

        wanted = {(n, f"Operation{r}") for n in ("tidy", "acme") for r in ("Started", "Completed")}

        async def all_told() -> bool:
            return wanted <= await told()

        await until(all_told, "the Events are written")


async def test_a_dry_run_changes_nothing_and_is_none_of_the_tenants_cleanups(
    world: Asked, operator: Operator
) -> None:
    directory = await world.company("acme", "warning", mode="Observe")
    before = files(directory)
    async with operator():
        await world.scanned("acme")
        await world.operate("look", "acme", "Clean", dryRun=True)
        status = await world.over("look")
        assert status["result"]["outcome"] == "DryRun"
        assert status["result"]["removed"] > 0
        assert files(directory) == before
        await world.quiet()
        assert not (await world.status("acme")).get("lastCleanup")


async def test_two_operations_of_a_tenant_wait_for_each_other(
    world: Asked, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    await world.operate("a-first", "acme", "Clean")
    await world.operate("b-second", "acme", "Clean", clean={"emergency": True})
    async with operator():
        first, second = await world.over("a-first"), await world.over("b-second")
        assert first["completionTime"] <= second["startTime"]
        assert completed_runs(directory)[0] == first["run"]


async def test_an_operation_is_owned_by_its_tenant_and_goes_with_it(
    world: Asked, operator: Operator
) -> None:
    await world.company("acme", "healthy")
    async with operator():
        await world.operate("tidy", "acme", "Clean")
        await world.over("tidy")
        found = await world.operation("tidy")
        owner = found["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"]) == ("BaileysTenant", "acme")
        await world.client.delete(TENANTS, world.namespace, "acme")
        await world.gone(OPERATIONS, "tidy")


async def test_what_cannot_be_done_says_why(world: Asked, operator: Operator) -> None:
    await world.company("acme", "healthy", mode="Observe")
    async with operator(operations={"allowed": ["Clean", "Undo"]}) as running:
        await world.operate("observed", "acme", "Clean")
        assert "Observe" in (await world.over("observed", "Failed"))["message"]
        await world.operate("nothing", "acme", "Undo")
        assert "spec.undo.run" in (await world.over("nothing", "Failed"))["message"]
        await world.operate("unknown", "acme", "Undo", undo={"run": "20260101-030000-abcdef"})
        failed = await world.over("unknown", "Failed")
        assert {c["type"]: c["status"] for c in failed["conditions"]} == {
            "Complete": "False",
            "Failed": "True",
        }
        await world.operate("nobody", "acme-renamed", "Clean")
        with running.hurry():
            await world.waits("nobody", "TenantNotFound")
            failed = await world.over("nobody", "Failed")
        assert "acme-renamed" in failed["message"]


async def test_what_is_not_allowed_fails(world: Asked, operator: Operator) -> None:
    await world.company("acme", "warning")
    async with operator(operations={"allowed": ["Clean"]}):
        await world.operate("back", "acme", "Undo")
        failed = await world.over("back", "Failed")
        assert "config.operations.allowed" in failed["message"]


async def test_a_suspended_tenant_is_waited_for(world: Asked, operator: Operator) -> None:
    await world.company("acme", "warning", suspend=True)
    async with operator():
        await world.operate("tidy", "acme", "Clean")
        await world.waits("tidy", "Suspended")
        await world.edit("acme", suspend=False)
        await world.over("tidy")


async def test_the_last_ones_are_kept_for_a_while(world: Asked, operator: Operator) -> None:
    await world.company("acme", "healthy")
    clock = SkippingClock()
    async with operator(clock, operations={"history": {"keep": 2, "maxAge": "30d"}}) as running:
        for name in ("one", "two", "three"):
            await world.operate(name, "acme", "Clean")
            await world.over(name)
            running.skip(1)
        await world.gone(OPERATIONS, "one")
        assert await world.operations() == ["three", "two"]
        running.skip(31 * 86_400)
        await world.gone(OPERATIONS, "three")
        assert await world.operations() == []
