"""Removing: each file is checked right before it moves into the trash, and again afterwards.

The library lists nothing and locks nothing: it opens files by name, truncates and writes. A write that
began before the move shows in the file's modification time at the second check, and the file goes back; a
later write makes a new file under the name. So no write is lost, and none waits.
"""

from __future__ import annotations

import errno
import os

from baileys_janitor.volume.errors import STATE_VANISHED, VolumeProblem, problem_of
from baileys_janitor.volume.files.read import is_as_listed
from baileys_janitor.volume.files.run_plan import Planned
from baileys_janitor.volume.files.state_files import lookup
from baileys_janitor.volume.files.state_names import fits, plan_name, trash_name
from baileys_janitor.volume.runs.put_back import settle_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.policy.cleanup.plan import Removal
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
    from baileys_janitor.volume.runs.put_back import Trash

# Reasons why a planned file stayed after all, besides those of the guards.
CHANGED = "Changed"
GONE = "Gone"
NOT_PERMITTED = "NotPermitted"
WITH_ITS_PAIR = "WithItsPair"
NAME_TOO_LONG = "NameTooLong"
SEVERAL_LINKS = "SeveralLinks"
OTHER_OWNER = "OtherOwner"

EXPLANATIONS = {
    CHANGED: "Written to or replaced after it was listed.",
    GONE: "Removed by somebody else after it was listed.",
    NOT_PERMITTED: "The file system does not allow this file to be moved.",
    WITH_ITS_PAIR: "It goes only together with another file, which had to stay.",
    NAME_TOO_LONG: "Its name is too long to be kept in the trash.",
    SEVERAL_LINKS: "It has several hard links, so an undo could not determine its owner.",
    OTHER_OWNER: "It belongs to neither the owner of the directory nor that of creds.json, so an undo would "
    "not put it back.",
}


