"""Compares the operator's targets with the measurements. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.operator.figures import exponent

Object = dict[str, Any]
Cells = Mapping[str, Object]
GROWING: dict[str, Callable[[Object], float]] = {
    "RSS": lambda cell: cell["rssMiB"],
    "CPU": lambda cell: cell["cpuPercent"],
    "requests": lambda cell: cell["requestsPerMinute"],
}
INTERVAL = 60.0
LINEAR = 1.05
IN_POD_CPU_MILLISECONDS = 40
CLAIM_READS = 265 / 50
"""Reads of a claim and its volume by the kubelet that mounts it, at each start of a pod: counted for fifty claims on a
1.36 cluster. Only the two reads of a Job's first claim are simulated."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target: `found` is None where this run did not measure it."""

    measure: str
    cell: str
    target: str
    found: str | None
    met: bool | None

    def row(self) -> Object:
        """Return the row for the results."""
        return {name: getattr(self, name) for name in self.__slots__}


def judge(cells: Cells) -> list[Verdict]:
    """Compare every target with the cells of one run."""
    return [
        _most(cells, "Jobs a minute, 1,000 tenants on 20 nodes", "shared-1000", _jobs, 20),
        _most(cells, "the same, each scanned each minute", "fixed-1000", _jobs, 40),
        _most(cells, "Jobs a minute, 10,000 tenants on 200 nodes", "shared-10000", _jobs, 200),
        _most(
            cells, "Jobs a minute, 1,000 tenants, a namespace each", "namespaced-1000", _jobs, 150
        ),
        _most(cells, "API requests for a batched scan, all clients played", "fixed-1000", _each, 1),
        _most(cells, "the same, a kubelet's reads of every claim added", "fixed-1000", _read, 1),
        _most(
            cells,
            "status writes a minute, 1,000 tenants, half-hourly ones added",
            "shared-1000",
            _status,
            50,
        ),
        _most(cells, "writes at onboarding beyond the first status", "onboarding", _beyond, 0),
        _most(cells, "operator RSS in MB, 10,000 tenants", "shared-10000", _megabytes, 200),
        _most(cells, "operator CPU in % of a core, 10,000 tenants", "shared-10000", _cpu, 25),
        _most(cells, "start-up CPU seconds, 10,000 tenants", "shared-10000", _start, 6),
        *_growth(cells),
        _outage(cells),
        _emergency(cells),
    ]


def in_pod(races: list[Object]) -> Verdict:
    """Return the verdict on the Job's process."""
    what = "in-pod CPU milliseconds of a 200-file scan over an empty Python"
    target = f"at most {IN_POD_CPU_MILLISECONDS}"
    for race in races:
        if (race["action"], race["files"]) == ("scan", 200):
            value = race["cpuOverEmptyPythonMs"]
            times = race["ratios"]["python -c pass"]["cpu"]
            shown = f"{_shown(value)} ({_shown(times)} times an empty Python)"
            return Verdict(what, "job", target, shown, value <= IN_POD_CPU_MILLISECONDS)
    return Verdict(what, "job", target, None, None)


def growth(cells: Cells, layout: str = "shared") -> dict[str, float | None]:
    """Fit the exponents of figures that grow with the tenants, minus the cost of an operator without tenants."""
    sizes = {
        cell["plan"]["tenants"]: cell
        for name, cell in cells.items()
        if name.partition("-")[0] == layout and "cpuPercent" in cell
    }
    empty = cells.get("empty") or {}
    if len(sizes) < 3 or "cpuPercent" not in empty:
        return dict.fromkeys(GROWING)
    return {
        name: exponent({size: of(cell) - of(empty) for size, cell in sizes.items()})
        for name, of in GROWING.items()
    }


def _growth(cells: Cells) -> list[Verdict]:
    found = []
    for name, value in growth(cells).items():
        what = f"exponent of {name} over 100, 1,000 and 10,000 tenants"
        met = None if value is None else value <= LINEAR
        shown = None if value is None else f"{value:.2f}"
        found.append(Verdict(what, "shared", f"at most {LINEAR}", shown, met))
    return found


def _most(
    cells: Cells, what: str, cell: str, of: Callable[[Object], float | None], most: float
) -> Verdict:
    target = f"at most {most:,}"
    figures = cells.get(cell) or {}
    if "broken" in figures:
        return Verdict(what, cell, target, "broken", False)
    value = of(figures) if figures else None
    if value is None:
        return Verdict(what, cell, target, None, None)
    return Verdict(what, cell, target, _shown(value), value <= most)


def _outage(cells: Cells) -> Verdict:
    what, target = "cleanups of each tenant after an hour's outage", "exactly 1, spread"
    figures = cells.get("outage") or {}
    if "broken" in figures:
        return Verdict(what, "outage", target, "broken", False)
    if not figures:
        return Verdict(what, "outage", target, None, None)
    by, minutes = figures["tenantsByCleanups"], figures["cleanupJobsByMinute"]
    once = by.get("1", 0) == figures["plan"]["tenants"] == figures["cleanupJobs"]
    # An even spread puts a fifth of them into each of five minutes; no minute may have twice that.
    spread = max(minutes) <= 2 * 60 / figures["spreadSeconds"] * figures["cleanupJobs"]
    times = ", ".join(f"{count} of {n}" for count, n in by.items())
    found = f"{times}; by minute {' '.join(map(str, minutes))}"
    return Verdict(what, "outage", target, found, once and spread)


def _emergency(cells: Cells) -> Verdict:
    what = "seconds from crossing `emergency` to cleanup done, longest"
    target = f"at most {INTERVAL + 10:.0f}"
    figures = cells.get("emergency") or {}
    if "broken" in figures:
        return Verdict(what, "emergency", target, "broken", False)
    if not figures:
        return Verdict(what, "emergency", target, None, None)
    longest, lost = figures["toDoneSeconds"]["max"], figures["crossings"] - figures["answered"]
    found = _shown(longest) + (f", {lost} never" if lost else "")
    return Verdict(what, "emergency", target, found, not lost and longest <= INTERVAL + 10)


def _jobs(cell: Object) -> float:
    return float(cell["jobsPerMinute"])


def _each(cell: Object) -> float | None:
    return None if cell["requestsPerScan"] is None else float(cell["requestsPerScan"])


def _read(cell: Object) -> float | None:
    each = _each(cell)
    return None if each is None else each + CLAIM_READS


def _status(cell: Object) -> float:
    # Each status is written at least once in half an hour; a window soon after a start shows none of these writes.
    return float(cell["statusWritesPerMinute"]) + float(cell["plan"]["tenants"]) / 30


def _beyond(cell: Object) -> float:
    return float(cell["writesBeyondFirst"])


def _megabytes(cell: Object) -> float:
    return float(cell["rssMiB"]) * 2**20 / 1e6


def _cpu(cell: Object) -> float:
    return float(cell["cpuPercent"])


def _start(cell: Object) -> float:
    return float(cell["startUp"]["cpuSeconds"])


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:,.1f}".removesuffix(".0")
