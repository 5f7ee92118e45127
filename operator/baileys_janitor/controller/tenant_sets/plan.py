"""The actions of a set: which tenants to create, edit or delete, and which only to report. Pure.

No single finding is trusted: anybody who writes to a volume can create and remove directories, a mount can be empty for
a while, and a tenant that somebody has deleted must not be created again automatically.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from baileys_janitor.controller.tenant_sets.names import Place, mark_of

DAY_SECONDS: Final = 86_400.0
GONE_SECONDS: Final = 7 * DAY_SECONDS
"""How long a directory or claim must be missing before its tenant is deleted."""
AT_ONCE: Final = 25
"""Tenants that are created, edited or deleted in one pass; the next pass follows at once."""


@dataclass(frozen=True, slots=True)
class Child:
    """A tenant of the set. `template` is the template of its creation, `created` the time (Unix seconds)."""

    name: str
    uid: str
    place: Place
    template: str
    created: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """The request of the spec. `template` is the present one's hash."""

    confirmed: bool
    limit: int
    new_per_day: int
    deletes: bool
    template: str


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of earlier passes, by mark: the places that have or had a tenant, and since when missing ones are
    missing.

    `returning`: somebody has just confirmed that tenants which were deleted by hand are created again.
    """

    known: frozenset[str] = frozenset()
    gone: Mapping[str, float] = field(default_factory=dict)
    returning: bool = False


@dataclass(slots=True)
class Plan:
    """The actions to take now. `more`: so much is left that the next pass is due at once.

    `known` and `gone` are the memory from now on; a place is known once its tenant exists. The numbers are those of
    `status.preview`.
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
    """Return the actions at `now` (Unix seconds) for the places that were found.

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
    # Forget places that are gone and have no tenant, but not because of an empty volume.
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
    """Plan the deletion of tenants whose place is missing."""
    if not there and children:
        # An empty mount looks the same as a volume from which all was removed: count no place as missing.
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
