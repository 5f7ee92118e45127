"""The units that a run takes from those due, and the counted number of files during removal.

A normal run takes all of them. An emergency takes only units that lower the count: pre-keys above
the allowance are not counted, so it loses nothing without them, and new contacts keep their first
message. It goes beyond the normal rules only while the count is at `critical` or above.
"""

from __future__ import annotations

from baileys_janitor.policy.files.file_entry import listed
from baileys_janitor.policy.files.file_kinds import PRE_KEY, PROTECTED_KINDS
from baileys_janitor.policy.levels import counted_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.cleanup.retention import Due, Unit
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.policy.settings import Settings


class Tally:
    """The counted number during removals; starts with a whole listing, and only removable kinds are taken from it."""

    __slots__ = ("_pre_keys", "_protected", "_settings", "_total", "counted")

    def __init__(self, entries: list[Entry], settings: Settings) -> None:
        self._total = len(entries)
        listing = listed(entries)
        self._pre_keys = len(listing.of(PRE_KEY))
        self._protected = sum([len(listing.of(kind)) for kind in PROTECTED_KINDS])
        self._settings = settings
        #: The number that is compared with the limits, at present.
        self.counted = self._count()

    def _count(self) -> int:
        return counted_of(self._total, self._pre_keys, self._protected, self._settings)

    def remove(self, unit: Unit) -> int:
        """Take a unit's files away; return by how much that lowers the counted number."""
        return -self._move(unit, -len(unit.entries))

    def put_back(self, unit: Unit) -> None:
        """Put back what `remove` took away."""
        self._move(unit, len(unit.entries))

    def _move(self, unit: Unit, files: int) -> int:
        before = self.counted
        self._total += files
        if unit.entries[0].kind == PRE_KEY:
            self._pre_keys += files
            self.counted = self._count()
        else:
            self.counted += files  # no allowance excludes these
        return self.counted - before


class Choice:
    """The units that a run takes, in order, and how many due files it leaves, by cause."""

    __slots__ = ("not_needed", "units", "without_gain")

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.without_gain = 0
        self.not_needed = 0


def choose_normal(due: Due, tally: Tally) -> Choice:
    """Take every unit of the normal rules."""
    choice = Choice()
    choice.units = due.normal
    for unit in due.normal:
        tally.remove(unit)
    return choice


def choose_emergency(due: Due, tally: Tally, critical: int) -> Choice:
    """Take units that lower the count: those of the normal rules, then as few others as needed."""
    choice = Choice()
    for unit in due.normal:
        _take_if_lower(unit, tally, choice, choice.units)
    extra: list[Unit] = []
    for unit in due.extra:
        _take_if_lower(unit, tally, choice, extra)
    # Put the youngest back as long as the count stays below critical without them.
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
