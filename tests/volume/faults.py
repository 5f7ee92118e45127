"""A file system that fails at a chosen call: before it, after it, once, from then on, or by a kill."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.report.run_results import CleanResult, PurgeResult, UndoResult
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import (
    DAY,
    FILES,
    HOUR,
    NOW,
    content,
    held,
    memory,
    opened,
    own_key,
    trashed,
)

#: `FAULTS=all` lets every call fail in every way.
EVERY = os.environ.get("FAULTS") == "all"
#: The calls by which the janitor looks at names and changes a directory, and the others on its files.
NAMING = ("open", "write", "lstat", "scandir", "rename", "link", "unlink", "fsync", "ftruncate")
OTHERS = ("close", "read", "pread", "pwrite", "lseek", "fstat", "fstatvfs", "utime", "fchown")
CALLS = NAMING + OTHERS if EVERY else NAMING
#: Few files mean few calls: a pair and two more to remove, and something of each sort to keep.
FEW: dict[str, float] = {
    **{name: FILES[name] for name in ("creds.json", "session-1100.4.json", "notes.txt")},
    "lid-mapping-2201.json": 30 * DAY,
    "session-2220.0.json": 20 * DAY,
    "session-2219.0.json": 19 * DAY,
    "session-2299.0.json": HOUR,
    own_key(): 10 * DAY,
    memory(): 10 * DAY,
}
DUE = frozenset(("session-2220.0.json", "session-2219.0.json", own_key(), memory()))
ALL = {name: content(name) for name in FEW}
KEPT = {name: data for name, data in ALL.items() if name not in DUE}


class Killed(BaseException):
    """The process is gone: no call of it comes through any more."""


class Fault:
    """Which call fails, and how.

    `error` is an error number, or None for a kill. `late`: the call does its work and then reports the
    error, as a file server does whose answer was lost. `lasting`: every later call fails too. `step`
    counts from 1.
    """

    def __init__(
        self, step: int, error: int | None, *, late: bool = False, lasting: bool = False
    ) -> None:
        self.step = step
        self.error = error
        self.late = late
        self.lasting = lasting or error is None
        self.seen = 0

    def __repr__(self) -> str:
        error = "a kill" if self.error is None else errno.errorcode[self.error]
        how = f"{' late' if self.late else ''}{' and lasting' if self.lasting else ''}"
        return f"{error}{how} at call {self.step}"

    @property
    def struck(self) -> bool:
        """Whether the call was reached."""
        return self.seen >= self.step

    def strikes(self) -> bool:
        """Count a call; whether it fails."""
        self.seen += 1
        return self.seen == self.step or (self.lasting and self.struck)

    def strike(self, name: str, real: Callable[[], Any], half: Callable[[], Any]) -> None:
        """Fail one call."""
        first = self.seen == self.step
        if self.error is None:
            if first and name == "write":
                half()
            raise Killed
        if (self.late and first) or name == "close":
            real()
        raise OSError(self.error, os.strerror(self.error))


@contextmanager
def failing(fault: Fault | None) -> Iterator[None]:
    """Let the calls of this process fail as the fault says; what it opened is closed in the end."""
    if fault is None:
        yield
        return
    files: set[int] = set()

    def faulty(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:  # as the call it stands for
            if fault.strikes():
                fault.strike(
                    name,
                    lambda: real(*arguments, **more),
                    lambda: real(arguments[0], arguments[1][: len(arguments[1]) // 2]),
                )
            result = real(*arguments, **more)
            if name == "open":
                files.add(result)
            elif name == "close":
                files.discard(arguments[0])
            return result  # a kill passes over the line above

        return call

    places: list[tuple[Any, str]] = [(os, name) for name in CALLS]
    places += [(noreplace, "rename_no_replace"), (fcntl, "flock")]
    originals = [(owner, name, getattr(owner, name)) for owner, name in places]
    for owner, name, real in originals:
        setattr(owner, name, faulty(name, real))
    try:
        yield
    except Killed:
        pass
    finally:
        for owner, name, real in originals:
            setattr(owner, name, real)
        if fault.error is None:
            for file in files:
                _close(file)


def _close(file: int) -> None:
    """Close what a killed process had open, as the kernel does."""
    with suppress(OSError):  # it was closed in the very call that failed
        os.close(file)


def clean(path: Path, run: str, fault: Fault | None = None, now: float = NOW) -> CleanResult:
    """Clean a directory, which may fail as told meanwhile."""
    result = CleanResult(run, "Killed")
    with opened(path) as directory, failing(fault):
        result = sessions.clean(
            directory, DEFAULTS, run=run, now=now, known=Known(always_running(now))
        )
    return result  # noqa: RET504  # a kill passes over the line above


def undo(path: Path, run: str, fault: Fault | None = None) -> UndoResult:
    """Undo a run, as `clean`."""
    result = UndoResult(run, "Killed")
    with opened(path) as directory, failing(fault):
        result = sessions.undo(directory, run, now=NOW)
    return result  # noqa: RET504  # a kill passes over the line above


def purge(path: Path, fault: Fault | None = None, window: float = 0) -> PurgeResult:
    """Purge a directory, as `clean`."""
    result = PurgeResult("Killed")
    with opened(path) as directory, failing(fault):
        result = sessions.purge(directory, now=NOW, undo_window=window)
    return result  # noqa: RET504  # a kill passes over the line above


def nothing_is_lost(path: Path) -> None:
    """Every file is in its place or in the trash, what must stay in its place, and pairs are in order."""
    here = held(path)
    assert {**trashed(path), **here} == ALL
    assert {name: here.get(name) for name in KEPT} == KEPT
    assert own_key() in here or memory() not in here


def no_traces(path: Path) -> None:
    """Neither a lock nor a file that was being written is left."""
    assert not (path / ".cleanup.lock").exists()
    assert not list(path.glob(".janitor~new~*"))
