"""The counted number of files while files go, one unit after the other."""

from __future__ import annotations

from baileys_janitor.policy.file_kinds import PRE_KEY, PROTECTED_KINDS
from baileys_janitor.policy.levels import counted_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.policy.file_entry import Entry
    from baileys_janitor.policy.retention import Unit
    from baileys_janitor.policy.settings import Settings


class Tally:
    """Starts with a whole listing; only units of the removable kinds are taken from it."""

    __slots__ = ("_pre_keys", "_protected", "_settings", "_total", "counted")

    def __init__(self, entries: list[Entry], settings: Settings) -> None:
        self._total = len(entries)
        self._pre_keys = sum([entry.kind == PRE_KEY for entry in entries])
        self._protected = sum([entry.kind in PROTECTED_KINDS for entry in entries])
        self._settings = settings
        #: The number that is compared with the limits now.
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
            self.counted += files  # no allowance leaves these out
        return self.counted - before
