"""Putting a run back: what it moved into the trash returns to where it was.

Never over a file that exists: the library has written a newer one. Never into another identity: after a
new pairing the old files belong to nobody. Units return as one, keys first, and a memory file only beside
its own key.
"""

from __future__ import annotations

import os

from .opening import open_beneath
from .trash import EXISTS, RESTORED, Planned, drop_run, look, read_plan
from .units import IN_TRASH, by_unit, return_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Why a file stays in the trash.
NEWER_EXISTS = "NewerExists"
OWN_KEY_MISSING = "OwnKeyMissing"
WITH_ITS_PAIR = "WithItsPair"

EXPLANATIONS = {
    NEWER_EXISTS: "The library has written a file of that name since.",
    OWN_KEY_MISSING: "A memory file does harm without the sender key that it was written for.",
    WITH_ITS_PAIR: "It goes back only together with another file, which cannot.",
}


class PutBack:
    """`restored` are in their places again; `kept` counts by reason what stays in the trash. `code` says
    why the undo ended early (None: it went through)."""

    __slots__ = ("code", "kept", "restored")

    def __init__(self) -> None:
        self.restored: list[str] = []
        self.kept: dict[str, int] = {}
        self.code: str | None = None

    def keep(self, reason: str) -> None:
        """Count a file that stays in the trash."""
        self.kept[reason] = self.kept.get(reason, 0) + 1


def put_run_back(
    session: int,
    trash: int,
    run: str,
    stop: Callable[[], str | None],
    progress: Callable[[int, int], None],
) -> PutBack:
    """Put one run's files back as far as they can go. The lock is held and the identity was checked.

    Raises OSError and VolumeProblem.
    """
    result = PutBack()
    directory = open_beneath(trash, run)
    try:
        plan = read_plan(directory) or []
        done = 0
        for unit in by_unit(plan):
            result.code = stop()
            if result.code is not None:
                break
            _put_unit_back(session, directory, unit, result)
            done += len(unit)
            progress(done, len(plan))
        os.fsync(session)
        os.fsync(directory)
    finally:
        os.close(directory)
    drop_run(trash, run)
    return result


def _put_unit_back(session: int, directory: int, unit: list[Planned], result: PutBack) -> None:
    there = [each for each in unit if look(directory, each.name) is not None]
    if not there:
        return
    # All names of the unit must be free, or hold the very file (an undo that was killed half way).
    for each in unit:
        here = look(session, each.name)
        if here is not None and here.st_ino != each.inode:
            for other in there:
                result.keep(NEWER_EXISTS if other is each else WITH_ITS_PAIR)
            return
    for name, outcome in return_unit(session, directory, unit).items():
        if outcome == RESTORED:
            result.restored.append(name)
        elif outcome == EXISTS:
            result.keep(NEWER_EXISTS)
        elif outcome == IN_TRASH:
            result.keep(OWN_KEY_MISSING)
