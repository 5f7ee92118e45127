"""What a watch knows of the directories, from its state file: reads only, whether it runs or not."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from baileys_janitor.api.values import decoding
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.cli.watch.state import NO_STATE, read_state, state_path
from baileys_janitor.watch.state import holder_of

RECENT_SECONDS: Final = 3_600.0
"""A state that is younger was written by a watch that runs, or by one that cron starts (`--once`)."""


class Watched(NamedTuple):
    """What a watch remembers. `statuses` are by the real path of their directory, read within bounds.

    `works`: a watch runs, or has run within the hour; None where that cannot be seen.
    """

    statuses: dict[str, dict[str, Any]]
    works: bool | None
    saved: float

    def status_of(self, path: str) -> dict[str, Any] | None:
        """Return the status of a directory; None for one that the watch does not know."""
        return self.statuses.get(os.path.realpath(path))


def read_watched(state: str | None, now: float) -> Watched | None:
    """Return what the watch's state file says; None without one. Raises a Problem where it cannot be read.

    `state` is its path when somebody named it, else it lies where a watch of this user has it.
    """
    path = os.path.abspath(state or state_path(os.environ))  # noqa: PTH100
    try:
        known = read_state(path)
    except Problem as problem:
        if problem.code == NO_STATE and state is None:
            return None
        raise
    works: bool | None
    try:
        works = holder_of(path) is not None or now - known.written < RECENT_SECONDS
    except OSError:
        works = True if now - known.written < RECENT_SECONDS else None
    statuses = {
        os.path.realpath(where): decoding.status(each.status)
        for where, each in known.directories.items()
        if each.gone_since is None
    }
    return Watched(statuses, works, known.written)
