"""Opening a session directory beneath its volume, without ever following a symbolic link.

A tenant's own process can write to the volume, so every component is opened relative to the one before.
"""

from __future__ import annotations

import os
import stat

from baileys_janitor.volume.errors import (
    NOT_A_DIRECTORY,
    PATH_REFUSED,
    SYMLINK_REFUSED,
    VolumeProblem,
    problem_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
BENEATH = DIRECTORY | os.O_NOFOLLOW
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_session(root: str, path: str = ".") -> int:
    """Return a descriptor of the directory `path` beneath `root`; the caller closes it.

    `root` is trusted (a mount point, or a path that a user named) and may itself be a link. `path` is relative,
    without "..". Raises VolumeProblem: PathRefused, DirectoryMissing, NotADirectory, SymlinkRefused,
    PermissionDenied, StaleHandle, InputOutputError.
    """
    if path.startswith("/") or "\0" in path or "\0" in root:
        raise VolumeProblem(PATH_REFUSED)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise VolumeProblem(PATH_REFUSED)
    try:
        os.fsencode(path)
        directory = os.open(root, DIRECTORY)
    except OSError as error:
        raise problem_of(error) from error
    except UnicodeEncodeError as error:  # a lone surrogate: no file name on any disk
        raise VolumeProblem(PATH_REFUSED) from error
    for part in parts:
        try:
            beneath = open_beneath(directory, part)
        finally:
            os.close(directory)
        directory = beneath
    return directory


def open_beneath(directory: int, name: str) -> int:
    """Open the directory `name` in an open one; raise VolumeProblem as `open_session` does."""
    try:
        return os.open(name, BENEATH, dir_fd=directory)
    except OSError as error:
        problem = problem_of(error)
        # Linux answers ENOTDIR for a link opened with O_DIRECTORY | O_NOFOLLOW.
        if problem.code == NOT_A_DIRECTORY and _is_link(directory, name):
            problem = VolumeProblem(SYMLINK_REFUSED)
        raise problem from error


def read_small(directory: int, name: str, limit_bytes: int) -> bytes | None:
    """Return the content of a regular file of at most `limit_bytes`; None for anything else of that name."""
    try:
        # A device is not even opened: opening alone can affect it.
        if not stat.S_ISREG(os.lstat(name, dir_fd=directory).st_mode):
            return None
        file = os.open(name, _READ, dir_fd=directory)
    except OSError:
        return None
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit_bytes:
            return None
        data = os.read(file, limit_bytes + 1)
    except OSError:
        return None
    finally:
        os.close(file)
    return data if len(data) <= limit_bytes else None


class ScanNames:
    """`with ScanNames(directory) as entries:` lists an open directory, as `os.scandir` does.

    It reads by a descriptor of its own: one that was read to its end stays there on sshfs, whose cache
    then takes the directory for an empty one. Raises OSError.
    """

    __slots__ = ("_directory", "_entries", "_fresh")

    def __init__(self, directory: int) -> None:
        self._directory = directory

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        self._fresh = os.open(".", BENEATH, dir_fd=self._directory)
        try:
            self._entries = os.scandir(self._fresh)
        except BaseException:
            os.close(self._fresh)
            raise
        return self._entries

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entries.close()
        os.close(self._fresh)


def _is_link(directory: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.lstat(name, dir_fd=directory).st_mode)
    except OSError:
        return False
