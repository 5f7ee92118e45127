"""`.janitor/`: the janitor's own directory inside a session directory, and the room left on the disk."""

from __future__ import annotations

import os
import stat

from .opening import BENEATH
from .problems import (
    DISK_FULL,
    JANITOR_REFUSED,
    NOT_A_DIRECTORY,
    SYMLINK_REFUSED,
    VolumeProblem,
    code_of,
    problem_of,
)
from .reading import JANITOR_NAME

_MODE = 0o700
# Below these a disk counts as full: the library could not rewrite creds.json, or not make a new file.
FULL_BYTES = 256 * 1024
FULL_INODES = 16


def open_janitor(session: int) -> int | None:
    """A descriptor of `.janitor/`, or None when there is none yet. Raises VolumeProblem."""
    try:
        directory = os.open(JANITOR_NAME, BENEATH, dir_fd=session)
    except FileNotFoundError:
        return None
    except OSError as error:
        if code_of(error) in (NOT_A_DIRECTORY, SYMLINK_REFUSED):
            raise VolumeProblem(JANITOR_REFUSED) from error
        raise problem_of(error) from error
    try:
        _check(session, directory)
    except BaseException:
        os.close(directory)
        raise
    return directory


def make_janitor(session: int) -> int:
    """As `open_janitor`, making the directory (mode 0700) when there is none."""
    directory = open_janitor(session)
    if directory is not None:
        return directory
    try:
        make_directory(session, JANITOR_NAME)
    except OSError as error:
        raise problem_of(error) from error
    directory = open_janitor(session)
    if directory is None:
        raise VolumeProblem(JANITOR_REFUSED)
    return directory


def make_directory(parent: int, name: str) -> None:
    """Make a directory that only its owner can enter; one that exists already will do."""
    try:
        os.mkdir(name, _MODE, dir_fd=parent)
    except FileExistsError:
        return
    adopt(parent, name)


def adopt(parent: int, name: str) -> None:
    """Give what root has just made to the directory's owner, so that a later Job can work with it."""
    if os.geteuid() == 0:
        above = os.fstat(parent)
        os.chown(name, above.st_uid, above.st_gid, dir_fd=parent, follow_symlinks=False)


def is_full(directory: int) -> bool:
    """Whether the disk has no room left for the library to write in."""
    room = os.fstatvfs(directory)
    # Some file systems have no fixed number of inodes, and say 0 of 0.
    no_inodes = room.f_files > 0 and room.f_favail < FULL_INODES
    return no_inodes or room.f_bavail * room.f_frsize < FULL_BYTES


def free_space(directory: int) -> tuple[int | None, int | None]:
    """Bytes and inodes free for an unprivileged user; None where the file system does not tell."""
    try:
        room = os.fstatvfs(directory)
    except OSError:
        return None, None
    return room.f_bavail * room.f_frsize, room.f_favail if room.f_files else None


def is_disk_full(error: OSError) -> bool:
    """No space or no quota left."""
    return code_of(error) == DISK_FULL


def _check(session: int, directory: int) -> None:
    outer, inner = os.fstat(session), os.fstat(directory)
    if inner.st_dev != outer.st_dev or inner.st_uid not in (os.geteuid(), outer.st_uid):
        raise VolumeProblem(JANITOR_REFUSED)
    if stat.S_IMODE(inner.st_mode) & 0o077 and inner.st_uid == os.geteuid():
        try:
            os.fchmod(directory, _MODE)
        except OSError:  # a file system without modes
            return
