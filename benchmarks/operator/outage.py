"""An hour's outage in which every tenant's daily cleanup, and half of the triggers, fell due."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.operator.cell import Cell, met
from benchmarks.operator.plan import Plan
from benchmarks.operator.steady import Tell, shown

Object = dict[str, Any]
OUTAGE = 3600.0
QUIET = 600.0
"""Seconds after a start in which every tenant is scanned and none is cleaned."""
AFTER = 30.0
"""Seconds after the last cleanup during which a repeated one would be noticed."""


async def measure(plan: Plan, jitter: float, tell: Tell, assets: Path | None = None) -> Object:
    """Run one cell; `jitter` (seconds) is the span over which cleanups are spread."""
    now = time.time()
    # Due in the middle of the outage, including the latest jitter.
    due = datetime.fromtimestamp(now - OUTAGE / 2 - jitter, UTC)
    cron = f"{due.minute} {due.hour} * * *"
    plan = replace(plan, now=now, lag=OUTAGE, overdue=True, daily=cron)
    async with Cell(plan, assets) as cell:
        async with cell.operator(dailyJitter=f"{jitter:.0f}s") as process:
            begun = time.time()
            async with asyncio.timeout(max(jitter, QUIET) + 120):
                await met(lambda: all(d.cleanups for d in cell.volumes.values()))
            tell("every tenant was cleaned once")
            await asyncio.sleep(AFTER)
        cell.check()
        complaints = process.complaints()
        jobs = [job for job in cell.simulation.ledger.jobs if job.action == "clean"]
        runs = Counter(directory.cleanups for directory in cell.volumes.values())
    minutes = Counter(int((job.created - begun) // 60) for job in jobs)
    return {
        "plan": shown(plan),
        "complaints": complaints,
        "spreadSeconds": jitter - min(QUIET, jitter / 2),
        "tenantsByCleanups": {str(count): n for count, n in sorted(runs.items())},
        "cleanupJobs": len(jobs),
        "cleanupJobsByMinute": [minutes[minute] for minute in range(max(minutes, default=0) + 1)],
    }
