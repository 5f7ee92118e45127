"""Bursts of traffic take tenants over `emergency`: measures the time until the cleanup's Job is created and done."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.operator.cell import Cell, met, until
from benchmarks.operator.directories import Directory
from benchmarks.operator.figures import percentile
from benchmarks.operator.plan import EMERGENCY, WARNING, Plan
from benchmarks.operator.steady import Tell, shown

Object = dict[str, Any]
WARM_UP = 25.0
"""Seconds until the first burst: every tenant has been scanned once."""
PATIENCE = 120.0
"""Seconds after the last burst."""
ABOVE = 5


async def measure(
    plan: Plan, bursts: int, seconds: float, tell: Tell, assets: Path | None = None
) -> Object:
    """Run one cell with this number of bursts at random moments within `seconds`."""
    plan = replace(plan, now=time.time(), lag=60.0)
    draw = random.Random(plan.salt)
    async with Cell(plan, assets) as cell:
        warned = [d for d in cell.volumes.values() if d.company.files >= WARNING]
        pushed = draw.sample(warned, min(bursts, len(warned)))
        async with cell.operator() as process:
            begin = time.time() + WARM_UP
            for moment, directory in zip(
                sorted(draw.uniform(0, seconds) for _ in pushed), pushed, strict=True
            ):
                await until(begin + moment)
                directory.push(EMERGENCY + ABOVE, time.time())
            tell(f"{len(pushed)} tenants have crossed `emergency`")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await met(lambda: all(_times(cell, one) for one in pushed))
        cell.check()
        complaints = process.complaints()
        found = [times for one in pushed if (times := _times(cell, one))]
    return {
        "plan": shown(plan),
        "complaints": complaints,
        "crossings": len(pushed),
        "answered": len(found),
        "toJobSeconds": _summary([created for created, _ in found]),
        "toDoneSeconds": _summary([done for _, done in found]),
    }


def _times(cell: Cell, directory: Directory) -> tuple[float, float] | None:
    """Return the seconds from the crossing to the cleanup's Job and to its result; None before that."""
    assert directory.pushed_at is not None
    company = directory.company
    for job in cell.simulation.ledger.jobs:
        if job.action != "clean" or company.name not in job.members or job.ended is None:
            continue
        if job.created >= directory.pushed_at:
            return job.created - directory.pushed_at, job.ended - directory.pushed_at
    return None


def _summary(values: list[float]) -> Object:
    shares = {"p50": percentile(values, 50), "p99": percentile(values, 99)}
    shares["max"] = max(values, default=None)
    return {name: None if value is None else round(value, 1) for name, value in shares.items()}
