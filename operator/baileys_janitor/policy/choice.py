"""Which of the units that are due a run takes.

A normal run takes all of them. An emergency takes only what lowers the count: pre-keys above the
allowance are not counted, so without them it loses nothing and new contacts keep their first
message. It goes beyond the normal rules only while the count is at `critical` or above.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.retention import Due, Unit
    from baileys_janitor.policy.tally import Tally


class Choice:
    """The units a run takes in their order, and how many due files it leaves for which cause."""

    __slots__ = ("not_needed", "units", "without_gain")

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.without_gain = 0
        self.not_needed = 0


def choose_normal(due: Due, tally: Tally) -> Choice:
    """Everything the normal rules let go."""
    choice = Choice()
    choice.units = due.normal
    for unit in due.normal:
        tally.remove(unit)
    return choice


def choose_emergency(due: Due, tally: Tally, critical: int) -> Choice:
    """Return what lowers the count: the normal rules' units, then as few of the others as need be."""
    choice = Choice()
    for unit in due.normal:
        _take_if_lower(unit, tally, choice, choice.units)
    extra: list[Unit] = []
    for unit in due.extra:
        _take_if_lower(unit, tally, choice, extra)
    # The youngest go back as long as the count stays below critical without them.
    needed: list[Unit] = []
    for unit in reversed(extra):
        tally.put_back(unit)
        if tally.counted < critical:
            choice.not_needed += len(unit.entries)
        else:
            tally.remove(unit)
            needed.append(unit)
    choice.units.extend(reversed(needed))
    return choice


def _take_if_lower(unit: Unit, tally: Tally, choice: Choice, taken: list[Unit]) -> None:
    if tally.remove(unit) > 0:
        taken.append(unit)
    else:
        tally.put_back(unit)
        choice.without_gain += len(unit.entries)
