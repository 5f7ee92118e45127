"""The decision: which files are removed, in which order and why, and why the others stay."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.guards import Context, refusal, shortest, sift
from baileys_janitor.policy.cleanup.retention import due_units
from baileys_janitor.policy.cleanup.selection import Tally, choose_emergency, choose_normal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.ages.ages import Ages
    from baileys_janitor.policy.cleanup.retention import Unit
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.policy.settings import Settings


@dataclass(frozen=True, slots=True)
class Removal:
    """One file to remove, the reason, and the number of its unit."""

    entry: Entry
    reason: str
    unit: int


class Plan:
    """The plan of one run.

    `removals` in order, a unit's files next to each other; `kept`: how many of the other files stay for each reason
    code; `left`: files that are due but past `maxRemovals`; `refused`: the reason code when nothing may be removed at
    all; `before` and `after`: the counted number of files. `context` is for calling the guards again before each
    removal (None when refused).
    """

    __slots__ = ("after", "before", "context", "kept", "left", "refused", "removals")

    def __init__(self, before: int) -> None:
        self.removals: list[Removal] = []
        self.kept: dict[str, int] = {}
        self.left = 0
        self.refused: str | None = None
        self.before = before
        self.after = before
        self.context: Context | None = None

    def keep(self, reason: str, files: int) -> None:
        """Count files that stay for a reason."""
        if files:
            self.kept[reason] = self.kept.get(reason, 0) + files


def make_plan(
    entries: list[Entry],
    identity: Identity,
    settings: Settings,
    now: float,
    ages: Ages,
    emergency: bool = False,
    refused: str | None = None,
) -> Plan:
    """Return the plan for one run.

    `now` in Unix seconds; `ages` decides which times are old. `emergency` adds the removals of emergencyRetention while
    the count is at `critical` or above, and leaves out every file whose removal would not lower the count. `refused` is
    a reason code that the caller already has for removing nothing.
    """
    tally = Tally(entries, settings)
    plan = Plan(tally.counted)
    plan.refused = refused or refusal(identity, len(entries), now)
    if plan.refused is not None:
        plan.kept = {plan.refused: len(entries)} if entries else {}
        return plan
    limits = shortest(settings, emergency)
    context = plan.context = Context(entries, identity, limits, now, ages)
    allowed, kept = sift(entries, context)
    for reason, files in kept.items():
        plan.keep(reason, len(files))
    extra = settings.applied_emergency_retention() if emergency else None
    due = due_units(allowed, context, settings.applied_retention(), extra)
    critical = settings.thresholds.critical
    choice = choose_emergency(due, tally, critical) if emergency else choose_normal(due, tally)
    # A unit with one file that a guard protects stays whole.
    plan.keep(reasons.OWN_KEY_IN_USE, len(allowed) - due.files)
    plan.keep(reasons.NO_GAIN, choice.without_gain)
    plan.keep(reasons.NOT_NEEDED, choice.not_needed)
    for unit in _past_cap(plan, choice.units, settings.max_removals.limit(len(entries))):
        plan.left += len(unit.entries)
        tally.put_back(unit)
    plan.keep(reasons.NEXT_RUN, plan.left)
    plan.after = tally.counted
    return plan


def _past_cap(plan: Plan, units: list[Unit], limit: int) -> list[Unit]:
    """Plan units in order while they fit into `limit` files; return the others.

    A unit is never split, and the first that does not fit ends the run, so that removed files are older than those
    left. Only a unit larger than the limit itself is skipped: it would block all younger ones for ever.
    """
    left: list[Unit] = []
    full = False
    for number, unit in enumerate(units):
        size = len(unit.entries)
        full = full or limit >= size > limit - len(plan.removals)
        if full or size > limit:
            left.append(unit)
        else:
            plan.removals.extend(Removal(entry, unit.reason, number) for entry in unit.entries)
    return left
