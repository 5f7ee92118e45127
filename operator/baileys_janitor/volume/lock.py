"""The lock of a session directory: `.cleanup.lock`.

It must hold back older scripts that use the same name (they look whether the file exists, or how old it is),
other processes on this node, and processes on other nodes whose file system may not share flock. Hence:

- The file is made with O_EXCL; whoever makes it holds it. Holder, time and the kernel's boot id are in it.
- The holder keeps a flock on it and touches it as its work proceeds (`beat`).
- A lock touched within ten minutes is respected, whoever made it. One exception: it says that it was made
  under this very kernel and its flock is free. Then its holder is dead (killed, most likely), for within
  one kernel a flock is always seen.
- A lock whose flock is held is respected whatever its age.
- Any other lock is stale. It is taken over by renaming a new one onto it, while holding the old one's
  flock; a holder that only seemed dead sees before its next removal that the name is no longer its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time

from .household import adopt
from .problems import BUSY, LOCK_LOST, LOCK_REFUSED, VolumeProblem, problem_of
from .reading import LOCK_NAME

STALE_SECONDS = 600.0
BEAT_SECONDS = 5.0
NEW_LOCK_PREFIX = "lock."
_CLOCK_NAME = "clock"
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_FLOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class Lock:
    """A held lock. `check` before each removal, `beat` in long phases, `release` on every path."""

    __slots__ = ("_beaten", "_file", "_inode", "_session")

    def __init__(self, session: int, file: int) -> None:
        self._session = session
        self._file = file
        self._inode = os.fstat(file).st_ino
        self._beaten = time.monotonic()

    def check(self) -> None:
        """Show a sign of life; raises VolumeProblem(LockLost) when the name is no longer ours."""
        self.beat()
        if not self._is_ours():
            raise VolumeProblem(LOCK_LOST)

    def beat(self) -> None:
        """Touch the lock when it was not touched for some seconds."""
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
            return  # it grows stale
        finally:
            os.close(self._file)

    def _is_ours(self) -> bool:
        try:
            found = os.lstat(LOCK_NAME, dir_fd=self._session)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise problem_of(error) from error
        return found.st_ino == self._inode


def acquire(session: int, janitor: int, holder: str) -> Lock:
    """Take the lock at once or raise VolumeProblem: Busy, LockRefused, ReadOnly, DiskFull, ..."""
    try:
        for _ in range(5):
            try:
                file = os.open(LOCK_NAME, _CREATE, 0o644, dir_fd=session)
            except FileExistsError:
                lock = _take_over(session, janitor, holder)
                if lock is not None:
                    return lock
                continue
            return _sign(session, session, LOCK_NAME, file, holder)
    except OSError as error:
        raise problem_of(error) from error
    raise VolumeProblem(BUSY)


def _sign(session: int, parent: int, name: str, file: int, holder: str) -> Lock:
    """Hold the flock of a lock file just made, and write into it whose it is."""
    try:
        flocked = _hold(file)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        # Without a flock of ours a free one proves nothing: no boot id then.
        boot = _boot_id() if flocked else ""
        os.write(file, f"{holder}\n{at}\n{boot}\n".encode("ascii", "replace"))
        adopt(parent, name)
        return Lock(session, file)
    except BaseException:
        os.unlink(name, dir_fd=parent)
        os.close(file)
        raise


def _take_over(session: int, janitor: int, holder: str) -> Lock | None:
    """Replace a dead lock by a new one. None: it changed meanwhile, look again. Raises Busy."""
    try:
        before = os.lstat(LOCK_NAME, dir_fd=session)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(before.st_mode):
        raise VolumeProblem(LOCK_REFUSED)
    old = _open_old(session)
    try:
        stale = abs(_file_system_time(janitor) - before.st_mtime) > STALE_SECONDS
        if not stale and not (old is not None and _made_under_this_kernel(old)):
            raise VolumeProblem(BUSY)
        if old is not None and not _hold(old) and not stale:
            raise VolumeProblem(BUSY)
        if not _unchanged(session, before):
            return None
        name = f"{NEW_LOCK_PREFIX}{os.getpid()}.{time.time_ns()}"
        lock = _sign(session, janitor, name, os.open(name, _CREATE, 0o644, dir_fd=janitor), holder)
        try:
            os.rename(name, LOCK_NAME, src_dir_fd=janitor, dst_dir_fd=session)
            lock.check()
        except BaseException:
            lock.release()
            raise
        return lock
    finally:
        if old is not None:
            os.close(old)


def _open_old(session: int) -> int | None:
    """The lock file, for a flock on it; None when another user's mode forbids it."""
    for access in (os.O_RDWR, os.O_RDONLY):  # NFS wants it writable for an exclusive flock
        try:
            return os.open(LOCK_NAME, access | _LOOK, dir_fd=session)
        except PermissionError:
            continue
        except FileNotFoundError:
            return None
    return None


def _unchanged(session: int, before: os.stat_result) -> bool:
    try:
        now = os.lstat(LOCK_NAME, dir_fd=session)
    except FileNotFoundError:
        return False
    return (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def _hold(file: int) -> bool:
    """Take the flock; False where the file system has none. Raises Busy when somebody holds it."""
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


def _file_system_time(janitor: int) -> float:
    """The clock that stamps modification times here: a file server's may differ from this node's."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(_CLOCK_NAME, flags, 0o600, dir_fd=janitor)
    except OSError:
        return time.time()
    try:
        os.utime(file)
        return os.fstat(file).st_mtime
    except OSError:
        return time.time()
    finally:
        os.close(file)
