"""The counted number of files while files go, one unit after the other."""

from __future__ import annotations

from .kinds import PRE_KEY, PROTECTED_KINDS
from .levels import counted_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .listing import Entry
    from .retention import Unit
    from .settings import Settings


class Tally:
    """Starts with a whole listing; only units of the removable kinds are taken from it."""

    __slots__ = ("_pre_keys", "_protected", "_settings", "_total")

    def __init__(self, entries: list[Entry], settings: Settings) -> None:
        self._total = len(entries)
        self._pre_keys = sum([entry.kind == PRE_KEY for entry in entries])
        self._protected = sum([entry.kind in PROTECTED_KINDS for entry in entries])
        self._settings = settings

    def counted(self) -> int:
        """The number that is compared with the limits now."""
        return counted_of(self._total, self._pre_keys, self._protected, self._settings)

    def remove(self, unit: Unit) -> None:
        """Takes a unit's files away."""
        self._move(unit, -1)

    def put_back(self, unit: Unit) -> None:
        """The inverse of :meth:`remove`."""
        self._move(unit, 1)

    def _move(self, unit: Unit, direction: int) -> None:
        files = direction * len(unit.entries)
        self._total += files
        if unit.entries[0].kind == PRE_KEY:
            self._pre_keys += files
