"""Every cell of the bench by name, and the cells that run in parallel.

A stage's lanes run at the same time, the cells of a lane one after the other, each in a separate process.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.operator import contenders, emergency, onboarding, outage, steady
from benchmarks.operator.plan import Contender, Layout, Plan
from benchmarks.operator.steady import Tell

Object = dict[str, Any]
Kind = Literal["steady", "contender", "emergency", "outage", "onboarding"]
CYCLE = 10.0
"""Minutes in which `adaptive` scans every tenant: a shorter window could miss or double a quiet round."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: its `kind`, its fleet, and its length in minutes."""

    name: str
    kind: Kind
    plan: Plan
    minutes: float = 0.0
    lingers: bool = False
    """Whether the next stage begins before the cell ends: it is long and uses few resources."""

    async def run(self, tell: Tell, assets: Path | None) -> Object:
        """Run the measurement."""
        return await _RUNS[self.kind](self, tell, assets)


Measure = Callable[[Cell, Tell, Path | None], Coroutine[Any, Any, Object]]
_RUNS: dict[Kind, Measure] = {
    "steady": lambda cell, *rest: steady.measure(cell.plan, cell.minutes, *rest),
    "contender": lambda cell, *rest: contenders.measure(cell.plan, cell.minutes, *rest),
    "emergency": lambda cell, *rest: emergency.measure(
        cell.plan, cell.plan.tenants // 4, cell.minutes * 60, *rest
    ),
    "outage": lambda cell, *rest: outage.measure(cell.plan, cell.minutes * 60, *rest),
    "onboarding": lambda cell, *rest: onboarding.measure(cell.plan, *rest),
}
Stages = list[list[list[Cell]]]


def _steady(size: int, minutes: float, layout: Layout = "shared", *, adaptive: bool = True) -> Cell:
    name = f"{layout if adaptive else 'fixed'}-{size}" if size else "empty"
    return Cell(name, "steady", Plan(size, layout, adaptive=adaptive), minutes)


def _backed_up(size: int, minutes: float) -> Cell:
    plan = Plan(size, backed_up=True, first_backup=steady.WARM_UP + 90.0)
    return Cell(f"backups-{size}", "steady", plan, minutes)


def _contender(who: Contender, size: int, minutes: float) -> Cell:
    return Cell(f"{who}-{size}", "contender", Plan(size, contender=who), minutes)


def _crossing(size: int, minutes: float) -> Cell:
    return Cell("emergency", "emergency", Plan(size, at_warning=0.5), minutes)


def full() -> Stages:
    """Return the full run, for two cores: small cells, the largest contenders, three sizes of one namespace."""
    return [
        [
            [Cell("outage", "outage", Plan(500, namespaces=10), 2 * CYCLE, lingers=True)],
            [_steady(0, 2)],
            [_steady(1000, 2, adaptive=False)],
            [_steady(100, 3, "namespaced")],
            [_steady(300, 3, "namespaced")],
            [_steady(1000, 3, "namespaced")],
            [_crossing(240, 1)],
            [Cell("onboarding", "onboarding", Plan(500))],
            [_contender("timers", 100, 2)],
            [_contender("cronjobs", 100, 2)],
        ],
        [[_contender("timers", 300, 2)], [_contender("cronjobs", 1000, 2)]],
        [
            [_steady(100, CYCLE)],
            [_steady(1000, CYCLE)],
            [_steady(10_000, CYCLE)],
        ],
        [[_backed_up(10_000, CYCLE)]],
    ]


def large() -> Stages:
    """Return the long cells outside the full run: twice as many tenants as one operator is designed for."""
    return [[[Cell("20000", "steady", Plan(20_000, namespaces=20), CYCLE)]]]


def quick() -> Stages:
    """Return a run of two minutes: each tenant is scanned each minute, so that a minute is a whole cycle."""
    return [
        [
            [_steady(0, 1)],
            [_steady(100, 1, adaptive=False)],
            [_steady(1000, 1, adaptive=False)],
            [_crossing(40, 0.5)],
            [_contender("timers", 100, 1)],
            [_contender("cronjobs", 100, 1)],
            [_backed_up(100, 3)],
        ],
    ]


def named(stages: Stages) -> dict[str, Cell]:
    """Return the cells by name."""
    return {cell.name: cell for lanes in stages for lane in lanes for cell in lane}


def only(stages: Stages, names: set[str]) -> Stages:
    """Return the stages with only the named cells."""
    kept = [[[c for c in lane if c.name in names] for lane in lanes] for lanes in stages]
    return [lanes for lanes in kept if any(lanes)]
