"""Opening a session directory and making its missing parts, which are removed again if they stay empty."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager

from baileys_janitor.volume.errors import DIRECTORY_MISSING, PATH_REFUSED, VolumeProblem, problem_of
from baileys_janitor.volume.files.safe_open import open_beneath, open_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = 0o700
# On a volume that belongs to a group (fsGroup), its directories do, too.
_OF_THE_GROUP = 0o2070


@contextmanager
def session_made(root: str, path: str) -> Iterator[int]:
    """Open the session directory `path` beneath `root`, a mount point, and make its missing parts.

    A new directory is closed to all but its user, and the group that may enter its parent. Each is made through the
    open descriptor of its parent, so no link is ever followed. Raises VolumeProblem, as `open_session` does.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or "\0" in path or ".." in parts:
        raise VolumeProblem(PATH_REFUSED)
    opened = [open_session(root)]
    made: list[tuple[int, str]] = []
    try:
        for part in parts:
            opened.append(_opened_or_made(opened[-1], part, made))
        yield opened[-1]
    finally:
        for above, name in reversed(made):
            _remove_if_empty(above, name)
        for each in opened:
            os.close(each)


def _opened_or_made(above: int, name: str, made: list[tuple[int, str]]) -> int:
    try:
        return open_beneath(above, name)
    except VolumeProblem as problem:
        if problem.code != DIRECTORY_MISSING:
            raise
    try:
        os.mkdir(name, _OWN, dir_fd=above)
        made.append((above, name))
        directory = open_beneath(above, name)
    except OSError as error:
        raise problem_of(error) from error
    mode = _OWN | stat.S_IMODE(os.fstat(above).st_mode) & _OF_THE_GROUP
    try:
        os.fchmod(directory, mode)
    except OSError as error:
        os.close(directory)
        raise problem_of(error) from error
    return directory


def _remove_if_empty(above: int, name: str) -> None:
    try:
        os.rmdir(name, dir_fd=above)
    except OSError:
        return
