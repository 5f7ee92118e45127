"""`.janitor/trash/<run>/`: what a run took, under its own names, and `.plan`, which says what it was.

The plan is complete and on the disk before the first file moves. It holds what each file looked like, so
that whoever comes later (the same run, the next one after a kill, a purge) can tell a file that was
removed as decided from one that somebody wrote to after all. Its modification time is the run's age.
"""

from __future__ import annotations

import errno
import os
import stat

from .household import adopt, make_directory
from .opening import BENEATH
from .problems import problem_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TRASH_NAME = "trash"
PLAN_NAME = ".plan"
_END = b"end"

RESTORED = "Restored"
EXISTS = "Exists"
VANISHED = "Vanished"


class Planned:
    """One file of a plan: its name and unit (files of one unit go and come back together), and what it
    looked like. The device is not part of it: a volume can come back under another number."""

    __slots__ = ("inode", "mtime_ns", "name", "size", "unit")

    def __init__(self, name: str, unit: int, inode: int, mtime_ns: int, size: int) -> None:
        self.name = name
        self.unit = unit
        self.inode = inode
        self.mtime_ns = mtime_ns
        self.size = size

    def is_still(self, found: os.stat_result) -> bool:
        """Whether a file is the one that was planned, and nobody has written to it since."""
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_ino == self.inode
            and found.st_mtime_ns == self.mtime_ns
            and found.st_size == self.size
        )


def open_trash(janitor: int, *, make: bool = False) -> int | None:
    """A descriptor of `.janitor/trash`, or None when there is none. Raises VolumeProblem."""
    try:
        if make:
            make_directory(janitor, TRASH_NAME)
        return os.open(TRASH_NAME, BENEATH, dir_fd=janitor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise problem_of(error) from error


def runs_in(trash: int) -> list[str]:
    """The runs that have something in the trash, oldest first. Raises OSError."""
    with os.scandir(trash) as found:
        names = [item.name for item in found if item.is_dir(follow_symlinks=False)]
    return sorted(names, key=lambda name: (age_mark(trash, name), name))


def age_mark(trash: int, run: str) -> float:
    """When a run's files went into the trash, in Unix seconds of the file system's clock."""
    for name in (f"{run}/{PLAN_NAME}", run):
        try:
            return os.lstat(name, dir_fd=trash).st_mtime
        except OSError:
            continue
    return 0.0


def make_run(trash: int, run: str, plan: Iterable[Planned]) -> int:
    """Make a run's directory with its plan, both on the disk; a descriptor of it. Raises OSError.

    FileExistsError: the run has a directory already.
    """
    os.mkdir(run, 0o700, dir_fd=trash)
    adopt(trash, run)
    directory = os.open(run, BENEATH, dir_fd=trash)
    try:
        _write_plan(directory, plan)
        os.fsync(directory)
        os.fsync(trash)
    except BaseException:
        os.close(directory)
        drop_run(trash, run)
        raise
    return directory


def drop_run(trash: int, run: str) -> None:
    """Remove a run's plan and directory if nothing else is in it. Raises OSError."""
    try:
        directory = os.open(run, BENEATH, dir_fd=trash)
    except FileNotFoundError:
        return
    try:
        if names_in(directory):
            return
        unlink(directory, PLAN_NAME)
    finally:
        os.close(directory)
    try:
        os.rmdir(run, dir_fd=trash)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def names_in(directory: int) -> list[str]:
    """What a run's directory holds besides its plan."""
    with os.scandir(directory) as found:
        return [item.name for item in found if item.name != PLAN_NAME]


def _write_plan(directory: int, plan: Iterable[Planned]) -> None:
    # NUL ends a record: the one byte that no name holds.
    records = [
        b"%d %d %d %d %s"
        % (each.unit, each.inode, each.mtime_ns, each.size, os.fsencode(each.name))
        for each in plan
    ]
    data = b"\0".join([*records, _END])
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(PLAN_NAME, flags, 0o600, dir_fd=directory)
    try:
        adopt(directory, PLAN_NAME)
        while data:
            data = data[os.write(file, data) :]
        os.fsync(file)
    finally:
        os.close(file)


def read_plan(directory: int) -> list[Planned] | None:
    """A run's plan; None when there is none or it is not whole."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(PLAN_NAME, flags, dir_fd=directory)
    except FileNotFoundError:
        return None
    try:
        parts = []
        while part := os.read(file, 1 << 20):
            parts.append(part)
    finally:
        os.close(file)
    *records, end = b"".join(parts).split(b"\0")
    if end != _END:
        return None
    try:
        return [_planned(record) for record in records]
    except ValueError:
        return None


def _planned(record: bytes) -> Planned:
    unit, inode, mtime_ns, size, name = record.split(b" ", 4)
    return Planned(os.fsdecode(name), int(unit), int(inode), int(mtime_ns), int(size))


def look(directory: int, name: str) -> os.stat_result | None:
    """A file's status without following links; None when there is none. Raises OSError."""
    try:
        return os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return None


def unlink(directory: int, name: str) -> bool:
    """Remove a name for good; False when it was gone already. Raises OSError."""
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def put_back(session: int, run: int, name: str) -> str:
    """Move a file from a run's directory back, never over another: Restored, Exists or Vanished.

    A hard link and an unlink rather than a rename, which would replace what the library has written
    meanwhile. Killed in between, the file has both names, and the next call finishes it. Raises OSError.
    """
    try:
        os.link(name, name, src_dir_fd=run, dst_dir_fd=session, follow_symlinks=False)
    except FileExistsError:
        here, there = look(session, name), look(run, name)
        if here is None or there is None or here.st_ino != there.st_ino:
            return EXISTS
    except FileNotFoundError:
        return VANISHED
    except OSError as error:
        # No hard links here (SMB, some FUSE), or not for this kind of file.
        return _rename_back(session, run, name, error)
    unlink(run, name)
    return RESTORED


def _rename_back(session: int, run: int, name: str, refused: OSError) -> str:
    from .noreplace import rename_no_replace

    try:
        rename_no_replace(session, run, name, refused)
    except FileExistsError:
        return EXISTS
    except FileNotFoundError:
        return VANISHED
    return RESTORED
