"""Removing: each file is looked at again right before it moves into the trash, and again afterwards.

The library lists nothing and locks nothing: it opens files by name, truncates and writes. A write that
began before the move shows in the file's modification time at the second look, and the file goes back; one
that begins later makes a new file under the name. So no write is lost, and none waits.
"""

from __future__ import annotations

import errno
import os

from ..policy.guards import protect
from .problems import VolumeProblem, problem_of
from .reading import entry_of
from .trash import Planned, look
from .units import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..policy.guards import Context
    from ..policy.plan import Removal
    from .lock import Lock

# Why a planned file stayed after all, besides the guards' own reasons.
CHANGED = "Changed"
GONE = "Gone"
NOT_PERMITTED = "NotPermitted"
WITH_ITS_PAIR = "WithItsPair"

EXPLANATIONS = {
    CHANGED: "Written to or replaced after it was listed.",
    GONE: "Removed by somebody else after it was listed.",
    NOT_PERMITTED: "The file system does not allow this file to be moved.",
    WITH_ITS_PAIR: "It goes only together with another file, which had to stay.",
}


class Removed:
    """What became of a plan.

    `moved` are in the trash, each with the bytes that its purge will free; `kept` counts by reason what
    stayed; `left` was not reached because of `problem` (None: everything was tried).
    """

    __slots__ = ("kept", "left", "moved", "problem")

    def __init__(self) -> None:
        self.moved: list[tuple[Removal, int]] = []
        self.kept: dict[str, int] = {}
        self.left = 0
        self.problem: VolumeProblem | None = None

    def keep(self, reason: str, number: int = 1) -> None:
        """Count files that stayed."""
        if number:
            self.kept[reason] = self.kept.get(reason, 0) + number


class _Stay(Exception):  # noqa: N818  # not an error: this file stays
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Remover:
    """Moves planned files of one directory into one run's trash."""

    def __init__(self, session: int, trash: int, context: Context, lock: Lock) -> None:
        self._session = session
        self._trash = trash
        self._context = context
        self._lock = lock
        self._device = os.fstat(session).st_dev

    def remove(
        self,
        removals: Sequence[Removal],
        stop: Callable[[], str | None],
        progress: Callable[[int, int], None],
    ) -> Removed:
        """Carry the plan out, unit by unit, until `stop` names a reason to end. Raises nothing of the
        file system: what ended the run is in the result."""
        removed = Removed()
        done = 0
        for unit in _units(removals):
            removed.problem = self._stop(stop) or self._try_unit(unit, removed)
            if removed.problem is not None:
                removed.left = len(removals) - done
                break
            done += len(unit)
            progress(done, len(removals))
        return removed

    def _stop(self, stop: Callable[[], str | None]) -> VolumeProblem | None:
        code = stop()
        return None if code is None else VolumeProblem(code)

    def _try_unit(self, unit: list[Removal], removed: Removed) -> VolumeProblem | None:
        try:
            self._lock.check()
            self._remove_unit(unit, removed)
        except VolumeProblem as problem:
            return problem
        except OSError as error:
            return problem_of(error)
        return None

    def _remove_unit(self, unit: list[Removal], removed: Removed) -> None:
        moved: list[tuple[Removal, int]] = []
        try:
            for each in unit:
                self._look_again(each)
            for each in unit:
                try:
                    moved.append((each, self._move(each)))
                except _Stay as stay:
                    # The library has dropped the key itself: without its memory file is right.
                    if stay.reason != GONE or not moved:
                        raise
                    removed.keep(GONE)
        except _Stay as stay:
            self._return(bool(moved), unit)
            removed.keep(stay.reason)
            removed.keep(WITH_ITS_PAIR, len(unit) - 1)
        except OSError:
            self._return(bool(moved), unit)
            raise
        else:
            removed.moved += moved

    def _return(self, begun: bool, unit: list[Removal]) -> None:
        if begun:
            settle(self._session, self._trash, [planned(each) for each in unit])

    def _look_again(self, each: Removal) -> os.stat_result:
        found = look(self._session, each.entry.name)
        if found is None:
            raise _Stay(GONE)
        entry = entry_of(each.entry.name, found, self._device)
        if entry is None or entry != each.entry:
            raise _Stay(CHANGED)
        reason = protect(entry, self._context)
        if reason is not None:
            raise _Stay(reason)
        return found

    def _move(self, each: Removal) -> int:
        """Move one file; the bytes that its removal will free. Raises _Stay or OSError."""
        name = each.entry.name
        found = self._look_again(each)
        try:
            os.rename(name, name, src_dir_fd=self._session, dst_dir_fd=self._trash)
        except FileNotFoundError:
            raise _Stay(GONE) from None
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise _Stay(NOT_PERMITTED) from None
            raise
        after = look(self._trash, name)
        if after is None or not planned(each).is_still(after):
            settle(self._session, self._trash, [planned(each)])
            raise _Stay(CHANGED)
        # Another hard link keeps the bytes.
        return found.st_size if found.st_nlink == 1 else 0


def planned(removal: Removal) -> Planned:
    """A removal as the trash's plan keeps it."""
    entry = removal.entry
    return Planned(entry.name, removal.unit, entry.inode, entry.mtime_ns, entry.size)


def _units(removals: Sequence[Removal]) -> list[list[Removal]]:
    units: list[list[Removal]] = []
    for each in removals:
        if units and units[-1][0].unit == each.unit:
            units[-1].append(each)
        else:
            units.append([each])
    return units
