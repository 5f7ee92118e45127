"""One operator compared with two that share the same fleet by shards, at the same time on one machine.

Each has its own API server and simulated cluster, with the same tenants. The effect of a third replica is computed from
these two: every replica does the work that does not depend on its share (`fleet`), and its share of the rest
(`divided`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.operator import counting, steady
from benchmarks.operator.cell import Cell, until
from benchmarks.operator.plan import Plan
from benchmarks.operator.process import Process, Reading

Object = dict[str, Any]

TENANTS, MINUTES = 5_000, 10.0
QUICK_TENANTS, QUICK_MINUTES = 400, 1.0
SOME_MINUTES = 3.0
"""The minutes of a run with `size`."""
NAMESPACES = 20
WARM_UP, QUICK_WARM_UP = 70.0, 15.0
HALVES = 2
MOST = 3
"""The largest number of replicas in the results."""


async def measure(*, quick: bool, tell: Callable[[str], None], size: int = 0) -> Object:
    """Run one operator and two at the same time; return the figures of both, and the computed ones for three.

    `size`: the number of tenants, for a shorter run.
    """
    tenants, minutes = (QUICK_TENANTS, QUICK_MINUTES) if quick else (TENANTS, MINUTES)
    if size:
        tenants, minutes = size, SOME_MINUTES
    # Scan many each minute: in so short a time the others are not scanned.
    plan = Plan(tenants, namespaces=NAMESPACES, at_warning=0.03 if tenants >= TENANTS else 0.2)
    warm_up = QUICK_WARM_UP if quick else WARM_UP
    tell(f"shards: {tenants:,} tenants in {NAMESPACES} namespaces, twice")
    cells = [_cell(plan, count, minutes, warm_up, tell) for count in (1, HALVES)]
    one, two = await asyncio.gather(*cells)
    return {
        "tenants": tenants,
        "namespaces": NAMESPACES,
        "minutes": minutes,
        "one": one,
        "two": two,
        "computed": computed(
            one["replicas"][0],
            two["replicas"],
            one["scansPerMinute"] / (two["scansPerMinute"] or 1.0),
        ),
    }


async def _cell(
    plan: Plan, shards: int, minutes: float, warm_up: float, tell: Callable[[str], None]
) -> Object:
    plan = replace(plan, now=time.time())
    async with contextlib.AsyncExitStack() as stack:
        cell = await stack.enter_async_context(Cell(plan))
        begun = time.time()
        made = [cell.operator(replica, shards=shards) for replica in range(shards)]
        processes = [await stack.enter_async_context(each) for each in made]
        starts = await asyncio.gather(*(steady.started(cell, each, begun) for each in processes))
        tell(f"shards: {shards} of {shards} replicas know their tenants")
        await until(begun + warm_up)
        before = await cell.server.calls()
        start, readings = time.time(), await _watch(processes, minutes)
        jobs = cell.simulation.ledger.between(start, time.time())
        calls = counting.since(before, await cell.server.calls())
        passed = (time.time() - start) / 60
        cell.check()
        return {
            "replicas": [
                {"startCpuSeconds": begins["cpuSeconds"], **_cost(read)}
                for begins, read in zip(starts, readings, strict=True)
            ],
            "lagSeconds": steady.lag(cell),
            "complaints": [line for each in processes for line in each.complaints()],
            **steady.traffic(calls, jobs, passed),
        }


async def _watch(processes: Sequence[Process], minutes: float) -> list[list[Reading]]:
    readings: list[list[Reading]] = [[each.reading()] for each in processes]
    end = time.time() + minutes * 60
    while time.time() < end:
        await asyncio.sleep(1.0)
        for each, read in zip(processes, readings, strict=True):
            read.append(each.reading())
    return readings


def _cost(readings: list[Reading]) -> Object:
    return {"cpuSeconds": round(readings[-1].cpu - readings[0].cpu, 2)} | steady.cost(readings)


def computed(one: Object, two: Sequence[Object], scans: float = 1.0) -> Object:
    """Return each figure's constant part and divided part, and the figure of each of 2 and 3 replicas.

    With N replicas, each has `fleet + divided / N`; one has all, and the mean of two was measured. `scans` is the ratio
    of the scans of one to those of two, which scales the CPU seconds of the window.
    """
    found: Object = {}
    for name in ("startCpuSeconds", "cpuSeconds", "rssMiB"):
        alone, half = one[name], sum(each[name] for each in two) / len(two)
        half *= scans if name == "cpuSeconds" else 1.0
        divided = max(0.0, 2 * (alone - half))
        fleet = max(0.0, alone - divided)
        each = {n: fleet + divided / n for n in range(1, MOST + 1)}
        found[name] = {
            "fleet": round(fleet, 2),
            "divided": round(divided, 2),
            "each": {str(n): round(value, 2) for n, value in each.items()},
            "times": {
                str(n): round(alone / value, 2) if value else None for n, value in each.items()
            },
        }
    return found


def rows(found: Object) -> Iterator[tuple[str, ...]]:
    """Yield the table's rows: the name, the figure of one operator, of each of two, and of three as computed."""
    names = {
        "startCpuSeconds": "CPU seconds of a start",
        "cpuSeconds": "CPU seconds of the window",
        "rssMiB": "RSS in MiB, most",
    }
    for name, told in names.items():
        both = " and ".join(f"{each[name]:.1f}" for each in found["two"]["replicas"])
        share = found["computed"][name]
        alone = found["one"]["replicas"][0][name]
        yield told, f"{alone:.1f}", both, f"{share['each']['3']:.1f}", f"{share['times']['3']:.2f}"
    for name, told in (("scansPerMinute", "scans a minute"), ("jobsPerMinute", "Jobs a minute")):
        yield told, f"{found['one'][name]:.0f}", f"{found['two'][name]:.0f}", "-", "-"
    lags = [found[which]["lagSeconds"]["p99"] for which in ("one", "two")]
    yield ("lag in seconds, p99", *("-" if lag is None else f"{lag:.1f}" for lag in lags), "-", "-")


HEADINGS = ("measure", "one", "each of two", "each of three, computed", "times less than one")


def show(console: Console, found: Object) -> None:
    """Print the figures."""
    title = (
        f"{found['tenants']:,} tenants in {found['namespaces']} namespaces, by one operator and by two with a "
        f"shard each, at the same time; {found['minutes']:g} minutes"
    )
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading.upper(), justify="right" if number else "left")
    for row in rows(found):
        table.add_row(*row)
    console.print(table, "\n")
    for line in (*found["one"]["complaints"], *found["two"]["complaints"]):
        console.print(line, markup=False, highlight=False)
