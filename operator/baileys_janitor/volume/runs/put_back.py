"""Putting a removed file back under its own name, never over another.

Any process may have put a file into the trash. A file goes back only when a plan
names it, and it is of a kind that such a run moves, regular, of an expected owner and with one name.
"""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.files.file_kinds import REMOVABLE_KINDS, SENDER_KEY_MEMORY, classify
from baileys_janitor.volume.files.state_files import lookup, remove
from baileys_janitor.volume.files.state_names import trash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.volume.files.file_system import FileSystem
    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.files.state_files import Owners

RESTORED = "Restored"
EXISTS = "Exists"
VANISHED = "Vanished"
FOREIGN = "Foreign"
IN_TRASH = "InTrash"


class Trash:
    """The trash of one run in an open session directory. The caller holds the lock.

    `prove` returns the file system's abilities; it is called before the first file goes back. `own_run`
    is true in the process that moves the files itself: if inodes are not stable, only that process knows that a
    file in the trash is the one it put there. `kinds` are those that such a run moves.
    """

    __slots__ = ("_kinds", "_own_run", "_owners", "_prove", "_session", "run")

    def __init__(
        self,
        session: int,
        run: str,
        owners: Owners,
        prove: Callable[[], FileSystem],
        *,
        own_run: bool = False,
        kinds: frozenset[str] = REMOVABLE_KINDS,
    ) -> None:
        self._session = session
        self.run = run
        self._owners = owners
        self._prove = prove
        self._own_run = own_run
        self._kinds = kinds

    def is_the_file(self, each: Planned, found: os.stat_result) -> bool:
        """Return whether the file in the trash is the planned one, written to since or not."""
        return each.same_inode(found) or (self._own_run and each.inode == 0)

    def look(self, each: Planned) -> os.stat_result | None:
        """Return the status of a removed file, None when it is not in the trash. Raises OSError."""
        return lookup(self._session, trash_name(self.run, each.name))

    def in_place(self, each: Planned) -> os.stat_result | None:
        """Return the status of the file under a planned file's own name, None without one."""
        return lookup(self._session, each.name)

    def is_in_place(self, each: Planned, *, copies: bool = False) -> bool:
        """Return whether the planned file has its own name, written to since or not.

        A new file of that name is another key, and the members named in an old memory file do
        not have it. If inodes are not stable, and with `copies`, the same time and size are enough.
        """
        here = self.in_place(each)
        if here is None or not stat.S_ISREG(here.st_mode):
            return False
        return each.same_inode(here) or ((copies or not each.inode) and each.same_writing(here))

    def was_written(self, each: Planned) -> bool:
        """Return whether a removed file was written to after its removal. Raises OSError."""
        found = self.look(each)
        return found is not None and each.same_inode(found) and not each.same_writing(found)

    def is_doubled(self, each: Planned, found: os.stat_result) -> bool:
        """Return whether a file has its own name and that in the trash at once. Raises OSError."""
        here = self.in_place(each)
        return here is not None and _one_file(found, here)

    def return_unit(self, unit: Sequence[Planned], *, copies: bool = False) -> dict[str, str]:
        """Put back the files of a unit that are in the trash, keys first, and return the outcome by name.

        With `copies`, a file with another inode goes back too when its time and size agree: the
        volume was copied or restored. The outcome of a memory file without its key in place is InTrash.
        Raises OSError.
        """
        results = {}
        for each in reversed(unit):
            if is_memory(each) and not self._has_key(unit):
                results[each.name] = IN_TRASH if self.look(each) is not None else VANISHED
            else:
                results[each.name] = self.put_back(each, copies=copies)
        return results

    def put_back(self, each: Planned, *, copies: bool = False) -> str:
        """Move one file back: Restored, Exists, Vanished or Foreign. Raises OSError."""
        name = trash_name(self.run, each.name)
        found = lookup(self._session, name)
        if found is None:
            return VANISHED
        here = self.in_place(each)
        if here is not None and not _one_file(found, here):
            return EXISTS
        if not self._may_return(each, found, copies) or found.st_nlink > (2 if here else 1):
            return FOREIGN
        if here is not None:  # killed between link and unlink
            remove(self._session, name)
            return RESTORED
        try:
            self._prove().put(name, each.name)
        except FileExistsError:
            return EXISTS
        except FileNotFoundError:
            return VANISHED
        return RESTORED

    def give_back(self, each: Planned) -> None:
        """Put back the file that this process has just moved from a file's name. Raises OSError.

        It was not the planned file any more. It stays in the trash only if a newer one has its name.
        """
        name = trash_name(self.run, each.name)
        found = lookup(self._session, name)
        if found is None:
            return
        if self.is_doubled(each, found):
            remove(self._session, name)
            return
        try:
            self._prove().put(name, each.name)
        except (FileExistsError, FileNotFoundError):
            return

    def can_return(self, each: Planned) -> bool:
        """Return whether an undo may put back the file in the trash. Raises OSError."""
        found = self.look(each)
        if found is None:
            return False
        here = self.in_place(each)
        links = 2 if here is not None and _one_file(found, here) else 1
        return self._may_return(each, found, copies=True) and found.st_nlink <= links

    def _may_return(self, each: Planned, found: os.stat_result, copies: bool) -> bool:
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_uid in self._owners.uids
            and classify(each.name)[0] in self._kinds
            and (self.is_the_file(each, found) or (copies and each.same_writing(found)))
        )

    def _has_key(self, unit: Sequence[Planned]) -> bool:
        return any(each.size > 0 and self._stands(each) for each in unit if not is_memory(each))

    def _stands(self, each: Planned) -> bool:
        here = self.in_place(each)
        if here is None or not stat.S_ISREG(here.st_mode):
            return False
        return each.same_inode(here) or each.same_writing(here)


def settle_unit(
    trash: Trash, unit: Sequence[Planned], again: set[str] | None = None
) -> list[Planned]:
    """Make the trash agree with a unit of the plan; return the files that are rightly in it.

    A file that was written to after all goes back, unless the library has made a newer one: then
    the newer one stays in place and the old copy in the trash. If one file of a unit is still in its place,
    the whole unit goes back. A file with another inode was put there by another process and is left alone.
    The names of files in the trash that have another file in place are added to `again`. Doing it twice does no
    harm. Raises OSError.
    """
    taken = []
    broken = False
    for each in unit:
        found = trash.look(each)
        if found is None:
            broken = broken or trash.is_in_place(each)
        elif each.is_still(found):
            here = trash.in_place(each)
            broken = broken or (here is not None and _one_file(found, here))
            taken.append(each)
            if here is not None and again is not None:
                again.add(each.name)
        elif trash.is_the_file(each, found):
            broken = True  # goes back below: a memory file only after its key
    if not broken:
        return taken
    trash.return_unit(unit)
    return []


def is_memory(each: Planned) -> bool:
    """Return whether a planned file is a group's memory file."""
    return classify(each.name)[0] == SENDER_KEY_MEMORY


def _one_file(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_dev) == (other.st_ino, other.st_dev)
