"""Replacing a broken creds.json, so that the name always exists and no content is lost.

The plan of such a run names creds.json twice: the old file, and the new one that replaces it. The plan lets a later
process (the next run after a kill, an undo) see how far the run went. There are two ways:

- the new file gets the old one's name in the trash, and the two exchange their names;
- if the file system cannot exchange names, the old file gets a hard link in the trash, and the new file is
  renamed onto creds.json.

A process that saves its credentials at that moment writes into the old file, or replaces the new one with a third:
both are detected afterwards, and the content that it saved is put back.
"""

from __future__ import annotations

import os
import stat

from baileys_janitor.policy.files.file_kinds import CREDS, CREDS_NAME
from baileys_janitor.volume.errors import (
    CREDENTIALS_SAVED,
    PUT_BACK_UNSUPPORTED,
    STATE_VANISHED,
    VolumeProblem,
)
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.files.file_system import NO_LINK
from baileys_janitor.volume.files.run_plan import Planned, read_plan
from baileys_janitor.volume.files.state_files import lookup, remove
from baileys_janitor.volume.files.state_names import new_name, plan_name, trash_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.files.file_system import FileSystem
    from baileys_janitor.volume.files.state_files import Owners

#: The journal's reason for runs that restore a creds.json.
REASON = "Restore"
#: The new file while it is being written.
TEMPORARY = new_name("restore")

_OLD, _NEW = 0, 1  # units of the plan
_KINDS = frozenset((CREDS,))


def described(found: os.stat_result, *, old: bool, stable_inodes: bool = True) -> Planned:
    """Return the plan entry of the old or the new creds.json."""
    inode = found.st_ino if stable_inodes else 0
    unit = _OLD if old else _NEW
    return Planned(CREDS_NAME, unit, inode, found.st_mtime_ns, found.st_size)


