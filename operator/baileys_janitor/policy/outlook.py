"""What cleaning could do for a directory now, for a scan's report: numbers, no plan."""

from __future__ import annotations

from . import reasons
from .ages import file_time
from .choice import choose_emergency
from .guards import Context, protect, shortest
from .kinds import SENDER_KEY, SESSION
from .plan import refusal
from .retention import due_units
from .tally import Tally
from .values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ages import Ages
    from .identity import Identity
    from .listing import Entry
    from .retention import Due
    from .settings import Settings


class Outlook(Value):
    """Numbers of files.

    ``counted``: what is compared with the limits. ``reclaimable``: what the normal retention would
    remove now, without regard to maxRemovals. ``emergency_gain``: by how much an emergency would
    lower ``counted``, without regard to maxRemovals. ``floor``: ``counted`` once all that any rule
    would remove is gone, files judged by the calendar, as they will be once there was traffic for long
    enough; sessions in use are part of it. ``refused``: why nothing may be removed at all (the first two numbers are
    then 0, and ``floor`` equals ``counted`` and means nothing). ``kept``: how many of the other files
    the normal retention leaves where they are, by reason code (empty when refused). ``held_days``: on
    how many days more there must be traffic before the first of those goes that stay for silences alone;
    None without such files.
    """

    __slots__ = (
        "counted",
        "emergency_gain",
        "floor",
        "held_days",
        "kept",
        "reclaimable",
        "refused",
    )

    def __init__(
        self,
        counted: int,
        reclaimable: int = 0,
        emergency_gain: int = 0,
        floor: int | None = None,
        refused: str | None = None,
        kept: dict[str, int] | None = None,
        held_days: int | None = None,
    ) -> None:
        self.counted = counted
        self.reclaimable = reclaimable
        self.emergency_gain = emergency_gain
        self.floor = counted if floor is None else floor
        self.refused = refused
        self.kept = kept or {}
        self.held_days = held_days


def look_ahead(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    ages: Ages,
    refused: str | None = None,
) -> Outlook:
    """The outlook of a listing; times as for :func:`.plan.make_plan`.

    ``refused`` is a reason code that whoever asks knows for removing nothing.
    """
    tally = Tally(entries, settings)
    counted = tally.counted
    refused = refused or refusal(identity, len(entries), now)
    if refused is not None:
        return Outlook(counted, refused=refused)
    limits = shortest(settings, emergency=True)
    context = Context(entries, identity, limits, now, ages)
    kept: dict[str, int] = {}
    due = _due(entries, context, settings, kept)
    choose_emergency(due, tally, settings.thresholds.critical)
    outlook = Outlook(
        counted, sum([len(unit.entries) for unit in due.normal]), counted - tally.counted, kept=kept
    )
    if reasons.SILENCE_NOT_COUNTED in kept:
        outlook.held_days = _held_days(entries, context, settings)
    outlook.floor = _floor(entries, context, settings, due)
    return outlook


def reclaimable(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    ages: Ages,
) -> int:
    """How many files the normal retention would remove now, without regard to maxRemovals."""
    return look_ahead(entries, identity, settings, now, ages).reclaimable


def emergency_gain(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    ages: Ages,
) -> int:
    """By how much an emergency would lower the count, without regard to maxRemovals."""
    return look_ahead(entries, identity, settings, now, ages).emergency_gain


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


def _held_days(entries: list[Entry], context: Context, settings: Settings) -> int | None:
    retention = settings.retention
    days = []
    for entry in entries:
        limit = {
            SESSION: retention.session_max_age,
            SENDER_KEY: retention.sender_key_max_age,
        }.get(entry.kind)
        time = None if limit is None else file_time(entry, context.ages.now)
        if limit is not None and time is not None and _is_held(entry, context):
            days.append(context.ages.days_to_go(time, limit))
    return min(days, default=None)


def _is_held(entry: Entry, context: Context) -> bool:
    return protect(entry, context) == reasons.SILENCE_NOT_COUNTED


def _floor(entries: list[Entry], context: Context, settings: Settings, due: Due) -> int:
    if not context.by_calendar:
        context.ages = context.ages.by_calendar()
        due = _due(entries, context, settings, {})
    tally = Tally(entries, settings)
    for unit in due.normal + due.extra:
        tally.remove(unit)
    return tally.counted
