"""The contents of a cell of the bench: the tenants' number, layout and state. Pure and serialisable."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from typing import Literal

DAY = 86_400.0
NODES_PER_THOUSAND = 20
MOST_GROWTH = 20.0
"""Counted files a day of the busiest tenants."""
IDLE = 0.25
"""Share of tenants that do not grow at all."""
WARNING, EMERGENCY = 150, 180
"""The built-in thresholds; the fleet is made for them."""

Layout = Literal["shared", "namespaced"]
Contender = Literal["operator", "cronjobs", "timers"]
"""The manager of the fleet: the operator, a CronJob for each tenant, or naive timers for each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A fleet.

    `seeded`: tenants have the status that an earlier operator left at `now` (Unix seconds); else they are new.
    `declared`: they exist when the cell begins.
    `at_warning` is the share of tenants between `warning` and `critical`. `lag` is the number of seconds
    before `now` of the earlier operator's last scan. `adaptive` is the fleet's default. `overdue`: the last handled
    slots of the timers are from before the outage, and there are files to remove. `daily` is the cron
    expression of the daily cleanup; empty: in twelve hours, so that none runs during the cell. `backed_up`: every
    tenant is backed up hourly, for the first time `first_backup` seconds after `now`.
    """

    tenants: int
    layout: Layout = "shared"
    contender: Contender = "operator"
    adaptive: bool = True
    seeded: bool = True
    declared: bool = True
    now: float = 0.0
    lag: float = 0.0
    at_warning: float = 0.03
    overdue: bool = False
    daily: str = ""
    backed_up: bool = False
    first_backup: float = 0.0
    namespaces: int = 1
    salt: int = 1

    @property
    def cron(self) -> str:
        """The schedule of the daily cleanup, in UTC."""
        return self.daily or f"0 {(int(self.now) // 3600 + 12) % 24} * * *"

    @property
    def nodes(self) -> int:
        """The number of nodes for the workloads."""
        return max(2, self.tenants * NODES_PER_THOUSAND // 1000)

    def node(self, number: int) -> str:
        """Return the node of tenant `number`'s workload: spread evenly, as a scheduler spreads replicas."""
        return f"node-{number % self.nodes:04d}"

    def namespace(self, number: int) -> str:
        """Return the namespace of tenant `number`."""
        if self.layout == "namespaced":
            return f"company-{number:05d}"
        return f"tenants-{number % self.namespaces:02d}"

    def all_namespaces(self) -> list[str]:
        """Return every namespace with tenants."""
        return sorted({self.namespace(number) for number in range(self.tenants)})

    def to_json(self) -> str:
        """Serialise the plan for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read the output of `to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant: `growth` in counted files a day, `files` counted at the plan's `now`."""

    number: int
    growth: float
    files: float

    @property
    def name(self) -> str:
        """The name of the resource."""
        return f"company-{self.number:05d}"

    @property
    def claim(self) -> str:
        """The name of its volume's claim."""
        return f"baileys-{self.number:05d}"


def companies(plan: Plan) -> list[Company]:
    """Draw the fleet from a seed: the same plan gives the same fleet in every process."""
    return [_company(plan, number) for number in range(plan.tenants)]


def _company(plan: Plan, number: int) -> Company:
    draw = random.Random(f"{plan.salt}/{number}")
    # Many tenants hardly grow, few grow fast: the square of a uniform distribution.
    growth = 0.0 if draw.random() < IDLE else MOST_GROWTH * draw.random() ** 2
    urgent = draw.random() < plan.at_warning
    files = draw.uniform(WARNING, 169) if urgent else draw.uniform(70, WARNING - 2)
    if plan.overdue:
        # Half of them are at the trigger, all have files that the daily cleanup removes.
        growth = max(growth, 1.0)
        files = 176.0 if number % 2 else 120.0
    return Company(number, round(growth, 2), files)