class Swap:
    """One run's exchange of creds.json. `old` is None if there was none. The caller holds the lock."""

    __slots__ = ("_session", "_trashed", "new", "old", "run")

    def __init__(self, session: int, run: str, old: Planned | None, new: Planned) -> None:
        self._session = session
        self.run = run
        self.old = old
        self.new = new
        self._trashed = trash_name(run, CREDS_NAME)

    @property
    def planned(self) -> list[Planned]:
        """The files in the run's plan."""
        return [self.new] if self.old is None else [self.old, self.new]

    def carry_out(self, file_system: FileSystem) -> None:
        """Replace the old file with the new one, which has its temporary name until then.

        Raises OSError and VolumeProblem: CredentialsSaved when a process wrote creds.json meanwhile; its file
        is then back in place.
        """
        if self.old is None:
            try:
                file_system.put(TEMPORARY, CREDS_NAME)
            except FileExistsError as error:
                raise VolumeProblem(CREDENTIALS_SAVED) from error
            return
        if not _is_still(self.old, self._here()):
            raise VolumeProblem(CREDENTIALS_SAVED)
        if not (self._exchange(file_system) or self._link(file_system)):
            raise VolumeProblem(PUT_BACK_UNSUPPORTED)
        if not _is_still(self.old, self._in_trash()):
            self._give_back()
            raise VolumeProblem(CREDENTIALS_SAVED)

    def was_written(self) -> bool:
        """Return whether a slow writer has written into the old file after all; that file is then back in place."""
        if self.old is None or _is_still(self.old, self._in_trash()):
            return False
        self._give_back()
        return True

    def can_be_taken_back(self) -> bool:
        """Return whether the trash holds the old file, or a copy of it with the same time. Raises OSError."""
        found = self._in_trash()
        return self.old is not None and found is not None and _is_copy_of(self.old, found)

    def take_back(self) -> bool:
        """Put the old file back, unless the new one was written to; return whether the old one is in place.

        Raises OSError.
        """
        if not _is_still(self.new, self._here()):
            return False
        try:
            noreplace.exchange(self._session, self._trashed, CREDS_NAME)
        except OSError as error:
            if error.errno not in noreplace.UNSUPPORTED:
                raise
            return self._take_back_by_links()
        if not _is_still(self.new, self._in_trash()):  # a process has saved just now
            noreplace.exchange(self._session, self._trashed, CREDS_NAME)
            return False
        remove(self._session, self._trashed)
        return True

    def settle(self) -> bool:
        """Finish a replacement that was killed; return whether something stays in the trash. Raises OSError.

        Before the exchange the trash holds the new file, or a hard link of the old one: either is removed.
        """
        found, here = self._in_trash(), self._here()
        if found is None:
            return False
        doubled = here is not None and _one_file(found, here)
        if doubled or _is_still(self.new, found):
            remove(self._session, self._trashed)
            return False
        return True

    def _take_back_by_links(self) -> bool:
        session = self._session
        remove(session, TEMPORARY)
        os.link(
            CREDS_NAME, TEMPORARY, src_dir_fd=session, dst_dir_fd=session, follow_symlinks=False
        )
        os.rename(self._trashed, CREDS_NAME, src_dir_fd=session, dst_dir_fd=session)
        if not _is_still(self.new, lookup(session, TEMPORARY)):
            os.rename(TEMPORARY, CREDS_NAME, src_dir_fd=session, dst_dir_fd=session)
            return False
        remove(session, TEMPORARY)
        return True

    def _exchange(self, file_system: FileSystem) -> bool:
        """Exchange the names; return False if the file system cannot."""
        file_system.move(TEMPORARY, self._trashed)
        try:
            noreplace.exchange(self._session, self._trashed, CREDS_NAME)
        except OSError as error:
            if error.errno not in noreplace.UNSUPPORTED:
                raise
            file_system.move(self._trashed, TEMPORARY)
            return False
        return True

    def _link(self, file_system: FileSystem) -> bool:
        """Link the old file into the trash and rename the new one onto creds.json; return False without hard links."""
        if not file_system.links:
            return False
        session = self._session
        try:
            os.link(
                CREDS_NAME,
                self._trashed,
                src_dir_fd=session,
                dst_dir_fd=session,
                follow_symlinks=False,
            )
        except OSError as error:
            if error.errno in NO_LINK:
                return False
            raise
        os.rename(TEMPORARY, CREDS_NAME, src_dir_fd=session, dst_dir_fd=session)
        return True

    def _give_back(self) -> None:
        """Put back the file that a process saved, unless it has saved again since."""
        if self._in_trash() is None:
            raise VolumeProblem(STATE_VANISHED)
        if not _is_still(self.new, self._here()):
            return
        os.rename(self._trashed, CREDS_NAME, src_dir_fd=self._session, dst_dir_fd=self._session)

    def _in_trash(self) -> os.stat_result | None:
        return lookup(self._session, self._trashed)

    def _here(self) -> os.stat_result | None:
        return lookup(self._session, CREDS_NAME)


def read_swap(session: int, run: str, owners: Owners) -> Swap | None:
    """Return the replacement of creds.json that a run's plan describes, None for other plans. Raises VolumeProblem."""
    plan = read_plan(session, run, owners, _KINDS)
    if plan is None:
        return None
    units = {each.unit: each for each in plan.files}
    if _NEW not in units or len(units) != len(plan.files) or not units.keys() <= {_OLD, _NEW}:
        return None
    return Swap(session, run, units.get(_OLD), units[_NEW])


def tidy_up(session: int, run: str, owners: Owners) -> bool:
    """Settle a run that was killed; return whether none of its files is left in the trash.

    Raises OSError and VolumeProblem.
    """
    swap = read_swap(session, run, owners)
    if swap is None or swap.settle():
        return False
    remove(session, plan_name(run))
    return True


def _is_still(planned: Planned, found: os.stat_result | None) -> bool:
    return found is not None and planned.is_still(found)


def _is_copy_of(planned: Planned, found: os.stat_result) -> bool:
    """Return whether the trash holds the old file, or (on a copied volume) a copy of it with the same time."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and planned.same_writing(found)


def _one_file(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_dev) == (other.st_ino, other.st_dev)
