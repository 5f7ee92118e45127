"""Putting a removed file back under its own name, never over another.

Whatever lies in the trash can be another's work. A file goes back only when it is one that a plan
names, of a kind that such a run moves, regular, of an expected owner and with one name.
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
    """The trash of one run in an open session directory. Whoever uses it holds the lock.

    `prove` returns what the file system can do; it is asked before the first file goes back. `own_run`
    is for the process that moves the files itself: where inodes tell nothing, it alone knows that what
    it finds in the trash is what it put there. `kinds` are those that such a run moves.
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
        """Return whether what lies in the trash is the planned file, perhaps written to since."""
        return each.same_inode(found) or (self._own_run and each.inode == 0)

    def look(self, each: Planned) -> os.stat_result | None:
        """Return the status of a removed file, None when it is not in the trash. Raises OSError."""
        return lookup(self._session, trash_name(self.run, each.name))

    def in_place(self, each: Planned) -> os.stat_result | None:
        """Return the status of what bears a file's own name, None when nothing does."""
        return lookup(self._session, each.name)

    def is_in_place(self, each: Planned, *, copies: bool = False) -> bool:
        """Return whether the very file bears its own name, perhaps written to since.

        A new file of that name is another key, which the members named in an old memory file do
        not have. Where inodes tell nothing, and with `copies`, an unchanged time and size do.
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
        """Return whether a file bears its own name and that in the trash at once. Raises OSError."""
        here = self.in_place(each)
        return here is not None and _one_file(found, here)

    def return_unit(self, unit: Sequence[Planned], *, copies: bool = False) -> dict[str, str]:
        """Put what is in the trash of a unit back, keys first, and tell by name what came of each.

        With `copies`, a file with another inode goes back too when its time and size agree: the
        volume was copied or restored. A memory file without a key to stand beside is InTrash.
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
        """Put back whatever this process has just moved from a file's name. Raises OSError.

        It was not the planned file any more. Only a newer one of that name keeps it in the trash.
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
        """Return whether an undo may put back what lies in the trash of a file. Raises OSError."""
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
    that one stands and the old copy stays where it is. A unit of which a file is still in its place
    goes back as a whole. What has another inode was put there by somebody else and is left alone.
    `again` takes in the names of files in the trash that bear another file. Doing it twice does no harm.
    Raises OSError.
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
