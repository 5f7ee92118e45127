"""The effect that a cleanup would have on a directory now, for a scan's report: numbers, no plan."""

from __future__ import annotations

from baileys_janitor.policy import reasons
from baileys_janitor.policy.ages.ages import file_time
from baileys_janitor.policy.cleanup.guards import (
    Context,
    perhaps_old,
    protect,
    refusal,
    shortest,
    sift,
)
from baileys_janitor.policy.cleanup.retention import due_units
from baileys_janitor.policy.cleanup.selection import Tally, choose_emergency
from baileys_janitor.policy.files.file_kinds import SENDER_KEY, SENDER_KEY_MEMORY, SESSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.ages.ages import Ages
    from baileys_janitor.policy.cleanup.retention import Due
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.policy.settings import Retention, Settings


# Reasons that would not apply if every age were the calendar's.
_NOT_BY_CALENDAR = frozenset(
    (reasons.STOPPED, reasons.JUST_WOKE, reasons.SILENCE_NOT_COUNTED, reasons.AGE_COUNTS_ANEW)
)
_OF_AGE = frozenset((reasons.EMERGENCY_ONLY, reasons.SILENCE_NOT_COUNTED, reasons.AGE_COUNTS_ANEW))


class Outlook:
    """Numbers of files.

    `counted`: the number that is compared with the limits. `reclaimable`: how many files the normal retention would
    remove now, ignoring maxRemovals. `emergency_gain`: by how much an emergency would lower `counted`, ignoring
    maxRemovals. `floor`: `counted` after removing everything that any rule would remove, files judged by the calendar,
    as they will be after enough traffic; it includes sessions in use. `refused`: why nothing may be removed at all
    (`reclaimable` and `emergency_gain` are then 0, and `floor` equals `counted` and means nothing). `kept`: how many of
    the other files the normal retention leaves, by reason code (empty when refused). `held_days`: how many further days
    of traffic are needed before the first file that stays for silences alone is removed; None without such files.
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
    """Return the outlook of a listing; times as for `plan.make_plan`.

    `refused` is a reason code that the caller already has for removing nothing.
    """
    tally = Tally(entries, settings)
    counted = tally.counted
    refused = refused or refusal(identity, len(entries), now)
    if refused is not None:
        return Outlook(counted, refused=refused)
    context = Context(entries, identity, shortest(settings, emergency=True), now, ages)
    kept = _Kept(context, settings.retention)
    allowed, guarded = sift(entries, context)
    due = _due(allowed, context, settings)
    _explain(kept, guarded, allowed, due)
    choose_emergency(due, tally, settings.thresholds.critical)
    outlook = Outlook(
        counted,
        sum([len(unit.entries) for unit in due.normal]),
        counted - tally.counted,
        kept=kept.files,
        held_days=kept.held_days,
    )
    if not _is_due_by_calendar(context, guarded):
        due = due_by_calendar(entries, context, settings)
    outlook.floor = _floor(entries, settings, due)
    return outlook


def reclaimable_now(
    entries: list[Entry], identity: Identity, settings: Settings, now: float, ages: Ages
) -> int:
    """Return only `reclaimable` of the outlook, for a fraction of its cost; 0 when nothing may be removed."""
    if refusal(identity, len(entries), now) is not None:
        return 0
    normal = settings.applied_retention()
    context = Context(entries, identity, normal, now, ages)
    allowed = [entry for entry in perhaps_old(entries, context) if protect(entry, context) is None]
    return due_units(allowed, context, normal, None).files


class _Kept:
    """How many files the normal retention leaves for each reason.

    Guards judge by the shorter of two limits, since a run may be an emergency. For this count, reasons about age are
    recomputed with the normal limit.
    """

    __slots__ = ("_context", "_limits", "files", "held_days")

    def __init__(self, context: Context, retention: Retention) -> None:
        self._context = context
        self._limits = {
            SESSION: retention.session_max_age,
            SENDER_KEY: retention.sender_key_max_age,
            SENDER_KEY_MEMORY: retention.sender_key_max_age,
        }
        self.files: dict[str, int] = {}
        self.held_days: int | None = None

    def add(self, reason: str, files: int = 1) -> None:
        """Count files that stay for a reason."""
        if files:
            self.files[reason] = self.files.get(reason, 0) + files

    def add_entry(self, entry: Entry, reason: str) -> None:
        """Count one file that stays because of its age."""
        limit = self._limits.get(entry.kind)
        if limit is not None and not self._context.old(entry, limit):
            why = self._context.why_young(entry, limit)
            if why != reasons.IN_USE or reason != reasons.EMERGENCY_ONLY:
                reason = why
            if reason == reasons.SILENCE_NOT_COUNTED:
                self._note_days(entry, limit)
        self.add(reason)

    def _note_days(self, entry: Entry, limit: float) -> None:
        ages = self._context.ages
        time = file_time(entry, ages.now)
        if time is not None:
            days = ages.days_to_go(time, limit)
            self.held_days = days if self.held_days is None else min(self.held_days, days)


def _due(allowed: list[Entry], context: Context, settings: Settings) -> Due:
    """Return the files that the rules remove, emergency rules included."""
    urgent = settings.applied_emergency_retention()
    return due_units(allowed, context, settings.applied_retention(), urgent)


def _explain(kept: _Kept, guarded: dict[str, list[Entry]], allowed: list[Entry], due: Due) -> None:
    """Add to `kept` why each file stays as long as there is no emergency."""
    for reason, files in guarded.items():
        if reason not in _OF_AGE:
            kept.add(reason, len(files))
            continue
        for entry in files:
            kept.add_entry(entry, reason)
    for unit in due.extra:
        for entry in unit.entries:
            kept.add_entry(entry, reasons.EMERGENCY_ONLY)
    # A unit of which a guard protects one file stays whole.
    kept.add(reasons.OWN_KEY_IN_USE, len(allowed) - due.files)


def _is_due_by_calendar(context: Context, guarded: dict[str, list[Entry]]) -> bool:
    """Return whether calendar ages would remove the same files: nothing stays for a silence, a stop or a copy."""
    if context.pre_key_floor is not None:
        return False  # a pre-key's age depends on when the tenant woke, whatever the limits of other kinds
    if context.by_calendar:
        return True
    return not context.ages.grown and _NOT_BY_CALENDAR.isdisjoint(guarded)


def due_by_calendar(entries: list[Entry], context: Context, settings: Settings) -> Due:
    """Return the files that would be due with calendar ages; the context keeps these ages afterwards."""
    context.ages = context.ages.by_calendar()
    return _due(sift(entries, context)[0], context, settings)


def _floor(entries: list[Entry], settings: Settings, due: Due) -> int:
    tally = Tally(entries, settings)
    for unit in due.normal + due.extra:
        tally.remove(unit)
    return tally.counted
