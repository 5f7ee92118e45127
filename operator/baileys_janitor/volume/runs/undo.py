"""Undoing a run: the files that it moved into the trash go back to their names.

Never over a file that exists: the library has written a newer one. Never into another identity: after a
new pairing the old files belong to nobody. A unit goes back as a whole, keys first, and a memory file only beside
its own key. An undo is requested by a person, so it also accepts files with another inode (a volume that was copied
or restored), if their time and size are as planned.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.volume.errors import PERMISSION_DENIED, VolumeProblem, code_of
from baileys_janitor.volume.files.credential_swap import read_swap
from baileys_janitor.volume.files.run_plan import read_plan
from baileys_janitor.volume.files.state_files import remove
from baileys_janitor.volume.files.state_names import plan_name, trash_name
from baileys_janitor.volume.runs.put_back import EXISTS, FOREIGN, IN_TRASH, RESTORED, Trash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

# Reasons why a file stays in the trash.
NEWER_EXISTS = "NewerExists"
OWN_KEY_MISSING = "OwnKeyMissing"
WITH_ITS_PAIR = "WithItsPair"
NOT_THE_REMOVED_FILE = "NotTheRemovedFile"
NOT_PERMITTED = "NotPermitted"

EXPLANATIONS = {
    NEWER_EXISTS: "The library has written a file of that name since.",
    OWN_KEY_MISSING: "A memory file does harm without the sender key that it was written for.",
    WITH_ITS_PAIR: "It goes back only together with another file, which cannot.",
    NOT_THE_REMOVED_FILE: "The file in the trash is not the one that the run removed: its owner, links, time or size "
    "differ, or no plan names it.",
    NOT_PERMITTED: "The file system does not allow this file to be moved.",
}


class PutBack:
    """The result of an undo.

    `restored` are in place again, `taken_away` is the number of removed files that a restore had made; `kept`
    counts by reason the files that stay. `code` is the reason for an early end (None: it completed).
    """

    __slots__ = ("code", "kept", "restored", "taken_away")

    def __init__(self) -> None:
        self.restored: list[str] = []
        self.taken_away = 0
        self.kept: dict[str, int] = {}
        self.code: str | None = None

    def keep(self, reason: str, number: int = 1) -> None:
        """Count files that stay in the trash."""
        if number:
            self.kept[reason] = self.kept.get(reason, 0) + number


def put_run_back(
    access: ExclusiveAccess,
    run: str,
    stop: Callable[[], str | None],
    progress: Callable[[int, int], None],
) -> PutBack:
    """Put one run's files back as far as possible. The identity was checked.

    Never raises for a file system error: the reason for an early end is the result's code.
    """
    result = PutBack()
    try:
        _put_run_back(access, run, stop, progress, result)
    except VolumeProblem as problem:
        result.code = problem.code
    except OSError as error:
        result.code = code_of(error)
    return result


def take_restore_back(access: ExclusiveAccess, run: str) -> PutBack:
    """Put the creds.json back that a restore has replaced, if nobody has written to the new one.

    Never raises for a file system error: the reason for an early end is the result's code.
    """
    result = PutBack()
    try:
        access.lock.check()
        swap = read_swap(access.session, run, access.owners)
        if swap is None or not swap.can_be_taken_back():
            result.keep(NOT_THE_REMOVED_FILE)
        elif swap.take_back():
            result.restored.append(CREDS_NAME)
            remove(access.session, plan_name(run))
            os.fsync(access.session)
        else:
            result.keep(NEWER_EXISTS)
    except VolumeProblem as problem:
        result.code = problem.code
    except OSError as error:
        result.code = code_of(error)
    return result


def _put_run_back(
    access: ExclusiveAccess,
    run: str,
    stop: Callable[[], str | None],
    progress: Callable[[int, int], None],
    result: PutBack,
) -> None:
    there = set(access.listing.own.trash.get(run, ()))
    plan = read_plan(access.session, run, access.owners)
    if plan is None:
        result.keep(NOT_THE_REMOVED_FILE, len(there))
        return
    trash = Trash(access.session, run, access.owners, access.file_system)
    if not put_units_back(access, trash, plan.by_unit(), stop, progress, result):
        return
    os.fsync(access.session)
    result.keep(NOT_THE_REMOVED_FILE, len(there - {each.name for each in plan.files}))
    if not anything_left(access.session, run, there):
        remove(access.session, plan_name(run))


def put_units_back(
    access: ExclusiveAccess,
    trash: Trash,
    units: list[list[Planned]],
    stop: Callable[[], str | None],
    progress: Callable[[int, int], None],
    result: PutBack,
) -> bool:
    """Put units back as far as possible; return False when `stop` has ended it.

    Raises OSError and VolumeProblem.
    """
    files = sum(len(unit) for unit in units)
    for done, unit in _counted(units):
        result.code = stop()
        if result.code is not None:
            return False
        access.lock.check()
        try:
            _put_unit_back(trash, unit, result)
        except OSError as error:
            if code_of(error) != PERMISSION_DENIED:
                raise
            result.keep(NOT_PERMITTED, sum(trash.look(each) is not None for each in unit))
        progress(done, files)
    return True


def _counted(units: list[list[Planned]]) -> Iterator[tuple[int, list[Planned]]]:
    """Yield each unit with the number of files up to its end."""
    done = 0
    for unit in units:
        done += len(unit)
        yield done, unit


def _put_unit_back(trash: Trash, unit: list[Planned], result: PutBack) -> None:
    there = [each for each in unit if trash.look(each) is not None]
    if not there:
        return
    # All names of the unit must be free, or have the same file (an undo that was killed half way).
    for each in unit:
        if trash.in_place(each) is not None and not trash.is_in_place(each, copies=True):
            for other in there:
                result.keep(NEWER_EXISTS if other is each else WITH_ITS_PAIR)
            return
    # A unit that cannot go back as a whole stays as a whole.
    if any(not trash.can_return(each) for each in there):
        for each in there:
            result.keep(WITH_ITS_PAIR if trash.can_return(each) else NOT_THE_REMOVED_FILE)
        return
    for name, outcome in trash.return_unit(unit, copies=True).items():
        if outcome == RESTORED:
            result.restored.append(name)
        elif outcome == EXISTS:
            result.keep(NEWER_EXISTS)
        elif outcome == IN_TRASH:
            result.keep(OWN_KEY_MISSING)
        elif outcome == FOREIGN:
            result.keep(NOT_THE_REMOVED_FILE)


def anything_left(session: int, run: str, names: Iterable[str]) -> bool:
    """Return whether any of these names is in the trash of a run. Raises OSError."""
    for name in names:
        try:
            os.lstat(trash_name(run, name), dir_fd=session)
        except FileNotFoundError:
            continue
        return True
    return False
