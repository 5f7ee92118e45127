"""Small cells with the real operator: what the harness must notice."""

from __future__ import annotations

import time
from functools import partialmethod
from typing import Any

import pytest

from benchmarks.operator import counting, emergency, steady
from benchmarks.operator.cell import Cell, met
from benchmarks.operator.cronjobs import CronJobs
from benchmarks.operator.furnishing import CRONJOBS
from benchmarks.operator.naive import naive_message
from benchmarks.operator.plan import Plan
from benchmarks.operator.run import CONTROLLER
from tests.all_checks import ALL_CHECKS

Object = dict[str, Any]
TENANTS = 40


async def one_round(**settings: Any) -> Object:
    """What the first round of scans costs."""
    plan = Plan(TENANTS, adaptive=False, now=time.time(), lag=60.0)
    async with Cell(plan) as cell, cell.operator(**settings) as process:
        begun = time.time()
        await met(lambda: steady.first_round(cell, begun) is not None)
        cell.check()
        assert not process.complaints()
        jobs = cell.simulation.ledger.between(begun, time.time())
        return steady.traffic(await cell.server.calls(), jobs, 1.0)


@pytest.mark.skipif(not ALL_CHECKS, reason="ALL_CHECKS=1 runs it: another operator is measured")
async def test_an_operator_that_shares_no_job_is_seen_to_cost_more() -> None:
    shared, single = await one_round(), await one_round(limits={"tenantsPerScan": 1})
    assert single["jobsPerMinute"] >= TENANTS
    assert shared["jobsPerMinute"] <= TENANTS / 2
    assert single["requestsPerScan"] > 25
    assert shared["requestsPerScan"] < single["requestsPerScan"] / 2
    assert single["requestsByVerbPerMinute"]["create"] >= TENANTS


async def test_a_cronjob_run_costs_what_was_counted_on_a_cluster() -> None:
    plan = Plan(1, contender="cronjobs", seeded=False, now=time.time())
    cell = Cell(plan)
    cell.message = naive_message(cell.volumes)
    async with cell:
        played = CronJobs(cell)
        (cronjob,), _ = await cell.simulation.client(CONTROLLER).snapshot(
            CRONJOBS, metadata_only=False
        )
        await played.once(cronjob, 60.0)
        before = await cell.server.calls()
        await played.once(cronjob, 120.0)
        # The Job of before is deleted, and its pod follows.
        await met(lambda: cell.simulation.idle)
        seen = counting.everybody(counting.since(before, await cell.server.calls()))
        cell.check()
    assert sum(seen.values()) == 36
    assert counting.writes(seen) == 28
    assert counting.only(seen, "events") == 9


@pytest.mark.parametrize("polls", [0, 500])
def test_polling_shows_in_the_requests(polls: int) -> None:
    calls: counting.Calls = counting.Calls({("baileys-janitor", "create", "jobs"): 1})
    calls["baileys-janitor", "get", "jobs"] = polls
    found = steady.traffic(calls, [], 1.0)
    assert found["requestsPerMinute"] == 1 + polls
    assert found["requestsByVerbPerMinute"].get("get", 0) == polls


async def test_an_emergency_is_timed_from_its_crossing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency, "WARM_UP", 3.0)
    plan = Plan(8, adaptive=False, at_warning=1.0)
    schedule = {"schedule": {"scanInterval": "10s"}}
    monkeypatch.setattr(Cell, "operator", partialmethod(Cell.operator, defaults=schedule))
    found = await emergency.measure(plan, 2, 1.0, lambda _: None)
    assert (found["crossings"], found["answered"], found["complaints"]) == (2, 2, [])
    assert 0 < found["toJobSeconds"]["max"] < found["toDoneSeconds"]["max"]
