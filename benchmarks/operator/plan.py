"""What a cell of the bench holds: how many tenants, how laid out, in which state. Pure and serialisable."""

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
"""Who looks after the fleet: the operator, a CronJob for each tenant, or naive timers for each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A fleet.

    `seeded`: tenants have the status that an earlier operator left at `now` (Unix seconds); else they are new.
    `declared`: they are there when the cell begins.
    `at_warning` is the share of tenants between `warning` and `critical`. `lag` is how many seconds before
    `now` the earlier operator looked last. `adaptive` is the fleet's default. `overdue`: the last handled
    slots of the timers are from before the outage, and there is something to remove. `daily` is the cron
    expression of the daily cleanup; empty: in twelve hours, so that none comes in between. `backed_up`: every
    tenant is backed up hourly, `first_backup` seconds after `now` for the first time.
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
        """When the daily cleanup is due, in UTC."""
        return self.daily or f"0 {(int(self.now) // 3600 + 12) % 24} * * *"

    @property
    def nodes(self) -> int:
        """How many nodes the workloads are spread on."""
        return max(2, self.tenants * NODES_PER_THOUSAND // 1000)

    def node(self, number: int) -> str:
        """The node on which tenant `number`'s workload runs: evenly, as a scheduler spreads replicas."""
        return f"node-{number % self.nodes:04d}"

    def namespace(self, number: int) -> str:
        """The namespace of tenant `number`."""
        if self.layout == "namespaced":
            return f"company-{number:05d}"
        return f"tenants-{number % self.namespaces:02d}"

    def all_namespaces(self) -> list[str]:
        """Every namespace that holds tenants."""
        return sorted({self.namespace(number) for number in range(self.tenants)})

    def to_json(self) -> str:
        """For another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The opposite of `to_json`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Company:
    """A tenant's nature: `growth` counted files a day, `files` counted at the plan's `now`."""

    number: int
    growth: float
    files: float

    @property
    def name(self) -> str:
        """Of the resource."""
        return f"company-{self.number:05d}"

    @property
    def claim(self) -> str:
        """Of its volume's claim."""
        return f"baileys-{self.number:05d}"


def companies(plan: Plan) -> list[Company]:
    """Draw the fleet: the same for the same plan, wherever it is drawn."""
    return [_company(plan, number) for number in range(plan.tenants)]


def _company(plan: Plan, number: int) -> Company:
    draw = random.Random(f"{plan.salt}/{number}")
    # Many that hardly grow, few that grow fast: the square of an even spread.
    growth = 0.0 if draw.random() < IDLE else MOST_GROWTH * draw.random() ** 2
    urgent = draw.random() < plan.at_warning
    files = draw.uniform(WARNING, 169) if urgent else draw.uniform(70, WARNING - 2)
    if plan.overdue:
        # Half of them at the trigger, all with something that the daily cleanup finds.
        growth = max(growth, 1.0)
        files = 176.0 if number % 2 else 120.0
    return Company(number, round(growth, 2), files)
