"""Files of a restore: first written beside the session under names of ours, then renamed to their own names.

So a full or a read-only disk is detected while nothing has changed, and the record of the restore can describe each
file before it is in place.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from baileys_janitor.volume.errors import DISK_FULL, STATE_VANISHED, VolumeProblem
from baileys_janitor.volume.files.disk_space import FULL_BYTES, FULL_INODES, free_space
from baileys_janitor.volume.files.run_plan import Planned
from baileys_janitor.volume.files.session_files import write_file
from baileys_janitor.volume.files.state_files import lookup, remove
from baileys_janitor.volume.files.state_names import new_name, record_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from baileys_janitor.volume.files.session_files import Style
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

# The size of a file on a disk beyond its bytes, and the most by which closing a session makes its file grow.
_BLOCK_BYTES = 4096
# In the plan of its exchange, creds.json has units 0 and 1.
_FIRST_UNIT = 2


class Staged(NamedTuple):
    """A staged file: its temporary name, and its entry in the record."""

    temporary: str
    planned: Planned


def require_room(session: int, sizes: Iterable[int]) -> None:
    """Raise VolumeProblem(DiskFull) unless the disk has room for files of these sizes and the library's own writes."""
    needed = [size + _BLOCK_BYTES for size in sizes]
    free_bytes, free_inodes = free_space(session)
    if free_bytes is not None and free_bytes < sum(needed) + FULL_BYTES:
        raise VolumeProblem(DISK_FULL)
    if free_inodes is not None and free_inodes < len(needed) + FULL_INODES:
        raise VolumeProblem(DISK_FULL)


class Staging:
    """The files of one restore in a locked directory. `clear` it on every path."""

    def __init__(self, access: ExclusiveAccess, style: Style) -> None:
        self._access = access
        self._session = access.session
        self.style = style
        self._prefix = f"restore-{os.urandom(3).hex()}"
        self.files: list[Staged] = []

    def write(self, name: str, data: bytes, mtime_ns: int) -> None:
        """Write one file beside the session. Raises OSError."""
        number = len(self.files)
        temporary = new_name(f"{self._prefix}-{number}")
        self.files.append(Staged(temporary, Planned(name, 0, 0, 0, 0)))  # so that `clear` knows it
        written = write_file(
            self._session, temporary, data, self.style, self._access.owners, mtime_ns
        )
        inode = written.st_ino if self._access.file_system().stable_inodes else 0
        planned = Planned(name, _FIRST_UNIT + number, inode, written.st_mtime_ns, written.st_size)
        self.files[number] = Staged(temporary, planned)

    def place(self, run: str, each: Staged) -> bool:
        """Give one file its name; return False if the name is taken. Raises OSError and VolumeProblem."""
        access = self._access
        access.lock.check()
        if lookup(self._session, record_name(run)) is None or not access.journal.still_there():
            raise VolumeProblem(STATE_VANISHED)
        try:
            access.file_system().put(each.temporary, each.planned.name)
        except FileExistsError:
            return False
        except FileNotFoundError as error:
            raise VolumeProblem(STATE_VANISHED) from error
        return True

    def clear(self) -> None:
        """Remove staged files that were not put in place. Never raises: the next run tidies up as well."""
        for each in self.files:
            try:
                remove(self._session, each.temporary)
            except OSError:
                return
