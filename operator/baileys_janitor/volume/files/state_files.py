"""Opening, making and replacing the janitor's own files.

Any name under the reserved prefix can be made by another process: a FIFO that blocks the reader, a
link that leads elsewhere, a sparse file of terabytes. Each file is therefore opened without
following or blocking, and checked before it is read or written: regular, one name,
an expected owner, a bounded size. New files are made exclusively, with mode 0600, and get their
owner by descriptor.
"""

from __future__ import annotations

import errno
import os
import stat

from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.volume.errors import JANITOR_REFUSED, VolumeProblem, problem_of
from baileys_janitor.volume.files.state_names import JOURNAL, new_name

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENODEV)
_MODE = 0o600
_CHUNK_BYTES = 1 << 20


class Owners:
    """The owners of a session directory.

    Files that root makes here get `uid` and `gid`. `uids` are the owners that a file must have
    to be ours or to be put back: the directory's, that of creds.json, and this process.
    """

    __slots__ = ("gid", "uid", "uids")

    def __init__(self, uid: int, gid: int, uids: frozenset[int]) -> None:
        self.uid = uid
        self.gid = gid
        self.uids = uids


def owners_of(session: int) -> Owners:
    """Return the owners of an open session directory. Raises VolumeProblem.

    For root, in a directory of root's without creds.json (a rotation), the journal's owner is used.
    """
    try:
        directory = os.fstat(session)
        creds = lookup(session, CREDS_NAME)
        if creds is None and directory.st_uid == 0 == os.geteuid():
            creds = lookup(session, JOURNAL)
    except OSError as error:
        raise problem_of(error) from error
    uid, gid = directory.st_uid, directory.st_gid
    uids = {uid, os.geteuid()}
    if creds is not None and stat.S_ISREG(creds.st_mode) and creds.st_nlink == 1:
        uids.add(creds.st_uid)
        if uid == 0:  # a volume's root often stays root's; the session's user owns the files
            uid, gid = creds.st_uid, creds.st_gid
    return Owners(uid, gid, frozenset(uids))


def lookup(session: int, name: str) -> os.stat_result | None:
    """Return a name's status without following links, None if it does not exist. Raises OSError."""
    try:
        return os.lstat(name, dir_fd=session)
    except FileNotFoundError:
        return None


def remove(session: int, name: str) -> bool:
    """Unlink a name; return False when it does not exist, or is a directory. Raises OSError."""
    try:
        os.unlink(name, dir_fd=session)
    except (FileNotFoundError, IsADirectoryError):
        return False
    return True


def is_ours(found: os.stat_result, owners: Owners) -> bool:
    """Return whether a status can belong to a file of ours."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink <= 1 and found.st_uid in owners.uids


def open_state(session: int, name: str, owners: Owners, *, append: bool = False) -> int | None:
    """Return a descriptor of one of our files, for reading or appending; None when there is none.

    Raises VolumeProblem: JanitorRefused for anything that is not a file of ours, PermissionDenied if
    this process may not open it.
    """
    try:
        before = lookup(session, name)
        if before is None:
            return None
        if not is_ours(before, owners):  # not even opened: opening alone can affect a device
            raise VolumeProblem(JANITOR_REFUSED)
        file = os.open(name, _APPEND if append else _READ, dir_fd=session)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise VolumeProblem(JANITOR_REFUSED) from error
        raise problem_of(error) from error
    try:
        if is_ours(os.fstat(file), owners):
            return file
    except OSError as error:
        os.close(file)
        raise problem_of(error) from error
    os.close(file)
    raise VolumeProblem(JANITOR_REFUSED)


def read_state(session: int, name: str, owners: Owners, limit_bytes: int) -> bytes | None:
    """Return the content of one of our files, None when it does not exist or is too large.

    Raises VolumeProblem as `open_state` does.
    """
    file = open_state(session, name, owners)
    if file is None:
        return None
    try:
        if os.fstat(file).st_size > limit_bytes:
            return None
        data = read_bounded(file, limit_bytes + 1)
    except OSError as error:
        raise problem_of(error) from error
    finally:
        os.close(file)
    return data if len(data) <= limit_bytes else None


def read_bounded(file: int, limit_bytes: int) -> bytes:
    """Read at most `limit_bytes` from a descriptor's current position. Raises OSError."""
    parts = []
    while limit_bytes > 0 and (part := os.read(file, min(limit_bytes, _CHUNK_BYTES))):
        parts.append(part)
        limit_bytes -= len(part)
    return b"".join(parts)


def create_state(session: int, name: str, owners: Owners, mode: int = _MODE) -> int:
    """Make a file that does not exist and return its descriptor. Raises OSError."""
    file = os.open(name, _CREATE, mode, dir_fd=session)
    try:
        if os.geteuid() == 0:
            os.fchown(file, owners.uid, owners.gid)
    except BaseException:
        os.close(file)
        remove(session, name)
        raise
    return file


def write_all(file: int, data: bytes) -> None:
    """Write all of `data`. Raises OSError."""
    while data:
        data = data[os.write(file, data) :]


def write_new(session: int, name: str, data: bytes, owners: Owners) -> None:
    """Make a file with its content, synced to the disk; nothing is left after a failure.

    The directory is not synced. Raises OSError: FileExistsError when the name is taken.
    """
    file = create_state(session, name, owners)
    try:
        try:
            write_all(file, data)
            os.fsync(file)
        finally:
            os.close(file)
    except BaseException:
        remove(session, name)
        raise


def replace_state(session: int, name: str, data: bytes, owners: Owners) -> None:
    """Put new content under a name of ours, all or nothing. The caller holds the lock.

    The old file is replaced, never written to. The directory is not synced. Raises OSError.
    """
    temporary = new_name(name.rpartition("~")[2])
    remove(session, temporary)  # left by a killed process
    write_new(session, temporary, data, owners)
    try:
        os.rename(temporary, name, src_dir_fd=session, dst_dir_fd=session)
    except BaseException:
        remove(session, temporary)
        raise
