"""A snapshot of a session in memory: every file whole, while a process goes on writing.

The library writes in place, so one read may find a file empty or cut. A file is taken when its status is the same
before and after the read and its content parses; creds.json is last, once two reads agree.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from dataclasses import dataclass
from hashlib import sha256

from baileys_janitor.policy.ages.ages import usable_clock
from baileys_janitor.policy.archives.archived import (
    FILE_OVERHEAD_BYTES,
    LIMIT_BYTES,
    ArchivedFile,
    ArchivedSession,
)
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.files.file_kinds import CREDS, CREDS_NAME, OTHER
from baileys_janitor.policy.files.identity import read_identity, with_lid_of
from baileys_janitor.policy.files.strict_json import is_whole
from baileys_janitor.policy.reasons import CLOCK_UNUSABLE
from baileys_janitor.volume.copies.credential_copies import settled_bytes
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    CREDENTIALS_INCOMPLETE,
    CREDENTIALS_UNREADABLE,
    SESSION_TOO_LARGE,
    VolumeProblem,
    problem_of,
)
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.files.state_files import owners_of, read_bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from baileys_janitor.policy.archives.pairing import Credentials
    from baileys_janitor.volume.files.read import Listing

    #: Inode, modification and change time in ns, size: a file with the same mark was not written meanwhile.
    Mark = tuple[int, int, int, int]

#: Seconds before each further read of the files that were being written: 1 s in all.
PAUSES_SECONDS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.3)
# A cut file that was not written for this long is not being written.
_AT_REST_SECONDS = 10.0
_CREDS_TRIES = 5
# The largest time in ns that can be stored; some file systems report later ones.
_TIME_MAX_NS = 2**63 - 1
_TICK_EVERY = 256
# A read within one page sees the file before or after a write. A longer one may see both, and a file system's clock
# may be too coarse to show it.
_ONE_PAGE_BYTES = 4096
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENODEV)
_THIS_FILE_ALONE = (errno.EACCES, errno.EPERM, errno.EIO)

# The results of reading a name. Refused: it must not be read, or cannot be.
_WHOLE, _GONE, _CHANGED, _TORN, _REFUSED = "whole", "gone", "changed", "torn", "refused"


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """A session as read: `content` holds the bytes of each of `session.files` by name.

    The names of missing session files are listed: `missing` changed at every read, `unreadable` are empty, cut or not
    readable though nobody writes them. A file that was removed meanwhile is in neither.
    """

    session: ArchivedSession
    content: Mapping[str, bytes]
    missing: Sequence[str] = ()
    unreadable: Sequence[str] = ()

    def __repr__(self) -> str:
        return (
            f"Snapshot(files={len(self.content)}, missing={len(self.missing)},"
            f" unreadable={len(self.unreadable)})"
        )


def take_snapshot(
    directory: int,
    *,
    now: float,
    limit_bytes: int = LIMIT_BYTES,
    quiesced: bool = False,
    tick: Callable[[], None] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """Read the session in an open directory; nothing is written, and no link or device is opened.

    `now` is in Unix seconds; `pause` waits for some seconds; `tick` is called every few hundred files, and its
    exceptions pass through. With `quiesced` the caller states that no process uses the directory; the snapshot is
    marked so only if nothing changed while it was taken. Content and `FILE_OVERHEAD_BYTES` a name stay within
    `limit_bytes`.

    Raises VolumeProblem: ClockUnusable, SessionTooLarge; the codes of `settled_bytes` if creds.json is not whole and
    paired; CredentialsChanging if another pairing replaced it meanwhile; the file system's errors.
    """
    if not usable_clock(now):
        raise VolumeProblem(CLOCK_UNUSABLE)
    before = _credentials_of(settled_bytes(directory, pause))
    listing = read_listing(directory, tick)
    names = _names_of(listing, limit_bytes)
    reading = _Reading(directory, limit_bytes, now, tick)
    reading.take(names, pause)
    credentials = reading.take_creds(pause)
    if not credentials.same_pairing(before):
        raise VolumeProblem(CREDENTIALS_CHANGING)
    content = dict(sorted(reading.content.items()))
    identity = with_lid_of(read_identity(content[CREDS_NAME]), content.get)
    if quiesced:
        quiesced = _marks_of(listing) == _marks_of(read_listing(directory, tick))
    return Snapshot(
        ArchivedSession(
            time=int(now),
            quiesced=quiesced,
            files=[reading.files[name] for name in content],
            identity=identity,
            credentials=credentials,
        ),
        content,
        sorted(reading.missing),
        sorted(reading.unreadable),
    )


class _Look:
    """The result of reading a name; `data` only if it is whole."""

    __slots__ = ("data", "mark", "mode", "state")

    def __init__(
        self, state: str, mark: Mark | None = None, mode: int = 0, data: bytes = b""
    ) -> None:
        self.state = state
        self.mark = mark
        self.mode = mode
        self.data = data


class _Reading:
    """The files of one session taken so far, and the names of those that could not be taken."""

    def __init__(
        self, directory: int, limit_bytes: int, now: float, tick: Callable[[], None] | None
    ) -> None:
        self._directory = directory
        self._room = limit_bytes
        self._now = now
        self._tick = tick
        self._owners = owners_of(directory)
        self._looks = 0
        try:
            self._device = os.fstat(directory).st_dev
        except OSError as error:
            raise problem_of(error) from error
        self.content: dict[str, bytes] = {}
        self.files: dict[str, ArchivedFile] = {}
        self.missing: list[str] = []
        self.unreadable: list[str] = []

    def take(self, names: Sequence[str], pause: Callable[[float], None]) -> None:
        """Take the files of these names, and read those again that are being written."""
        last: dict[str, _Look] = {}
        for name in names:
            look = self._look(name)
            if not self._settle(name, look, None):
                last[name] = look
        for seconds in PAUSES_SECONDS:
            if not last:
                return
            pause(seconds)
            for name, before in list(last.items()):
                look = self._look(name)
                if self._settle(name, look, before):
                    del last[name]
                else:
                    last[name] = look
        for name, look in last.items():
            if look.state != _GONE:
                self._name(name, self.missing)

    def take_creds(self, pause: Callable[[float], None]) -> Credentials:
        """Take creds.json once two reads agree and a third has the same bytes; return its credentials."""
        for _ in range(_CREDS_TRIES):
            data = settled_bytes(self._directory, pause)
            look = self._look(CREDS_NAME)
            if look.state == _REFUSED:
                raise VolumeProblem(CREDENTIALS_UNREADABLE)
            if look.state == _WHOLE and look.data == data:
                self._keep(CREDS_NAME, look)
                return _credentials_of(data)
            pause(PAUSES_SECONDS[1])
        raise VolumeProblem(CREDENTIALS_CHANGING)

    def _settle(self, name: str, look: _Look, before: _Look | None) -> bool:
        """Take a file, or decide that it cannot be taken; return False to read it again."""
        if look.state == _WHOLE:
            self._keep(name, look)
            return True
        if look.state == _REFUSED or (
            look.state == _TORN and before is not None and self._is_at_rest(look, before)
        ):
            self._name(name, self.unreadable)
            return True
        # A writer that removes a file before making it anew leaves no file for a moment.
        return look.state == _GONE and before is not None and before.state == _GONE

    def _is_at_rest(self, look: _Look, before: _Look) -> bool:
        if look.mark is None or look.mark != before.mark:
            return False
        _, mtime_ns, _, _ = look.mark
        return abs(self._now - mtime_ns / 10**9) > _AT_REST_SECONDS

    def _keep(self, name: str, look: _Look) -> None:
        mark = look.mark
        if mark is None:  # pragma: no cover - a whole file has one
            return
        self._take_room(len(look.data))
        self.content[name] = look.data
        self.files[name] = ArchivedFile(
            name,
            len(look.data),
            min(max(mark[1], -_TIME_MAX_NS), _TIME_MAX_NS),
            look.mode,
            sha256(look.data).hexdigest(),
        )

    def _name(self, name: str, into: list[str]) -> None:
        self._take_room(0)
        into.append(name)

    def _take_room(self, size: int) -> None:
        self._room -= size + FILE_OVERHEAD_BYTES
        if self._room < 0:
            raise VolumeProblem(SESSION_TOO_LARGE)

    def _look(self, name: str) -> _Look:
        self._looks += 1
        if self._tick is not None and self._looks % _TICK_EVERY == 0:
            self._tick()
        try:
            found = os.lstat(name, dir_fd=self._directory)
            if not self._is_file(found):  # not even opened: opening alone can affect a device
                return _Look(_GONE)
            if found.st_nlink > 1 and found.st_uid not in self._owners.uids:
                return _Look(_REFUSED)  # a link to another user's file: not the tenant's to keep
            file = os.open(name, _READ, dir_fd=self._directory)
        except FileNotFoundError:
            return _Look(_GONE)
        except OSError as error:
            if error.errno in _NOT_A_FILE:
                return _Look(_GONE)
            if error.errno in _THIS_FILE_ALONE:
                return _Look(_REFUSED)
            raise problem_of(error) from error
        try:
            return self._read(file)
        except OSError as error:
            if error.errno in _THIS_FILE_ALONE:
                return _Look(_REFUSED)
            raise problem_of(error) from error
        finally:
            os.close(file)

    def _read(self, file: int) -> _Look:
        found = os.fstat(file)
        if not self._is_file(found):
            return _Look(_GONE)
        size = found.st_size
        if size + FILE_OVERHEAD_BYTES > self._room:
            raise VolumeProblem(SESSION_TOO_LARGE)
        data = read_bounded(file, size + 1)
        settled = len(data) == size
        if settled and size > _ONE_PAGE_BYTES:
            os.lseek(file, 0, os.SEEK_SET)
            settled = read_bounded(file, size + 1) == data
        mark = _mark(found)
        if not settled or _mark(os.fstat(file)) != mark:
            return _Look(_CHANGED)
        if not is_whole(data):
            return _Look(_TORN, mark)
        return _Look(_WHOLE, mark, stat.S_IMODE(found.st_mode) & 0o777, data)

    def _is_file(self, found: os.stat_result) -> bool:
        return stat.S_ISREG(found.st_mode) and found.st_dev == self._device


def _names_of(listing: Listing, limit_bytes: int) -> list[str]:
    """Return the names of the session files but creds.json. Raises VolumeProblem unless all fit into the limit."""
    if listing.entries is None:
        raise VolumeProblem(SESSION_TOO_LARGE)
    entries = [entry for entry in listing.entries if entry.kind not in (OTHER, CREDS)]
    if sum(entry.size + FILE_OVERHEAD_BYTES for entry in entries) > limit_bytes:
        raise VolumeProblem(SESSION_TOO_LARGE)
    return sorted(entry.name for entry in entries)


def _marks_of(listing: Listing) -> set[tuple[str, int, int, int]]:
    return {
        (entry.name, entry.inode, entry.mtime_ns, entry.size)
        for entry in listing.entries or ()
        if entry.kind != OTHER
    }


def _mark(found: os.stat_result) -> Mark:
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def _credentials_of(data: bytes) -> Credentials:
    credentials = read_credentials(data)
    if credentials is None:  # pragma: no cover - settled bytes are whole
        raise VolumeProblem(CREDENTIALS_INCOMPLETE)
    return credentials
