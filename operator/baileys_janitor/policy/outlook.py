"""What cleaning could do for a directory now, for a scan's report: numbers, no plan."""

from __future__ import annotations

from .choice import choose_emergency
from .guards import Context, protect, shortest
from .plan import refusal
from .retention import due_units
from .tally import Tally
from .times import nanoseconds
from .values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .identity import Identity
    from .listing import Entry
    from .retention import Due
    from .settings import Settings

_EVER = -1e18


class Outlook(Value):
    """Numbers of files.

    ``counted``: what is compared with the limits. ``reclaimable``: what the normal retention would
    remove now, without regard to maxRemovals. ``emergency_gain``: by how much an emergency would
    lower ``counted``, without regard to maxRemovals. ``floor``: ``counted`` once all that any rule
    would remove is gone, a stopped or just woken tenant's files judged by their own age; sessions in
    use are part of it. ``refused``: why nothing may be removed at all (the first two numbers are
    then 0, and ``floor`` equals ``counted`` and means nothing).
    """

    __slots__ = ("counted", "emergency_gain", "floor", "reclaimable", "refused")

    def __init__(
        self,
        counted: int,
        reclaimable: int = 0,
        emergency_gain: int = 0,
        floor: int | None = None,
        refused: str | None = None,
    ) -> None:
        self.counted = counted
        self.reclaimable = reclaimable
        self.emergency_gain = emergency_gain
        self.floor = counted if floor is None else floor
        self.refused = refused


def look_ahead(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    active_since: float | None,
) -> Outlook:
    """The outlook of a listing; times as for :func:`.plan.make_plan`."""
    tally = Tally(entries, settings)
    counted = tally.counted
    refused = refusal(identity, len(entries), now)
    if refused is not None:
        return Outlook(counted, refused=refused)
    limits = shortest(settings, emergency=True)
    context = Context(entries, identity, limits, now, active_since)
    due = _due(entries, context, settings)
    choose_emergency(due, tally, settings.thresholds.critical)
    outlook = Outlook(
        counted, sum([len(unit.entries) for unit in due.normal]), counted - tally.counted
    )
    outlook.floor = _floor(entries, context, settings, due)
    return outlook


def reclaimable(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    active_since: float | None,
) -> int:
    """How many files the normal retention would remove now, without regard to maxRemovals."""
    return look_ahead(entries, identity, settings, now, active_since).reclaimable


def emergency_gain(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    active_since: float | None,
) -> int:
    """By how much an emergency would lower the count, without regard to maxRemovals."""
    return look_ahead(entries, identity, settings, now, active_since).emergency_gain


def _due(entries: list[Entry], context: Context, settings: Settings) -> Due:
    allowed = [entry for entry in entries if protect(entry, context) is None]
    return due_units(allowed, context, settings.retention, settings.emergency_retention)


def _floor(entries: list[Entry], context: Context, settings: Settings, due: Due) -> int:
    oldest_ns = min([entry.mtime_ns for entry in entries], default=0)
    if context.active_ns is None or context.active_ns > oldest_ns:
        context.active_ns = nanoseconds(_EVER)
        due = _due(entries, context, settings)
    tally = Tally(entries, settings)
    for unit in due.normal + due.extra:
        tally.remove(unit)
    return tally.counted
