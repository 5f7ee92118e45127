"""The same fleet managed by alternatives: a CronJob for each tenant, or an operator with naive timers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.operator.cell import Cell, met, until
from benchmarks.operator.cronjobs import MINUTE, CronJobs
from benchmarks.operator.naive import naive_message
from benchmarks.operator.plan import Plan
from benchmarks.operator.process import Process
from benchmarks.operator.servers import BrokenError
from benchmarks.operator.steady import Tell, shown, window

Object = dict[str, Any]
KEPT_UP = 0.9
"""Share of the due Jobs that must have been created: below it, the figures show the machine's limit, not the cost."""
WARM_UP = 75.0
"""Seconds after which each timer has fired once, and its second run has started or ended."""


async def measure(plan: Plan, minutes: float, tell: Tell, assets: Path | None = None) -> Object:
    """Run one cell of a contender; return its figures."""
    plan = replace(plan, now=time.time(), seeded=False)
    cell = Cell(plan, assets)
    cell.message = naive_message(cell.volumes)
    async with cell:
        tell("the API server is furnished")
        work = _cronjobs if plan.contender == "cronjobs" else _timers
        async with work(cell, tell) as (process, found):
            found |= await window(cell, process, minutes)
            # Before its end: its shutdown is not part of its cost.
            found["complaints"] = process.complaints() if process else []
        cell.check()
    if found["jobsPerMinute"] < KEPT_UP * plan.tenants:
        raise BrokenError(
            f"{found['jobsPerMinute']:.0f} Jobs a minute for {plan.tenants} tenants: this machine cannot play so many"
        )
    return {"plan": shown(plan)} | found


@contextlib.asynccontextmanager
async def _cronjobs(cell: Cell, tell: Tell) -> AsyncIterator[tuple[None, Object]]:
    cell.simulation.start(CronJobs(cell).run())
    # Let one round start and end, so that the next ones find an old Job to delete; then measure from the middle
    # of a minute to the middle of another, so that each minute has one round.
    first = (time.time() // MINUTE + 1) * MINUTE
    tell("waiting for the first round")
    await until(first + MINUTE / 2)
    yield None, {}


@contextlib.asynccontextmanager
async def _timers(cell: Cell, tell: Tell) -> AsyncIterator[tuple[Process, Object]]:
    async with cell.naive_timers() as process:
        begun = time.time()
        found: Object = {"firstRoundSeconds": await _first_round(cell, begun)}
        tell(f"each timer has fired once after {found['firstRoundSeconds']} s")
        found["startUp"] = {"cpuSeconds": round(process.reading().cpu, 2)}
        await until(begun + WARM_UP)
        yield process, found


async def _first_round(cell: Cell, begun: float) -> float:
    async with asyncio.timeout(300):
        jobs, all_ = cell.simulation.ledger.jobs, cell.plan.tenants
        await met(lambda: sum(job.ended is not None for job in jobs) >= all_, 0.2)
    return round(time.time() - begun, 1)
