"""Which cleanups happen by themselves, which on request, and what the status tells of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from baileys_janitor.api.values.timestamps import from_rfc3339
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, completed_runs, until
from tests.real.directory import counted, snapshot

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


def daily(**more: str) -> dict[str, str]:
    """A schedule whose daily cleanup is half a day away from now, whenever that is."""
    return {"dailyCleanup": f"0 {(datetime.now(UTC).hour + 12) % 24} * * *", **more}


def runs(status: dict[str, Any]) -> list[tuple[str, str]]:
    """The history as (reason, outcome), the newest first."""
    return [(entry["reason"], entry["outcome"]) for entry in status.get("history") or []]


async def test_a_tenant_in_an_emergency_is_cleaned_by_itself(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "emergency")
    async with operator():
        status = await world.cleaned("acme")
        await world.quiet()
    assert runs(status) == [("Emergency", "Completed")]
    last = status["lastCleanup"]
    assert (last["removed"], last["before"], last["after"]) == (39, 208, 169)
    assert counted(snapshot(directory)) == 169 == status["files"]["counted"]
    assert status["level"] == "Warning"
    assert {"cooldownUntil", "emergencyCooldownUntil"} <= set(status)
    assert completed_runs(directory) == [last["run"]]


async def test_an_emergency_with_nothing_to_gain_starts_no_job_and_says_what_keeps_the_count_up(
    world: World, operator: Operator
) -> None:
    await world.company("acme", "stopped")
    async with operator() as running:
        status = await world.scanned("acme")
        running.skip(3600)
        await until(running.idle, "the operator is idle")
        await world.quiet()
        assert "run" not in await world.status("acme")
    assert status["level"] == "Emergency"
    [message] = [c["message"] for c in status["conditions"] if c["type"] == "Emergency"]
    assert "gain nothing" in message
    assert "stopped" in message
    assert "history" not in status


async def test_a_request_runs_once_and_the_same_token_never_again(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.ask("acme", "first")
        status = await world.cleaned("acme")
        assert runs(status) == [("Requested", "Completed")]
        assert status["lastHandledRequest"] == "first"
        await world.edit("acme", companyId="another-spec")
        await world.ask("acme", "first")
        await world.ask("acme", "second")
        with running.hurry():
            status = await world.cleaned("acme", "NothingToDo", runs=2)
        assert status["lastHandledRequest"] == "second"
        await world.quiet()
    assert len(completed_runs(directory)) == 2


async def test_a_request_in_mode_dry_run_removes_nothing(world: World, operator: Operator) -> None:
    directory = await world.company("acme", "warning", mode="DryRun")
    before = snapshot(directory)
    async with operator():
        await world.scanned("acme")
        await world.ask("acme", "now")
        status = await world.cleaned("acme", "DryRun")
    assert runs(status) == [("Requested", "DryRun")]
    assert status["lastCleanup"]["removed"] == 13
    assert snapshot(directory) == before


async def test_a_request_in_mode_observe_is_refused_and_recorded(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning", mode="Observe")
    before = snapshot(directory)
    async with operator():
        await world.scanned("acme")
        await world.quiet()
        await world.ask("acme", "now")
        status = await world.cleaned("acme", "Refused")
        assert not await world.jobs()
    assert status["lastHandledRequest"] == "now"
    assert "Observe" in status["lastCleanup"]["message"]
    assert snapshot(directory) == before


async def test_a_request_to_a_suspended_tenant_waits_and_runs_when_it_is_resumed(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator() as running:
        await world.scanned("acme")
        await world.edit("acme", suspend=True)
        await world.ready("acme", "Suspended")
        await world.quiet()
        await world.ask("acme", "now")
        running.skip(3600)
        await until(running.idle, "the operator is idle")
        assert not await world.jobs()
        await world.edit("acme", suspend=False)
        status = await world.cleaned("acme")
    assert runs(status) == [("Requested", "Completed")]
    assert len(completed_runs(directory)) == 1


async def test_a_request_that_came_with_the_resource_is_recorded_and_not_run(
    world: World, operator: Operator
) -> None:
    directory = world.session(await world.claim("acme"), "warning")
    await world.workload("acme")
    await world.tenant("acme", "acme", request="from-git")
    async with operator() as running:
        status = await world.scanned("acme")
        assert status["lastHandledRequest"] == "from-git"
        running.skip(120)
        await until(running.idle, "the operator is idle")
        await world.quiet()
    assert completed_runs(directory) == []


async def test_a_request_made_while_the_operator_is_away_runs_when_it_is_back(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning")
    async with operator():
        await world.scanned("acme")
        await world.quiet()
    await world.ask("acme", "meanwhile")
    async with operator():
        assert runs(await world.cleaned("acme")) == [("Requested", "Completed")]
    assert len(completed_runs(directory)) == 1


async def test_a_trigger_cleans_once_cools_down_and_cleans_again(
    world: World, operator: Operator
) -> None:
    directory = await world.company(
        "acme", "critical", thresholds={"trigger": 171}, schedule={"triggerInterval": "1m"}
    )
    async with operator() as running:
        await world.scanned("acme")
        running.skip(60)
        status = await world.cleaned("acme")
        assert runs(status) == [("Trigger", "Completed")]
        until_ = from_rfc3339(status["cooldownUntil"])
        assert until_ is not None
        assert 5.9 * 3600 < until_ - running.clock.now() <= 6 * 3600
        for number in range(16):
            # Sessions that appear here would count anew; what has lost its key goes at any age.
            stale = directory / f"sender-key-memory-12036370{number:04}@g.us.json"
            stale.write_text("{}")
            os.utime(stale, (time.time() - 3600,) * 2)
        running.skip(600)
        with running.hurry():
            await until(lambda: counts(world, 173), "the trigger is reached again")
        running.skip(600)
        await until(running.idle, "the operator is idle")
        await world.quiet()
        assert len(completed_runs(directory)) == 1
        running.skip(6 * 3600)
        with running.hurry():
            status = await world.cleaned("acme", runs=2)
    assert runs(status)[0] == ("Trigger", "Completed")
    assert len(completed_runs(directory)) == 2


async def counts(world: World, files: int) -> bool:
    return bool((await world.status("acme"))["files"]["counted"] == files)


async def test_a_daily_cleanup_runs_once_a_day(world: World, operator: Operator) -> None:
    directory = await world.company("acme", "warning", schedule=daily(scanInterval="1h"))
    async with operator() as running:
        await world.scanned("acme")
        running.skip(86_400)
        status = await world.cleaned("acme")
        assert runs(status) == [("Daily", "Completed")]
        await world.quiet()
        running.skip(3600)
        await until(running.idle, "the operator is idle")
        await world.quiet()
        assert len(completed_runs(directory)) == 1


async def test_after_an_outage_of_days_exactly_one_daily_cleanup_is_made_up_for(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning", schedule=daily())
    async with operator() as running:
        await world.scanned("acme")
        await world.quiet()
        clock = running.clock
    clock.skip(5 * 86_400)
    async with operator(clock) as running:
        await until(running.idle, "the operator is idle")
        # Each tenant at a moment of its own: a whole fleet has missed the same hour.
        running.skip(1800)
        assert runs(await world.cleaned("acme")) == [("Daily", "Completed")]
        await world.quiet()
        running.skip(600)
        await until(running.idle, "the operator is idle")
        await world.quiet()
        assert len((await world.status("acme"))["history"]) == 1
    assert len(completed_runs(directory)) == 1


async def test_a_daily_cleanup_with_nothing_to_remove_starts_no_job_and_is_recorded(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "stopped", schedule=daily())
    async with operator() as running:
        await world.scanned("acme")
        running.skip(86_400)
        status = await world.cleaned("acme", "NothingToDo")
    assert runs(status) == [("Daily", "NothingToDo")]
    assert completed_runs(directory) == []


async def test_a_run_that_is_cut_short_goes_on_at_the_next_tick(
    world: World, operator: Operator
) -> None:
    directory = await world.company(
        "acme", "warning", maxRemovals={"files": 10}, schedule={"triggerInterval": "1m"}
    )
    async with operator() as running:
        await world.scanned("acme")
        await world.ask("acme", "now")
        status = await world.cleaned("acme", "Capped")
        # Two files that go together do not go in two runs.
        assert status["lastCleanup"]["removed"] + status["lastCleanup"]["left"] == 13
        running.skip(60)
        status = await world.cleaned("acme", runs=2)
    assert sum(entry["removed"] for entry in status["history"]) == 13
    assert len(completed_runs(directory)) == 2


async def test_the_trash_stays_for_the_undo_window(world: World, operator: Operator) -> None:
    directory = await world.company("acme", "warning", undoWindow="1d")
    async with operator() as running:
        await world.scanned("acme")
        await world.ask("acme", "now")
        assert (await world.cleaned("acme"))["trash"]["runs"] == 1
        running.skip(3600)
        await until(running.idle, "the operator is idle")
        await world.quiet()
    assert any(directory.glob(".janitor~run~*"))


async def test_the_trash_of_a_suspended_tenant_is_purged_all_the_same(
    world: World, operator: Operator
) -> None:
    directory = await world.company("acme", "warning", undoWindow="1d")
    async with operator() as running:
        await world.scanned("acme")
        await world.ask("acme", "now")
        await world.cleaned("acme")
        assert any(directory.glob(".janitor~run~*"))
        await world.edit("acme", suspend=True, undoWindow="0s")
        await until(lambda: not any(directory.glob(".janitor~run~*")), "the trash is purged")

        async def told() -> bool:
            return "trash" not in await world.status("acme")

        with running.hurry():
            await until(told, "the status says so")
        await world.quiet()


async def test_a_request_waits_for_no_back_off(world: World, operator: Operator) -> None:
    directory = await world.claim("acme")
    await world.workload("acme")
    await world.tenant("acme", "acme", path="company_1")
    async with operator() as running:
        for wait in (0, 20, 40, 80, 160, 320):
            running.skip(wait)
            await until(running.idle, "it was looked for again")
            await world.ready("acme", "DirectoryMissing")
            await world.quiet()
        world.session(directory / "company_1", "warning")
        await world.ask("acme", "now")
        await world.cleaned("acme")
