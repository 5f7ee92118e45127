"""The lock of a session directory: `.cleanup.lock`.

It must hold back older scripts that use the same name (they check whether the file exists, or its age),
other processes on this node, and processes on other nodes whose file system may not share flock. Hence:

- A lock file is written and signed under a temporary name, and then gets its name by a hard link, which
  fails when the name is taken: the process that links it holds it, and a lock is never seen unsigned. Without
  hard links, it is renamed without replacing; if neither is possible, nothing is done.
- It contains the holder, the time and the kernel's boot id. The holder keeps a flock on it and touches it as its
  work proceeds (`beat`).
- A lock touched within ten minutes is respected, whoever made it. One exception: its boot id is that of
  this kernel and its flock is free. Then its holder is dead (killed, most likely), because within
  one kernel a flock is always seen.
- A lock with a held flock is respected whatever its age.
- Any other lock is stale. It is taken over by renaming a new one onto it, while holding the old one's
  flock; a holder that only seemed dead sees before its next removal that the name is no longer its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

from baileys_janitor.volume.errors import (
    BUSY,
    LOCK_LOST,
    LOCK_REFUSED,
    PUT_BACK_UNSUPPORTED,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.state_files import create_state, lookup, remove, write_all
from baileys_janitor.volume.files.state_names import LOCK_NAME, new_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from baileys_janitor.volume.files.state_files import Owners

STALE_SECONDS = 600.0
BEAT_SECONDS = 5.0
_MODE = 0o644  # older scripts of other users read it
_LOOK = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
#: The answers of file systems without hard links; EIO is that of rclone.
_NO_LINK = (
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EACCES,
    errno.EINVAL,
    errno.EIO,
)
_NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class Lock:
    """A held lock. `check` before each removal, `beat` in long phases, `release` on every path."""

    __slots__ = ("_beaten", "_file", "_inode", "_session")

    def __init__(self, session: int, file: int, inode: int) -> None:
        self._session = session
        self._file = file
        self._inode = inode
        self._beaten = time.monotonic()

    def check(self) -> None:
        """Touch the lock if due; raise VolumeProblem(LockLost) when the name is no longer ours."""
        self.beat()
        if not self._is_ours():
            raise VolumeProblem(LOCK_LOST)

    def beat(self) -> None:
        """Touch the lock if its last touch was some seconds ago."""
        now = time.monotonic()
        if now - self._beaten >= BEAT_SECONDS:
            self._beaten = now
            try:
                os.utime(self._file)
            except OSError as error:
                raise VolumeProblem(LOCK_LOST) from error

    def release(self) -> None:
        """Remove the lock if it is still ours. Never raises."""
        try:
            if self._is_ours():
                os.unlink(LOCK_NAME, dir_fd=self._session)
        except OSError:
            return  # it becomes stale
        finally:
            os.close(self._file)

    def _is_ours(self) -> bool:
        try:
            found = lookup(self._session, LOCK_NAME)
        except OSError as error:
            raise problem_of(error) from error
        return found is not None and found.st_ino == self._inode


def acquire(session: int, owners: Owners, holder: str) -> Lock:
    """Take the lock at once, or raise VolumeProblem: Busy, LockRefused, ReadOnly, DiskFull, ..."""
    name = new_name(f"lock-{os.urandom(6).hex()}")
    try:
        file = create_state(session, name, owners, _MODE)
        try:
            _sign(file, holder)
            inode = _name_it(session, name, file)
            file = _hold_by_name(session, file)
        except BaseException:
            os.close(file)
            _discard(session, name)
            raise
    except OSError as error:
        raise problem_of(error) from error
    _discard(session, name)
    return Lock(session, file, inode)


def _hold_by_name(session: int, file: int) -> int:
    """Return a descriptor with the flock that others see under the lock's name.

    If the kernel treats each name of a file as a file of its own (bindfs, sshfs), the flock under the temporary
    name is another one. An open file under the temporary name would also stay as `.fuse_hidden`.
    """
    named = _open_old(session)
    if named is None:
        return file
    try:
        fcntl.flock(named, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by `file`, or not supported
        os.close(named)
        return file
    os.close(file)
    return named


def _discard(session: int, name: str) -> None:
    try:
        remove(session, name)
    except OSError:
        return  # a holder of the lock tidies up


def is_held(session: int) -> bool:
    """Return whether another process holds the lock, as far as this can be seen without writing.

    Raises VolumeProblem.
    """
    try:
        found = lookup(session, LOCK_NAME)
        if found is None:
            return False
        old = _open_old(session)
        if old is None:
            return True
        try:
            return not _is_dead(old, found, time.time())
        finally:
            os.close(old)
    except OSError as error:
        raise problem_of(error) from error


def _sign(file: int, holder: str) -> None:
    """Hold the flock of a new lock file, and write its holder into it."""
    # If we cannot hold the flock, a free one proves nothing: no boot id then.
    boot = _boot_id() if _hold(file) else ""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_all(file, f"{holder}\n{at}\n{boot}\n".encode("ascii", "replace"))


def _name_it(session: int, name: str, file: int) -> int:
    """Give a signed lock file its name and return its inode there, or raise Busy. Raises OSError."""
    for _ in range(5):
        try:
            _give_name(session, name)
        except FileExistsError:
            if not _take_over(session, name, file):
                continue
        except FileNotFoundError:  # a holder of the lock tidied up: the lock is held
            break
        found = lookup(session, LOCK_NAME)
        if found is None:  # a bot that clears its session
            continue
        return found.st_ino
    raise VolumeProblem(BUSY)


def _give_name(session: int, name: str) -> None:
    try:
        os.link(name, LOCK_NAME, src_dir_fd=session, dst_dir_fd=session, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        _rename(session, name)


def _rename(session: int, name: str) -> None:
    from baileys_janitor.volume.files.noreplace import UNSUPPORTED, rename_no_replace

    try:
        rename_no_replace(session, name, LOCK_NAME)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        # No safe removal is possible here. A lock would only be one more name that mounts of rclone bring
        # back when it is closed after its removal.
        if lookup(session, LOCK_NAME) is not None:
            raise FileExistsError(LOCK_NAME) from error
        raise VolumeProblem(PUT_BACK_UNSUPPORTED) from error


def _take_over(session: int, name: str, file: int) -> bool:
    """Rename our lock onto a dead one. False: it changed meanwhile, try again. Raises Busy."""
    before = lookup(session, LOCK_NAME)
    if before is None:
        return False
    if not stat.S_ISREG(before.st_mode):
        raise VolumeProblem(LOCK_REFUSED)
    old = _open_old(session)
    try:
        # Use the clock that stamps modification times here: a file server's may differ from this node's.
        dead = _is_dead(old, before, os.fstat(file).st_mtime)
        now = lookup(session, LOCK_NAME)
        if not dead and now is not None:
            raise VolumeProblem(BUSY)
        if now is None or (now.st_ino, now.st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
            return False
        os.rename(name, LOCK_NAME, src_dir_fd=session, dst_dir_fd=session)
        return True
    finally:
        if old is not None:
            os.close(old)


def _is_dead(old: int | None, found: os.stat_result, now: float) -> bool:
    """Return whether a lock's holder is dead; take its flock on the way, if it is free."""
    stale = abs(now - found.st_mtime) > STALE_SECONDS
    if not stale and not (old is not None and _made_under_this_kernel(old)):
        return False
    try:
        return old is None or _hold(old) or stale
    except VolumeProblem:  # held by another process
        return False


