"""What cleaning could do for a directory now, for a scan's report: numbers, no plan."""

from __future__ import annotations

from . import reasons
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
    then 0, and ``floor`` equals ``counted`` and means nothing). ``kept``: how many of the other files
    the normal retention leaves where they are, by reason code (empty when refused).
    """

    __slots__ = ("counted", "emergency_gain", "floor", "kept", "reclaimable", "refused")

    def __init__(
        self,
        counted: int,
        reclaimable: int = 0,
        emergency_gain: int = 0,
        floor: int | None = None,
        refused: str | None = None,
        kept: dict[str, int] | None = None,
    ) -> None:
        self.counted = counted
        self.reclaimable = reclaimable
        self.emergency_gain = emergency_gain
        self.floor = counted if floor is None else floor
        self.refused = refused
        self.kept = kept or {}


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
    kept: dict[str, int] = {}
    due = _due(entries, context, settings, kept)
    choose_emergency(due, tally, settings.thresholds.critical)
    outlook = Outlook(
        counted, sum([len(unit.entries) for unit in due.normal]), counted - tally.counted, kept=kept
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


def _due(entries: list[Entry], context: Context, settings: Settings, kept: dict[str, int]) -> Due:
    """What may go; ``kept`` is told why each of the others stays as long as there is no emergency."""
    allowed = []
    for entry in entries:
        reason = protect(entry, context)
        if reason is None:
            allowed.append(entry)
        else:
            kept[reason] = kept.get(reason, 0) + 1
    urgent = settings.applied_emergency_retention()
    due = due_units(allowed, context, settings.applied_retention(), urgent)
    extra = sum([len(unit.entries) for unit in due.extra])
    # A unit of which a guard protects one file stays whole.
    for reason, files in (
        (reasons.EMERGENCY_ONLY, extra),
        (reasons.OWN_KEY_IN_USE, len(allowed) - due.files),
    ):
        if files:
            kept[reason] = kept.get(reason, 0) + files
    return due


def _floor(entries: list[Entry], context: Context, settings: Settings, due: Due) -> int:
    oldest_ns = min([entry.mtime_ns for entry in entries], default=0)
    if context.active_ns is None or context.active_ns > oldest_ns:
        context.active_ns = nanoseconds(_EVER)
        due = _due(entries, context, settings, {})
    tally = Tally(entries, settings)
    for unit in due.normal + due.extra:
        tally.remove(unit)
    return tally.counted
