"""Tables of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.operator.targets import Verdict

Object = dict[str, Any]
Column = tuple[str, Callable[[Object], Any]]


def _get(*path: str) -> Callable[[Object], Any]:
    def of(figures: Object) -> Any:
        value: Any = figures
        for part in path:
            value = (value or {}).get(part)
        return value

    return of


STEADY: list[Column] = [
    ("JOBS/MIN", _get("jobsPerMinute")),
    ("SCANS/MIN", _get("scansPerMinute")),
    ("REQUESTS/MIN", _get("allRequestsPerMinute")),
    ("/SCAN", _get("requestsPerScan")),
    ("ITS OWN", _get("requestsPerMinute")),
    ("STATUS WRITES", _get("statusWritesPerMinute")),
    ("RSS MIB", _get("rssMiB")),
    ("CPU %", _get("cpuPercent")),
    ("START CPU S", _get("startUp", "cpuSeconds")),
    ("FIRST ROUND S", _get("firstRoundSeconds")),
    ("LAG P50", _get("lagSeconds", "p50")),
    ("P99", _get("lagSeconds", "p99")),
]


def show(console: Console, cells: Mapping[str, Object], verdicts: Iterable[Verdict]) -> None:
    """Print everything."""
    _steady(console, cells)
    _verbs(console, cells)
    _others(console, cells)
    verdicts_of(console, verdicts)


def _table(title: str, *headings: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < left else "right")
    return table


def _steady(console: Console, cells: Mapping[str, Object]) -> None:
    title = "Steady state. REQUESTS are those of every client, ITS OWN those of the operator alone"
    table = _table(title, "CELL", *(heading for heading, _ in STEADY))
    for name, figures in cells.items():
        if "jobsPerMinute" in figures:
            table.add_row(name, *(shown(of(figures)) for _, of in STEADY))
    console.print(table, "\n")


def _verbs(console: Console, cells: Mapping[str, Object]) -> None:
    found = {
        name: figures["allRequestsByVerbPerMinute"]
        for name, figures in cells.items()
        if "allRequestsByVerbPerMinute" in figures
    }
    verbs = sorted({verb for by in found.values() for verb in by})
    table = _table("API requests a minute by verb, of every client", "CELL", *map(str.upper, verbs))
    for name, by in found.items():
        table.add_row(name, *(shown(by.get(verb, 0)) for verb in verbs))
    console.print(table, "\n")


def ratios(cells: Mapping[str, Object]) -> list[str]:
    """Return the ratios of the contenders' costs to those of an operator with as many tenants."""
    found = []
    for ours in ("shared", "namespaced", "fixed"):
        for size in (100, 1000):
            mine = cells.get(f"{ours}-{size}") or {}
            for who, name in (("cronjobs", "CronJobs"), ("timers", "naive timers")):
                theirs = cells.get(f"{who}-{size}") or {}
                if not mine.get("jobsPerMinute") or "jobsPerMinute" not in theirs:
                    continue
                jobs, requests = (
                    theirs[key] / mine[key] for key in ("jobsPerMinute", "allRequestsPerMinute")
                )
                found.append(
                    f"{size:,} tenants: {name} start {shown(jobs)} times as many Jobs and cause "
                    f"{shown(requests)} times as many requests as {ours}-{size}."
                )
    return found


def _others(console: Console, cells: Mapping[str, Object]) -> None:
    if "toJobSeconds" in (figures := cells.get("emergency") or {}):
        job, done = figures["toJobSeconds"], figures["toDoneSeconds"]
        console.print(
            f"Crossing `emergency`, {figures['crossings']} times: the cleanup's Job after "
            f"{shown(job['p50'])} s (median), {shown(job['max'])} s (longest); done after "
            f"{shown(done['p50'])} s and {shown(done['max'])} s.\n"
        )
    if "declaredSeconds" in (figures := cells.get("onboarding") or {}):
        console.print(
            f"{figures['plan']['tenants']} tenants declared within {figures['declaredSeconds']} s: all have a level "
            f"after {figures['allKnownSeconds']} s, with {figures['tenantWrites']} writes.\n"
        )
    console.print("\n".join(ratios(cells)), "\n")
    for name, figures in cells.items():
        if complaints := figures.get("complaints"):
            said = f"{len(complaints)} times, first: {complaints[0]}"
            console.print(f"In {name} the program complained {said}\n", markup=False)
        if "broken" in figures:
            console.print(f"{name} could not be measured: {figures['broken']}\n", markup=False)


def verdicts_of(console: Console, verdicts: Iterable[Verdict]) -> None:
    """Print the targets, each with its result."""
    table = _table("Targets", "", "MEASURE", "CELL", "TARGET", "MEASURED", left=5)
    for one in verdicts:
        mark = "-" if one.met is None else "ok" if one.met else "MISSED"
        table.add_row(mark, one.measure, one.cell, one.target, one.found or "not in this run")
    console.print(table, "\n")


def shown(value: Any) -> str:
    """Return a figure with its significant digits; a dash for None."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
