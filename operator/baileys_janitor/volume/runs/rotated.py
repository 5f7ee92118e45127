"""Moving a whole pairing into the trash of its rotation, and back; and settling a rotation that was killed.

There are two states: all of the pairing is in place, or all of it is in the trash. creds.json moves first and comes
back last, so that every state in between is a directory without credentials, which no process takes for a
session. The next run completes a rotation that was killed. It also ends a rollback that was killed, by moving the
files back into the trash, where another rollback can be requested.

A process that was not stopped is detected by its writes. Then everything goes back, and its files stay.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.files.file_kinds import CREDS_NAME, PAIRING_KINDS
from baileys_janitor.policy.rotation import is_same_pairing
from baileys_janitor.volume.errors import (
    PERMISSION_DENIED,
    STATE_VANISHED,
    VolumeProblem,
    code_of,
)
from baileys_janitor.volume.files.rotation_record import read_rotation
from baileys_janitor.volume.files.run_plan import by_unit
from baileys_janitor.volume.files.state_files import Owners, lookup, remove
from baileys_janitor.volume.files.state_names import rotation_name, trash_name
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody
from baileys_janitor.volume.runs.put_back import EXISTS, FOREIGN, RESTORED, Trash
from baileys_janitor.volume.runs.undo import (
    NEWER_EXISTS,
    NOT_THE_REMOVED_FILE,
    PutBack,
    anything_left,
    put_units_back,
)
from baileys_janitor.volume.scanning.credentials import settled_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.volume.files.rotation_record import Rotation
    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
    from baileys_janitor.volume.runs.journal import Run


class RotatedFiles:
    """The files of one rotation, in place or in its trash. The caller holds the lock.

    `inode` is that of the record while its run is under way: when the record or the journal vanishes, nothing more
    moves.
    """

    def __init__(
        self, access: ExclusiveAccess, run: str, files: Sequence[Planned], inode: int = 0
    ) -> None:
        self._access = access
        self._session = access.session
        self._run = run
        self._files = files
        self._inode = inode

    def move_out(self, progress: Callable[[int, int], None] = tell_nobody) -> bool:
        """Move everything into the trash, creds.json first; return False at the first file that is not as planned.

        Raises OSError and VolumeProblem.
        """
        for done, each in enumerate(self._files, 1):
            self._check()
            if not self._move(each):
                return False
            progress(done, len(self._files))
        os.fsync(self._session)
        return all(self._is_in_trash(each) for each in self._files)

    def move_rest(self) -> None:
        """Move the files that are still as planned; other files of these names are not ours.

        A file that the file system does not let move stays. Raises OSError and VolumeProblem.
        """
        for each in self._files:
            self._access.lock.check()
            try:
                self._move_again(each)
            except OSError as error:
                if code_of(error) != PERMISSION_DENIED:
                    raise
        os.fsync(self._session)

    def put_free_back(self) -> PutBack:
        """Put back the files with free names, beside those that a process of the same pairing has written since.

        Raises OSError and VolumeProblem.
        """
        result = PutBack()
        units = list(reversed(by_unit(self._files)))
        put_units_back(self._access, self._trash(), units, go_on, tell_nobody, result)
        self._forget_if_empty()
        return result

    def put_all_back(self, progress: Callable[[int, int], None] = tell_nobody) -> PutBack:
        """Put everything back byte for byte, creds.json last.

        A name that is taken again ends it (`kept` has NewerExists), before creds.json is in place. Raises OSError
        and VolumeProblem.
        """
        result = PutBack()
        trash = self._trash()
        done = 0
        for unit in reversed(by_unit(self._files)):
            self._check()
            outcomes = (
                trash.return_unit(unit, copies=True)
                if len(unit) > 1
                else {unit[0].name: trash.put_back(unit[0], copies=True)}
            )
            for name, outcome in outcomes.items():
                if outcome == RESTORED:
                    result.restored.append(name)
                elif outcome == EXISTS:
                    result.keep(NEWER_EXISTS)
                    return result
                elif outcome == FOREIGN or not self._stands(name):
                    result.keep(NOT_THE_REMOVED_FILE)
            done += len(unit)
            progress(done, len(self._files))
        os.fsync(self._session)
        self._forget_if_empty()
        return result

    def can_come_back(self) -> bool:
        """Return whether the trash holds the creds.json that was rotated out. Raises OSError."""
        first = self._files[0] if self._files else None
        return first is not None and first.name == CREDS_NAME and self._trash().can_return(first)

    def left(self) -> list[Planned]:
        """Return the files that are in the trash. Raises OSError."""
        return [each for each in self._files if self._look(each) is not None]

    def in_place(self) -> set[str]:
        """Return the names of the files that are in place as planned. Raises OSError."""
        return {each.name for each in self._files if self._stands_as(each)}

    def _move(self, each: Planned) -> bool:
        """Move one file; return whether it is in the trash as planned. Raises OSError."""
        session, removed = self._session, trash_name(self._run, each.name)
        found = lookup(session, each.name)
        if found is None or not each.is_still(found) or found.st_nlink > 1:
            return False
        try:
            self._access.file_system().move(each.name, removed)
        except (FileNotFoundError, FileExistsError):
            return False
        moved = lookup(session, removed)
        if moved is not None and each.is_still(moved):
            return True
        self._trash().give_back(each)
        return False

    def _move_again(self, each: Planned) -> None:
        here, there = lookup(self._session, each.name), self._look(each)
        if here is not None and there is not None and here.st_ino == there.st_ino:
            remove(self._session, each.name)  # killed between link and unlink
        else:
            self._move(each)

    def _check(self) -> None:
        access = self._access
        access.lock.check()
        if not self._inode:
            return
        record = lookup(self._session, rotation_name(self._run))
        if record is None or record.st_ino != self._inode or not access.journal.still_there():
            raise VolumeProblem(STATE_VANISHED)

    def _trash(self) -> Trash:
        access = self._access
        owners = _owners_with(access, self._run, self._files)
        return Trash(self._session, self._run, owners, access.file_system, kinds=PAIRING_KINDS)

    def _look(self, each: Planned) -> os.stat_result | None:
        return lookup(self._session, trash_name(self._run, each.name))

    def _is_in_trash(self, each: Planned) -> bool:
        found = self._look(each)
        return found is not None and each.is_still(found)

    def _stands(self, name: str) -> bool:
        return lookup(self._session, name) is not None

    def _stands_as(self, each: Planned) -> bool:
        found = lookup(self._session, each.name)
        return found is not None and each.is_still(found)

    def _forget_if_empty(self) -> None:
        if not anything_left(self._session, self._run, [each.name for each in self._files]):
            os.fsync(self._session)
            remove(self._session, rotation_name(self._run))


def settle(access: ExclusiveAccess, known: Run, rotation: Rotation) -> bool:
    """Complete a killed rotation, or end a killed rollback; return whether all is in the trash.

    The place of creds.json decides: if it is in the trash, the pairing is rotated out, unless a process
    that was not stopped has written the same pairing again. Raises OSError and VolumeProblem.
    """
    files = RotatedFiles(access, known.run, rotation.files)
    identity = settled_identity(access.session)
    if is_same_pairing(identity, known.fingerprint):
        files.put_free_back()
        return False
    if CREDS_NAME in access.listing.own.trash.get(known.run, ()):
        files.move_rest()
        return True
    return False


def read_record(access: ExclusiveAccess, run: str) -> Rotation | None:
    """Return the record of a rotation, None when there is none of ours. Raises VolumeProblem."""
    return read_rotation(access.session, run, access.owners)


def _owners_with(access: ExclusiveAccess, run: str, files: Sequence[Planned]) -> Owners:
    """Return the owners of the directory, with that of the creds.json that was rotated out."""
    owners = access.owners
    for each in files[:1]:
        found = lookup(access.session, trash_name(run, each.name))
        if found is not None and each.name == CREDS_NAME and each.is_still(found):
            return Owners(owners.uid, owners.gid, owners.uids | {found.st_uid})
    return owners
