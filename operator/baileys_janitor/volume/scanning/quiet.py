"""Watching a session directory for writes: a stopped process makes none."""

from __future__ import annotations

from baileys_janitor.policy.files.file_kinds import OTHER
from baileys_janitor.volume.files.read import read_listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Written = frozenset[tuple[str, int, int, int]]

#: A connected session answers the server at least every half minute, but writes less often.
WATCH_SECONDS = 60.0
#: The time to watch after a restore: a process that was not stopped writes its session back.
AFTERWARDS_SECONDS = 10.0
STEP_SECONDS = 2.0


def is_quiet(
    directory: int,
    pause: Callable[[float], None],
    stop: Callable[[], str | None],
    seconds: float = WATCH_SECONDS,
) -> bool:
    """Return whether nobody writes to the session's files for some seconds; `pause` waits.

    Ends early, as if it were quiet, when `stop` returns a code. Raises VolumeProblem.
    """
    before = _written(directory)
    waited = 0.0
    while waited < seconds and stop() is None:
        pause(STEP_SECONDS)
        waited += STEP_SECONDS
        if _written(directory) != before:
            return False
    return True


def _written(directory: int) -> Written:
    entries = read_listing(directory).entries or []
    return frozenset(
        (each.name, each.inode, each.mtime_ns, each.size) for each in entries if each.kind != OTHER
    )
