"""What a set does: which tenants are created, edited or deleted, and what is only told. Pure.

Nobody is trusted about what there is: whoever writes to a volume makes and removes directories, a mount can be empty
for a while, and a tenant that somebody has deleted must not come back by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from baileys_janitor.controller.tenant_sets.names import Place, mark_of

DAY_SECONDS: Final = 86_400.0
GONE_SECONDS: Final = 7 * DAY_SECONDS
"""How long a directory or claim must be missed before its tenant is deleted."""
AT_ONCE: Final = 25
"""Tenants that are created, edited or deleted at one look; the next one follows at once."""


@dataclass(frozen=True, slots=True)
class Child:
    """A tenant of the set. `template` is what it was made from, `created` when (Unix seconds)."""

    name: str
    uid: str
    place: Place
    template: str
    created: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the spec asks for. `template` is the present one's hash."""

    confirmed: bool
    limit: int
    new_per_day: int
    deletes: bool
    template: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of earlier looks, by mark: what has or had a tenant, and since when what is missed is missed.

    `returning`: somebody has just agreed that tenants which were deleted by hand come back.
    """

    known: frozenset[str] = frozenset()
    gone: Mapping[str, float] = field(default_factory=dict)
    returning: bool = False


@dataclass(slots=True)
class Plan:
    """What is to be done now. `more`: so much is left that the next look is due at once.

    `known` and `gone` are what is remembered from now on; a place is known once its tenant is there. The numbers are
    those of `status.preview`.
    """

    create: list[Place] = field(default_factory=list)
    edit: list[Child] = field(default_factory=list)
    delete: list[Child] = field(default_factory=list)
    more: bool = False
    known: set[str] = field(default_factory=set)
    gone: dict[str, float] = field(default_factory=dict)
    found: int = 0
    tenants: int = 0
    elsewhere: int = 0
    new: int = 0
    waiting: int = 0
    by_hand: int = 0
    until_tomorrow: bool = False


def make_plan(
    found: Collection[Place],
    children: Sequence[Child],
    taken: Collection[Place],
    memory: Memory,
    wanted: Wanted,
    now: float,
) -> Plan:
    """Return what to do at `now` (Unix seconds) about the places that were found.

    `taken` are the places of tenants that are not the set's.
    """
    there = set(found)
    plan = Plan(found=len(there), tenants=len(children))
    places = {child.place for child in children}
    marks = {mark_of(place) for place in places}
    _plan_gone(plan, there, children, memory, wanted, now)
    free = sorted(there - places)
    plan.elsewhere = len([place for place in free if place in taken])
    free = [place for place in free if place not in taken]
    by_hand = [place for place in free if mark_of(place) in memory.known and not memory.returning]
    new = [place for place in free if place not in set(by_hand)]
    plan.by_hand, plan.new = len(by_hand), len(new)
    # What is not there any more and has no tenant is forgotten; an empty volume says nothing.
    kept = {mark_of(place) for place in by_hand} if there else set(memory.known)
    plan.known = marks | kept
    _plan_new(plan, new, children, wanted, now)
    if wanted.confirmed:
        stale = [
            child
            for child in children
            if child.template != wanted.template and child not in plan.delete
        ]
        plan.edit = stale[:AT_ONCE]
        plan.more = plan.more or len(stale) > AT_ONCE
    return plan


def _plan_gone(
    plan: Plan,
    there: set[Place],
    children: Sequence[Child],
    memory: Memory,
    wanted: Wanted,
    now: float,
) -> None:
    """Plan what becomes of tenants whose place is missed."""
    if not there and children:
        # An empty mount looks the same as a volume from which all was removed: nothing is missed by it.
        plan.gone = dict(memory.gone)
        return
    missed = [child for child in children if child.place not in there]
    for child in missed:
        mark = mark_of(child.place)
        plan.gone[mark] = min(memory.gone.get(mark, now), now)
    if wanted.confirmed and wanted.deletes:
        over = [each for each in missed if now - plan.gone[mark_of(each.place)] >= GONE_SECONDS]
        plan.delete = over[:AT_ONCE]
        plan.more = len(over) > AT_ONCE


def _plan_new(
    plan: Plan, new: list[Place], children: Sequence[Child], wanted: Wanted, now: float
) -> None:
    """Plan which of the new places get a tenant now; the others wait."""
    today = len([child for child in children if now - child.created < DAY_SECONDS])
    of_day = max(0, wanted.new_per_day - today)
    of_limit = max(0, wanted.limit - len(children))
    may = min(of_day, of_limit)
    plan.waiting = max(0, len(new) - may)
    plan.until_tomorrow = plan.waiting > 0 and of_day <= of_limit
    if wanted.confirmed:
        plan.create = new[: min(may, AT_ONCE)]
        plan.more = plan.more or min(may, len(new)) > AT_ONCE