def _open_old(session: int) -> int | None:
    """Open the lock file, for a flock on it; None when it is gone or another user's mode forbids it."""
    found = lookup(session, LOCK_NAME)
    if found is None:
        return None
    if not stat.S_ISREG(found.st_mode):  # not even opened: opening alone can affect a device
        raise VolumeProblem(LOCK_REFUSED)
    for access in (os.O_RDWR, os.O_RDONLY):  # NFS wants it writable for an exclusive flock
        try:
            file = os.open(LOCK_NAME, access | _LOOK, dir_fd=session)
        except PermissionError:
            continue
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise VolumeProblem(LOCK_REFUSED) from error
            raise
        if stat.S_ISREG(os.fstat(file).st_mode):
            return file
        os.close(file)
        raise VolumeProblem(LOCK_REFUSED)
    return None


def _hold(file: int) -> bool:
    """Take the flock; return False if the file system has none. Raises Busy when another process holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise VolumeProblem(BUSY) from error
    except OSError as error:
        if error.errno in _NO_FLOCK:
            return False
        raise
    return True


def _made_under_this_kernel(file: int) -> bool:
    boot = _boot_id()
    lines = os.pread(file, 1024, 0).decode("ascii", "replace").split("\n")
    return bool(boot) and len(lines) > 2 and lines[2] == boot


def _boot_id() -> str:
    try:
        file = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(file, 64).decode("ascii", "replace").strip()
    finally:
        os.close(file)
