"""The state file: the watch's memory across restarts, and its lock.

JSON, versioned, written whole beside the old file and renamed, so that a kill at any instant leaves one of the two.
A second file, `<state>.lock`, is held with flock while a watch runs: the state itself is replaced at each write.
The file may be forged, so each value has a type and bounds. An unreadable file is
replaced by an empty state: the journals of the directories have the history.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.watch.record import DirectoryRecord, JournalMark

Object = dict[str, Any]
logger = logging.getLogger("janitor.watch")

VERSION = 1
LARGEST_BYTES = 64 * 1024 * 1024
DIRECTORIES_MAX = 10_000
PATH_MAX = 4096
KEY_BYTES = 16
DELIVERIES_MAX = 2_000_000
"""The limit on characters of the delivery state of the channels."""
LOCK_TRIES, LOCK_PAUSE_SECONDS = 10, 0.1
"""How often the lock is tried: `status` holds it for a moment, to check whether a watch runs."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LATEST = 253_402_300_799.0


class StateProblem(Exception):  # noqa: N818 - as `cli.terminal.problems.Problem`
    """The reason why the state file cannot be used: one sentence with the remedy."""


@dataclass(slots=True)
class KnownDirectory:
    """The file's entry for one directory."""

    root: str
    path: str
    name: str
    status: Object
    journal: JournalMark | None = None
    gone_since: float | None = None
    copied_at: float | None = None


@dataclass(slots=True)
class State:
    """The state. Times are Unix seconds; `key` keeps the hashes in names the same."""

    started: float
    written: float = 0.0
    key: bytes = field(default_factory=lambda: os.urandom(KEY_BYTES))
    directories: dict[str, KnownDirectory] = field(default_factory=dict)
    deliveries: str = ""
    """The delivery state of the channels, as `notify.delivery_state_codec` writes it."""

    def take(self, records: Mapping[str, DirectoryRecord]) -> None:
        """Take over the records of the directories, by their full paths."""
        self.directories = {
            path: KnownDirectory(
                record.root,
                record.path,
                record.name,
                _current(record),
                record.journal,
                record.gone_since,
                record.copied_at,
            )
            for path, record in records.items()
        }


def _current(record: DirectoryRecord) -> Object:
    """Return the stored status with the latest scan's minor changes, which do not cause a publication."""
    status = record.stored.status
    backup = record.backup.stored()
    if backup:
        # Claims, puts and restores count at once, whenever the status is published.
        status = status | {"backup": (status.get("backup") or {}) | backup}
    if record.scan.last_scan is None:
        return status
    fresh: Object = {"lastScanTime": to_rfc3339(record.scan.last_scan)}
    if record.scan.running is not None:
        fresh["running"] = record.scan.running
    if record.scan.counts and "files" in status:
        fresh["files"] = status["files"] | {"counted": record.scan.counted}
    return status | fresh