class Removed:
    """The result of carrying out a plan.

    `moved` are in the trash; `kept` counts by reason the files that stayed; `left` was not reached because of `problem`
    (None: everything was tried). `returned` of the moved names have a file again.
    """

    __slots__ = ("kept", "left", "moved", "problem", "returned")

    def __init__(self) -> None:
        self.moved: list[Removal] = []
        self.kept: dict[str, int] = {}
        self.left = 0
        self.returned = 0
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
    """Moves planned files of one directory into one run's trash.

    `protect` is called right before each move and returns the reason why the file must stay (None: it may go).
    `plan_inode` is the run's plan: when the plan or the journal vanishes, the run stops.
    """

    def __init__(
        self,
        access: ExclusiveAccess,
        trash: Trash,
        protect: Callable[[Entry], str | None],
        plan_inode: int,
    ) -> None:
        self._access = access
        self._session = access.session
        self._trash = trash
        self._protect = protect
        self._plan_inode = plan_inode
        self._plan_name = plan_name(trash.run)
        self._file_system = access.file_system()

    def remove(
        self,
        removals: Sequence[Removal],
        stop: Callable[[], str | None],
        progress: Callable[[int, int], None],
    ) -> Removed:
        """Carry out the plan, unit by unit, until `stop` returns a reason to end. Never raises for a
        file system error: the reason for an early end is in the result."""
        removed = Removed()
        done = 0
        for unit in _units(removals):
            code = stop()
            removed.problem = VolumeProblem(code) if code else self._try_unit(unit, removed)
            if removed.problem is not None:
                removed.left = len(removals) - done
                break
            done += len(unit)
            progress(done, len(removals))
        return removed

    def _try_unit(self, unit: list[Removal], removed: Removed) -> VolumeProblem | None:
        try:
            self._access.lock.check()
            self._check_state()
            self._remove_unit(unit, removed)
        except VolumeProblem as problem:
            return problem
        except OSError as error:
            return problem_of(error)
        return None

    def _remove_unit(self, unit: list[Removal], removed: Removed) -> None:
        tried: list[Removal] = []
        try:
            reason = self._move_unit(unit, tried, removed)
            moved = tried if reason is None else self._return(unit) if tried else []
        except OSError:
            removed.moved += tried  # they may have moved: the run checks them again
            raise
        removed.moved += moved
        if reason is not None and len(moved) < len(unit):
            removed.keep(reason)
            removed.keep(WITH_ITS_PAIR, len(unit) - len(moved) - 1)

    def _move_unit(self, unit: list[Removal], tried: list[Removal], removed: Removed) -> str | None:
        """Move a unit's files, adding each to `tried` before; return the reason if the unit has to stay."""
        try:
            for each in unit if len(unit) > 1 else ():
                self._look_again(each)
            for each in unit:
                tried.append(each)
                try:
                    self._move(each)
                except _Stay as stay:
                    # The library has removed the key itself: removing its memory file as well is right.
                    if stay.reason != GONE or len(tried) == 1:
                        raise
                    tried.remove(each)
                    removed.keep(GONE)
        except _Stay as stay:
            return stay.reason
        return None

    def _check_state(self) -> None:
        plan = lookup(self._session, self._plan_name)
        if (
            plan is None
            or plan.st_ino != self._plan_inode
            or not self._access.journal.still_there()
        ):
            raise VolumeProblem(STATE_VANISHED)

    def _return(self, unit: list[Removal]) -> list[Removal]:
        """Put back a unit that could not move as a whole; return its files that rightly stay in the trash."""
        settled = settle_unit(self._trash, [self.planned(each) for each in unit])
        names = {each.name for each in settled}
        return [each for each in unit if each.entry.name in names]

    def planned(self, each: Removal) -> Planned:
        """Return a removal as a plan entry."""
        return planned(each, self._file_system.stable_inodes)

    def _look_again(self, each: Removal) -> None:
        found = lookup(self._session, each.entry.name)
        if found is None:
            raise _Stay(GONE)
        entry = each.entry
        if not is_as_listed(entry, found):
            raise _Stay(CHANGED)
        reason = self._protect(entry) or self._unreturnable(entry.name, found)
        if reason is not None:
            raise _Stay(reason)

    def _unreturnable(self, name: str, found: os.stat_result) -> str | None:
        """Return the reason why a file could not be put back, so that it is not removed in the first place."""
        if found.st_nlink > 1:
            return SEVERAL_LINKS
        if found.st_uid not in self._access.owners.uids:
            return OTHER_OWNER
        return None if fits(trash_name(self._trash.run, name)) else NAME_TOO_LONG

    def _move(self, each: Removal) -> None:
        """Move one file. Raises _Stay or OSError."""
        name = each.entry.name
        self._look_again(each)
        try:
            self._file_system.move(name, trash_name(self._trash.run, name))
        except FileNotFoundError:
            raise _Stay(GONE) from None
        except FileExistsError:
            raise _Stay(CHANGED) from None
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                raise _Stay(NOT_PERMITTED) from None
            if error.errno == errno.ENAMETOOLONG:
                raise _Stay(NAME_TOO_LONG) from None
            raise
        as_planned = self.planned(each)
        after = self._trash.look(as_planned)
        if after is None:  # a bot clears its session: it unlinked the file under its new name
            raise _Stay(GONE)
        if not as_planned.is_still(after) or self._trash.is_doubled(as_planned, after):
            self._trash.give_back(as_planned)
            raise _Stay(CHANGED)


def planned(removal: Removal, stable_inodes: bool) -> Planned:
    """Return a removal as a plan entry."""
    entry = removal.entry
    inode = entry.inode if stable_inodes else 0
    return Planned(entry.name, removal.unit, inode, entry.mtime_ns, entry.size)


def _units(removals: Sequence[Removal]) -> list[list[Removal]]:
    units: list[list[Removal]] = []
    for each in removals:
        if units and units[-1][0].unit == each.unit:
            units[-1].append(each)
        else:
            units.append([each])
    return units
