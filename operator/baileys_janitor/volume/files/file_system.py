"""The abilities of a session directory's file system that a reversible removal needs.

They are tried on two names of ours before the first session file moves. Mounts of rclone can neither
link nor rename without replacing: there nothing is removed. Others (sshfs, mergerfs, unionfs) derive
inode numbers from the path: there a file is recognised by its time and size alone.
"""

from __future__ import annotations

import errno
import os

from baileys_janitor.volume.errors import (
    PERMISSION_DENIED,
    PUT_BACK_UNSUPPORTED,
    STATE_VANISHED,
    VolumeProblem,
    code_of,
)
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.files.state_files import create_state, lookup, remove, write_all
from baileys_janitor.volume.files.state_names import new_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.files.state_files import Owners

#: The answers of file systems without hard links; EIO is that of rclone.
NO_LINK = (*noreplace.UNSUPPORTED, errno.EMLINK, errno.EXDEV, errno.EIO)
_ONE, _OTHER = new_name("probe-1"), new_name("probe-2")


class FileSystem:
    """The abilities of the file system of one session directory.

    `links`: hard links, which never replace. `no_replace`: renaming without replacing.
    `stable_inodes`: a file keeps its inode number when it is renamed.
    """

    __slots__ = ("_session", "links", "no_replace", "stable_inodes")

    def __init__(
        self,
        session: int,
        *,
        links: bool = True,
        no_replace: bool = True,
        stable_inodes: bool = True,
    ) -> None:
        self._session = session
        self.links = links
        self.no_replace = no_replace
        self.stable_inodes = stable_inodes

    def move(self, name: str, new: str) -> None:
        """Rename a file. Raises OSError; FileExistsError when `new` exists, if the file system can detect it."""
        if self.no_replace:
            try:
                noreplace.rename_no_replace(self._session, name, new)
            except OSError as error:
                if error.errno not in noreplace.UNSUPPORTED:
                    raise
                self.no_replace = False
            else:
                return
        if lookup(self._session, new) is not None:
            raise FileExistsError(new)
        os.rename(name, new, src_dir_fd=self._session, dst_dir_fd=self._session)

    def put(self, name: str, new: str) -> None:
        """Move a file to a name that must be free.

        Raises OSError: FileExistsError when `new` exists. If files can only be linked, a process
        killed in between leaves both names.
        """
        if self.no_replace:
            try:
                noreplace.rename_no_replace(self._session, name, new)
            except OSError as error:
                if error.errno not in noreplace.UNSUPPORTED:
                    raise
                self.no_replace = False
            else:
                return
        os.link(
            name,
            new,
            src_dir_fd=self._session,
            dst_dir_fd=self._session,
            follow_symlinks=False,
        )
        remove(self._session, name)


def prove(session: int, owners: Owners) -> FileSystem:
    """Try the operations of a removal on two files of ours, and remove them afterwards.

    Raises OSError, and VolumeProblem: PutBackUnsupported if a file could not be put back safely,
    StateVanished when another process removes these files.
    """
    remove(session, _ONE)
    remove(session, _OTHER)
    try:
        return _prove(session, owners)
    except FileNotFoundError as error:
        raise VolumeProblem(STATE_VANISHED) from error
    finally:
        remove(session, _ONE)
        remove(session, _OTHER)


def _prove(session: int, owners: Owners) -> FileSystem:
    _make(session, _ONE, owners)
    _make(session, _OTHER, owners)
    found = FileSystem(session)
    found.no_replace = _refuses(lambda: noreplace.rename_no_replace(session, _ONE, _OTHER))
    if lookup(session, _ONE) is None:  # it was replaced despite the flag
        _make(session, _ONE, owners)
    found.links = _refuses(lambda: _link(session, _ONE, _OTHER))
    remove(session, _OTHER)
    before = os.lstat(_ONE, dir_fd=session)
    try:
        found.move(_ONE, _OTHER)
        after = os.lstat(_OTHER, dir_fd=session)
        found.put(_OTHER, _ONE)
    except OSError as error:
        if code_of(error) == PERMISSION_DENIED or error.errno in NO_LINK:
            raise VolumeProblem(PUT_BACK_UNSUPPORTED) from error
        raise
    if lookup(session, _ONE) is None:
        raise VolumeProblem(STATE_VANISHED)
    if lookup(session, _OTHER) is not None:
        raise VolumeProblem(PUT_BACK_UNSUPPORTED)
    if not (found.no_replace or found.links) or after.st_size != before.st_size:
        raise VolumeProblem(PUT_BACK_UNSUPPORTED)
    found.stable_inodes = after.st_ino == before.st_ino
    return found


def _make(session: int, name: str, owners: Owners) -> None:
    file = create_state(session, name, owners)
    try:
        write_all(file, b"x")
    finally:
        os.close(file)


def _link(session: int, name: str, new: str) -> None:
    os.link(name, new, src_dir_fd=session, dst_dir_fd=session, follow_symlinks=False)


def _refuses(attempt: object) -> bool:
    """Return whether an operation fails because the name already exists."""
    assert callable(attempt)
    try:
        attempt()
    except FileExistsError:
        return True
    except FileNotFoundError:
        raise
    except OSError:
        return False
    return False