class StateFile:
    """The state file at `path`. Held by one process at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock: int | None = None
        self._failing = False

    def take(self) -> None:
        """Make its directory and lock it; raise StateProblem."""
        folder = os.path.dirname(self.path)  # noqa: PTH120
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
            self._lock = os.open(f"{self.path}.lock", _LOCK, 0o600)
        except OSError as error:
            raise StateProblem(
                f"The state file {self.path} cannot be kept there ({_why(error)}): name another place with --state "
                "FILE, or let this user write to that directory."
            ) from None
        for attempt in range(LOCK_TRIES):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise StateProblem(
                        f"The file system of {self.path} has no locks ({_why(error)}): name a place on a local disk "
                        "with --state FILE."
                    ) from None
                if attempt + 1 == LOCK_TRIES:
                    raise StateProblem(self._held()) from None
                time.sleep(LOCK_PAUSE_SECONDS)
            else:
                break
        with suppress(OSError):
            os.ftruncate(self._lock, 0)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _held(self) -> str:
        holder = holder_of(self.path)
        who = f" (process {holder})" if holder else ""
        return (
            f"Another watch{who} has the state file {self.path}: let it go on, or end it first, or give this one a "
            "state of its own with --state FILE."
        )

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            with suppress(OSError):
                os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def read(self, now: float) -> State:
        """Return the state; an unreadable file is put aside, and the state is empty."""
        try:
            found = load(self.path)
        except FileNotFoundError:
            return State(now)
        except (OSError, ValueError) as problem:
            why = _why(problem) if isinstance(problem, OSError) else str(problem)
            logger.warning(
                "The state file cannot be read (%s): it is renamed to .broken and rebuilt from the journals of "
                "the directories",
                why,
            )
            with suppress(OSError):
                os.replace(self.path, f"{self.path}.broken")  # noqa: PTH105
            return State(now)
        found.started = min(found.started, now)
        return found

    def write(self, state: State) -> bool:
        """Write the state, all or nothing; log a failure and return False."""
        try:
            self._write(encode(state))
        except OSError as error:
            if not self._failing:
                logger.warning(
                    "The state file %s cannot be written (%s): later changes are lost at a restart, except those "
                    "in the directories' journals",
                    self.path,
                    _why(error),
                )
            self._failing = True
            return False
        if self._failing:
            logger.info("The state file can be written again")
        self._failing = False
        return True

    def _write(self, data: bytes) -> None:
        temporary = f"{self.path}.new"
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108
        file = os.open(temporary, _CREATE, 0o600)
        try:
            rest = data
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, self.path)  # noqa: PTH104
        folder = os.open(os.path.dirname(self.path) or ".", os.O_RDONLY | os.O_CLOEXEC)  # noqa: PTH120
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def holder_of(path: str) -> int | None:
    """Return the id of the process that holds the state file at `path`; None for none, 0 if it is unknown.

    Raises OSError if the lock cannot be read.
    """
    try:
        file = os.open(f"{path}.lock", _READ)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(file, 20, 0).strip()
            return int(text) if text.isdigit() else 0
        return None
    finally:
        os.close(file)


def encode(state: State) -> bytes:
    """Return the bytes of the state file."""
    data = {
        "version": VERSION,
        "about": "What baileys-janitor watch remembers: see `baileys-janitor status`. It may be deleted while no "
        "watch runs.",
        "started": state.started,
        "written": state.written,
        "key": state.key.hex(),
        "deliveries": state.deliveries,
        "directories": {
            path: {
                "root": known.root,
                "path": known.path,
                "name": known.name,
                "status": known.status,
                "journal": known.journal,
                "goneSince": known.gone_since,
                "copiedAt": known.copied_at,
            }
            for path, known in state.directories.items()
        },
    }
    return (json.dumps(data, separators=(",", ":")) + "\n").encode("ascii")


def load(path: str) -> State:
    """Read a state file; raise OSError, and ValueError with a reason if it is invalid."""
    with _opened(path) as file:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (os.geteuid(), 0):
            raise ValueError("it is not a file of this user")
        if found.st_size > LARGEST_BYTES:
            raise ValueError("it is larger than 64 MiB")
        text = b""
        while part := os.read(file, 1 << 20):
            text += part
            if len(text) > LARGEST_BYTES:
                raise ValueError("it is larger than 64 MiB")
    return decode(text)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    file = os.open(path, _READ)
    try:
        yield file
    finally:
        os.close(file)


def decode(text: bytes) -> State:
    """Read the output of `encode`; raise ValueError with a reason for anything else.

    Statuses are read field by field when a record takes them over, as the operator reads those of a cluster.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON") from None
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004
    if data.get("version") != VERSION:
        raise ValueError(f"it is not of version {VERSION}")
    listed = data.get("directories")
    if not isinstance(listed, dict) or len(listed) > DIRECTORIES_MAX:
        raise ValueError("it lists no directories")
    deliveries = data.get("deliveries")
    fits = isinstance(deliveries, str) and len(deliveries) <= DELIVERIES_MAX
    known = {path: one for path, value in listed.items() if (one := _known(path, value))}
    return State(
        started=_time(data.get("started")) or 0.0,
        written=_time(data.get("written")) or 0.0,
        key=_key(data.get("key")),
        directories=known,
        deliveries=str(deliveries) if fits else "",
    )


def _known(path: str, value: object) -> KnownDirectory | None:
    if not isinstance(value, dict) or not 0 < len(path) <= PATH_MAX:
        return None
    root, below, name, status = (value.get(key) for key in ("root", "path", "name", "status"))
    texts = (root, below, name)
    if not all(isinstance(each, str) and 0 < len(each) <= PATH_MAX for each in texts):
        return None
    if not isinstance(status, dict):
        return None
    return KnownDirectory(
        str(root),
        str(below),
        str(name),
        status,
        _mark(value.get("journal")),
        _time(value.get("goneSince")),
        _time(value.get("copiedAt")),
    )


def _mark(value: object) -> JournalMark | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    if not all(isinstance(each, int) and 0 <= each < 2**63 for each in value):
        return None
    return value[0], value[1], value[2]


def _time(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0.0 <= value <= _LATEST else None


def _key(value: object) -> bytes:
    with suppress(ValueError, TypeError):
        found = bytes.fromhex(str(value))
        if len(found) == KEY_BYTES:
            return found
    return os.urandom(KEY_BYTES)


def _why(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
