"""The operator on a fleet that an earlier one has managed: its start, and its steady state."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.operator import counting
from benchmarks.operator.cell import Cell, until
from benchmarks.operator.figures import percentile
from benchmarks.operator.plan import EMERGENCY, WARNING, Plan
from benchmarks.operator.process import Process, Reading
from benchmarks.operator.run import Seen
from benchmarks.operator.scraping import EVERY, scraped

WARM_UP = 70.0
"""Seconds from the start to the window: every tenant on a one-minute interval has been scanned once."""
IDLE_FOR = 1.0
IDLE = 0.05
"""A start is over once the tenants are watched and the process uses fewer CPU seconds a second."""
Tell = Callable[[str], None]
Object = dict[str, Any]


async def measure(plan: Plan, minutes: float, tell: Tell, assets: Path | None = None) -> Object:
    """Run one cell of the operator; return its figures."""
    plan = replace(plan, now=time.time())
    async with Cell(plan, assets) as cell:
        tell("the API server is furnished")
        async with cell.operator() as process:
            begun = time.time()
            start = await started(cell, process, begun)
            tell(f"the operator knows its tenants after {start['cpuSeconds']} s of CPU")
            async with scraped(cell.metrics_port) as scrapes:
                await until(begun + WARM_UP)
                found = await window(cell, process, minutes)
        cell.check()
        found["complaints"] = process.complaints()
        found["startUp"] = start
        found["scrape"] = {
            "everySeconds": EVERY,
            "maxSeconds": round(max(scrapes.times), 2),
            "MiB": round(max(scrapes.sizes) / 2**20, 2),
        }
        found["firstRoundSeconds"] = first_round(cell, begun)
        found["lagSeconds"] = lag(cell)
    return {"plan": shown(plan)} | found


def shown(plan: Plan) -> Object:
    """Return a plan for the results."""
    shown = asdict(plan) | {"nodes": plan.nodes, "namespaces": len(plan.all_namespaces())}
    del shown["now"], shown["salt"]
    return shown


async def started(cell: Cell, process: Process, begun: float) -> Object:
    """Wait until the operator knows its fleet and is idle; return the cost.

    An earlier operator scanned the fleet just before, so nothing is due meanwhile.
    """
    calls, readings = counting.Calls(), [process.reading()]
    async with asyncio.timeout(180):
        while True:
            await asyncio.sleep(0.1)
            readings.append(process.reading())
            now = readings[-1]
            past = next((r for r in reversed(readings) if now.time - r.time >= IDLE_FOR), None)
            if past is None or now.cpu - past.cpu > IDLE * IDLE_FOR:
                continue
            calls = counting.tested(await cell.server.calls())
            if any(verb == "watch" and what == "baileystenants" for _, verb, what in calls):
                break
    return {
        "cpuSeconds": round(past.cpu, 2),
        "seconds": round(time.time() - begun - IDLE_FOR, 1),
        "rssMiB": round(now.rss, 1),
        "requests": sum(calls.values()),
    }


async def window(cell: Cell, process: Process | None, minutes: float) -> Object:
    """Measure for `minutes` from now on; without a process, only the cluster."""
    before, server = await cell.server.calls(), cell.server.cpu()
    readings = [process.reading()] if process else []
    start = time.time()
    end = start + minutes * 60
    while time.time() < end:
        await asyncio.sleep(min(1.0, max(0.0, end - time.time())))
        if process:
            readings.append(process.reading())
    calls = counting.since(before, await cell.server.calls())
    cell.check()
    jobs = cell.simulation.ledger.between(start, time.time())
    seconds = time.time() - start
    return {
        "minutes": round(seconds / 60, 2),
        "apiServerCpuPercent": round(100 * (cell.server.cpu() - server) / seconds, 1),
        **(cost(readings) if process else {}),
        **traffic(calls, jobs, seconds / 60),
    }


def cost(readings: list[Reading]) -> Object:
    """Return the cost of a process between the first reading and the last."""
    seconds = readings[-1].time - readings[0].time
    return {
        "cpuPercent": round(100 * (readings[-1].cpu - readings[0].cpu) / seconds, 2),
        "rssMiB": round(max(reading.rss for reading in readings), 1),
        "peakMiB": round(readings[-1].peak, 1),
    }


def traffic(calls: counting.Calls, jobs: list[Seen], minutes: float) -> Object:
    """Return the requests and Jobs per minute."""

    def rates(counts: dict[str, int]) -> dict[str, float]:
        return {name: round(count / minutes, 2) for name, count in counts.items()}

    mine, everybody = counting.tested(calls), counting.everybody(calls)
    scans = sum(len(job.members) for job in jobs if job.action == "scan")
    total = sum(everybody.values())
    actions = Counter(job.action for job in jobs)
    return {
        "jobsPerMinute": round(len(jobs) / minutes, 2),
        "jobsByActionPerMinute": rates(dict(actions)),
        "scansPerMinute": round(scans / minutes, 2),
        "requestsPerMinute": round(sum(mine.values()) / minutes, 2),
        "requestsByVerbPerMinute": rates(counting.by_verb(mine)),
        "requestsByResourcePerMinute": rates(counting.by_resource(mine)),
        "allRequestsPerMinute": round(total / minutes, 2),
        "allRequestsByVerbPerMinute": rates(counting.by_verb(everybody)),
        "requestsPerScan": round(total / scans, 3) if scans else None,
        "statusWritesPerMinute": round(
            counting.writes(mine, "baileystenants", "baileystenants/status") / minutes, 2
        ),
    }


def first_round(cell: Cell, begun: float) -> float | None:
    """Return the seconds from the start until every tenant was scanned once; None if some were not."""
    left = {(cell.plan.namespace(d.company.number), d.company.name) for d in cell.volumes.values()}
    for job in cell.simulation.ledger.jobs:
        if job.ended is not None:
            left -= {(job.namespace, name) for name in job.members}
            if not left:
                return round(job.ended - begun, 1)
    return None


def lag(cell: Cell) -> Object:
    """Return the delay of scans as seen from outside, for tenants with a known interval.

    From `warning` on (and for every tenant without `adaptive`) the next scan is due one interval after the last
    result arrived. An earlier scan, in another tenant's Job, is not late.
    """
    late: list[float] = []
    last: dict[tuple[str, str], float] = {}
    urgent = {
        (cell.plan.namespace(d.company.number), d.company.name)
        for d in cell.volumes.values()
        if WARNING <= d.company.files < EMERGENCY - 5 or not cell.plan.adaptive
    }
    for job in cell.simulation.ledger.jobs:
        if job.action != "scan" or job.ended is None:
            continue
        for name in job.members:
            key = job.namespace, name
            if key in urgent:
                if key in last:
                    late.append(max(0.0, job.created - last[key] - 60.0))
                last[key] = job.ended
    return {
        "p50": _round(percentile(late, 50)),
        "p99": _round(percentile(late, 99)),
        "scans": len(late),
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
