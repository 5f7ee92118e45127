"""Detecting whether a session directory has changed since a scan, at the price of a listing.

A directory's own modification time does not change when a file in it is written in place, as the library does, so
each file's status is read. If none has changed, the rest of a scan (sorting names, judging ages) is saved.
"""

from __future__ import annotations

import os
from dataclasses import replace

from baileys_janitor.policy.files.identity import CORRUPT
from baileys_janitor.volume.errors import problem_of
from baileys_janitor.volume.files.disk_space import free_space
from baileys_janitor.volume.files.safe_open import ScanNames
from baileys_janitor.volume.scanning.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.volume.report.results import ScanResult
    from baileys_janitor.volume.scanning.activity import Known

JUDGED_SECONDS = 1800.0  # ages advance even if no file changes
FILES_MAX = 20_000  # in a larger directory each scan is made in full
_TICK_EVERY = 1024


class Seen:
    """A scan's result, and the directory's state: `mark` of its files, the time and settings of the judgement."""

    __slots__ = ("judged_at", "mark", "result", "settings")

    def __init__(
        self, mark: int | None, judged_at: float, settings: Settings, result: ScanResult
    ) -> None:
        self.mark = mark
        self.judged_at = judged_at
        self.settings = settings
        self.result = result


def look_again(
    directory: int,
    settings: Settings,
    *,
    now: float,
    known: Callable[[], Known],
    before: Seen | None,
    tick: Callable[[], None] | None = None,
) -> tuple[ScanResult, Seen]:
    """Scan an open session directory as `scan` does; if nothing has changed, return the result of `before`.

    Such a result has no `looked`, so it does not update running times. Raises VolumeProblem.
    """
    mark = mark_of(directory, tick)
    if before is not None and _holds(before, mark, settings, now):
        free_bytes, free_inodes = free_space(directory)
        same = replace(
            before.result,
            free_bytes=free_bytes,
            free_inodes=free_inodes,
            looked=None,
            bins=None,
            put_in=None,
            running=None,
        )
        return same, before
    found = scan(directory, settings, now=now, known=known(), tick=tick)
    return found, Seen(mark, now, settings, found)


def _holds(before: Seen, mark: int | None, settings: Settings, now: float) -> bool:
    return (
        mark is not None
        and mark == before.mark
        and settings is before.settings
        and 0 <= now - before.judged_at < JUDGED_SECONDS
        and before.result.identity_state != CORRUPT
        and not before.result.skewed
    )


def mark_of(directory: int, tick: Callable[[], None] | None = None) -> int | None:
    """Return a number that changes with the names and statuses of the files; None for too many of them.

    Raises VolumeProblem.
    """
    parts: list[tuple[str, int, int, int, int]] = []
    try:
        with ScanNames(directory) as found:
            for item in found:
                try:
                    at = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                parts.append((item.name, at.st_mode, at.st_ino, at.st_size, at.st_mtime_ns))
                if len(parts) > FILES_MAX:
                    return None
                if tick is not None and len(parts) % _TICK_EVERY == 0:
                    tick()
        return hash((os.fstat(directory).st_ino, *parts))
    except OSError as error:
        raise problem_of(error) from error
