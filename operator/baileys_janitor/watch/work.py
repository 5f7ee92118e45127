"""The operations in a session directory: scan, clean, purge, read the journal. The only module that opens one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from baileys_janitor.policy.ages.running_text import decode
from baileys_janitor.policy.settings import Settings
from baileys_janitor.volume import operations
from baileys_janitor.volume.copies.credential_copies import keep_if_due
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.files.state_names import JOURNAL
from baileys_janitor.volume.report.results import FAILED, ScanResult
from baileys_janitor.volume.report.run_results import CleanResult, KeptCopy, PurgeResult
from baileys_janitor.volume.runs.journal import Journal, Run
from baileys_janitor.volume.scanning.activity import Known
from baileys_janitor.volume.scanning.unchanged import look_again
from baileys_janitor.watch.record import DirectoryRecord, JournalMark

Stop = Callable[[], str | None]
UNEXPECTED = "Unexpected"
NO_JOURNAL: JournalMark = (0, 0, 0)


class Volume(Protocol):
    """The operations in session directories: this module, or a replacement in tests."""

    look: Any
    clean: Any
    purge: Any
    read_journal: Any
    keep_copy: Any


@contextmanager
def opened(record: DirectoryRecord) -> Iterator[int]:
    """Open a session directory; raise VolumeProblem."""
    directory = open_session(record.root, record.path)
    try:
        yield directory
    finally:
        os.close(directory)


def look(record: DirectoryRecord, settings: Settings, now: float, stop: Stop) -> ScanResult:
    """Scan a directory; problems are in the result."""

    def tick() -> None:
        code = stop()
        if code is not None:
            raise VolumeProblem(code)

    try:
        with opened(record) as directory:
            found, seen = look_again(
                directory,
                settings,
                now=now,
                known=lambda: Known(decode(record.scan.running)),
                before=record.seen,
                tick=tick,
            )
            record.remember(seen)
            return found
    except VolumeProblem as problem:
        return ScanResult(error=problem.code)


def clean(
    record: DirectoryRecord,
    settings: Settings,
    run: str,
    reason: str,
    now: float,
    stop: Stop,
    *,
    emergency: bool,
    dry_run: bool,
    undo_window: float,
) -> CleanResult:
    """Clean a directory once, under the id `run`; problems are in the result."""
    try:
        with opened(record) as directory:
            return operations.clean(
                directory,
                settings,
                run=run,
                now=now,
                dry_run=dry_run,
                known=Known(decode(record.scan.running)),
                emergency=emergency,
                reason=reason,
                undo_window=undo_window,
                stop=stop,
            )
    except VolumeProblem as problem:
        return CleanResult(run, FAILED, code=problem.code, time=int(now))


def purge(record: DirectoryRecord, undo_window: float, now: float, stop: Stop) -> PurgeResult:
    """Purge a directory's trash; problems are in the result."""
    try:
        with opened(record) as directory:
            return operations.purge(directory, now=now, undo_window=undo_window, stop=stop)
    except VolumeProblem as problem:
        return PurgeResult(FAILED, code=problem.code)


def keep_copy(record: DirectoryRecord, every: float, keep: int, now: float) -> KeptCopy | None:
    """Keep a validated copy of creds.json if one is due; None if the directory cannot be opened."""
    try:
        with opened(record) as directory:
            return keep_if_due(directory, now=now, every=every, keep=keep)
    except VolumeProblem:
        return None


def read_journal(record: DirectoryRecord) -> tuple[JournalMark, list[Run]] | None:
    """Return the journal's runs, oldest first, with the journal's version; None if that is already known.

    An unreadable journal counts as none: a cleanup will find the problem and report it.
    """
    try:
        with opened(record) as directory:
            mark = _mark(directory)
            if mark == record.journal:
                return None
            if mark == NO_JOURNAL:
                return mark, []
            return mark, list(Journal(directory, owners_of(directory)).runs.values())
    except (VolumeProblem, OSError):
        return None


def _mark(directory: int) -> JournalMark:
    try:
        found = os.stat(JOURNAL, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return NO_JOURNAL
    if not stat.S_ISREG(found.st_mode):
        return NO_JOURNAL
    return found.st_ino, found.st_size, found.st_mtime_ns
