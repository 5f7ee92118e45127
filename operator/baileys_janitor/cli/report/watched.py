"""The watch's knowledge of the directories, from its state file: reads only, whether the watch runs or not."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from baileys_janitor.api.values import decoding
from baileys_janitor.cli.terminal.problems import Problem
from baileys_janitor.cli.watch.state import NO_STATE, read_state, state_path
from baileys_janitor.watch.state import holder_of

RECENT_SECONDS: Final = 3_600.0
"""A younger state was written by a running watch, or by one that cron starts (`--once`)."""


class Watched(NamedTuple):
    """The state of a watch. `statuses` are by the real path of their directory, read within bounds.

    `works`: a watch runs, or has run within the hour; None if unknown.
    """

    statuses: dict[str, dict[str, Any]]
    works: bool | None
    saved: float

    def status_of(self, path: str) -> dict[str, Any] | None:
        """Return the status of a directory; None if the watch does not know it."""
        return self.statuses.get(os.path.realpath(path))


def read_watched(state: str | None, now: float) -> Watched | None:
    """Return the watch's state; None without a state file. Raises a Problem if it cannot be read.

    `state` is its path if the user named it; otherwise the default path of this user is read.
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
