"""The files that a restore from an archive made in a directory: their record, and their removal by an undo.

The record is on the disk before the first file is put in place, and describes each file. So a later process (the
next run after a kill, an undo) can distinguish the restored files from all others.
The creds.json that was replaced is in the trash of the run.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.archives.archived import FILE_OVERHEAD_BYTES, LIMIT_BYTES
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER, classify
from baileys_janitor.policy.reasons import TOO_MANY_FILES
from baileys_janitor.volume.errors import (
    JANITOR_REFUSED,
    PERMISSION_DENIED,
    SESSION_WRITTEN,
    VolumeProblem,
    code_of,
)
from baileys_janitor.volume.files.credential_swap import read_swap
from baileys_janitor.volume.files.run_plan import RunPlan, parse_files, plan_bytes
from baileys_janitor.volume.files.state_files import lookup, read_state, remove, write_new
from baileys_janitor.volume.files.state_names import fits, new_name, plan_name, record_name
from baileys_janitor.volume.runs.undo import NEWER_EXISTS, NOT_THE_REMOVED_FILE, PutBack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.files.state_files import Owners
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

#: The limit on files of one restore: as many as an archive can hold.
MOST_FILES = LIMIT_BYTES // FILE_OVERHEAD_BYTES
_MAX_BYTES = 32 * 1024 * 1024
# The name of a file that is being taken away.
_TAKEN = new_name("undo")


def write_record(
    session: int, run: str, files: Sequence[Planned], now: int, owners: Owners
) -> None:
    """Write the record of a run, synced to the disk; the directory is not. Raises OSError."""
    write_new(session, record_name(run), plan_bytes(files, now), owners)


def read_record(session: int, run: str, owners: Owners) -> RunPlan | None:
    """Return the record of a run; None when there is none of ours, or it is not whole and well formed.

    Raises VolumeProblem if it cannot be read.
    """
    try:
        data = read_state(session, record_name(run), owners, _MAX_BYTES)
    except VolumeProblem as problem:
        if problem.code == JANITOR_REFUSED:
            return None
        raise
    return None if data is None else parse_files(data, MOST_FILES, _may_be_put)


def in_place(session: int, record: RunPlan) -> list[Planned]:
    """Return the files of a record that are in place as they were put there. Raises OSError."""
    return [each for each in record.files if _is_as_put(session, each)]


def settle_record(session: int, run: str, owners: Owners) -> tuple[int, int]:
    """Return how many files of a killed restore are in place, and how many it had not put there.

    Without any, the record is removed. If this process may not read it, it counts as one file and stays. Raises
    OSError and VolumeProblem.
    """
    try:
        record = read_record(session, run, owners)
    except VolumeProblem as problem:
        if problem.code != PERMISSION_DENIED:
            raise
        return 1, 0
    there = 0 if record is None else len(in_place(session, record))
    if not there:
        try:
            remove(session, record_name(run))
        except PermissionError:  # another user's file: it does no harm
            return 0, 0
    return there, (0 if record is None else len(record.files) - there)


def take_away(access: ExclusiveAccess, run: str, stop: Callable[[], str | None]) -> PutBack:
    """Undo a restore: remove the files that it made, and put back those that it replaced, creds.json last.

    Nothing is removed if the session's files were written to since, for then a process uses them. Never raises
    for a file system error: the reason for an early end is the result's code.
    """
    result = PutBack()
    try:
        _take_away(access, run, stop, result)
    except VolumeProblem as problem:
        result.code = problem.code
    except OSError as error:
        result.code = code_of(error)
    return result


def _take_away(
    access: ExclusiveAccess, run: str, stop: Callable[[], str | None], result: PutBack
) -> None:
    session = access.session
    record = read_record(session, run, access.owners)
    if record is None:
        result.keep(NOT_THE_REMOVED_FILE, max(1, len(access.listing.own.trash.get(run, ()))))
        return
    _require_unwritten(access, run, record)
    others = [each for each in record.files if each.name != CREDS_NAME]
    for each in reversed(others):
        result.code = stop()
        if result.code is not None:
            return
        access.lock.check()
        _remove_as_put(access, each, result)
    os.fsync(session)
    access.lock.check()
    if CREDS_NAME in access.listing.own.trash.get(run, ()):
        _take_credentials_back(access, run, result)
    else:  # it did not exist, or was put back before
        for each in record.files:
            if each.name == CREDS_NAME and _is_as_put(session, each):
                _remove_as_put(access, each, result)
    if not result.kept:
        os.fsync(session)
        remove(session, plan_name(run))
        remove(session, record_name(run))
    os.fsync(session)


def _require_unwritten(access: ExclusiveAccess, run: str, record: RunPlan) -> None:
    """Raise VolumeProblem(SessionWritten) when a session file was written after the restore began."""
    since = lookup(access.session, record_name(run))
    if since is None:
        raise VolumeProblem(SESSION_WRITTEN)
    if access.listing.entries is None:
        raise VolumeProblem(TOO_MANY_FILES)
    put = {each.name: each for each in record.files}
    for each in access.listing.entries:
        # In an older file, a fast clock may have set one of the times, and a change of owner the other.
        if each.kind == OTHER or min(each.mtime_ns, each.ctime_ns) <= since.st_mtime_ns:
            continue
        found = lookup(access.session, each.name)
        if found is not None and not (each.name in put and put[each.name].is_still(found)):
            raise VolumeProblem(SESSION_WRITTEN)


def _remove_as_put(access: ExclusiveAccess, each: Planned, result: PutBack) -> None:
    """Remove one file if it is as it was put there; it is moved first, so that a later write is not lost."""
    session = access.session
    found = lookup(session, each.name)
    if found is None:
        return
    if not each.is_still(found):
        result.keep(NEWER_EXISTS)
        return
    file_system = access.file_system()
    try:
        file_system.move(each.name, _TAKEN)
    except FileNotFoundError:
        return
    moved = lookup(session, _TAKEN)
    if moved is None or each.is_still(moved):
        result.taken_away += remove(session, _TAKEN)
        return
    result.keep(NEWER_EXISTS)
    try:
        file_system.put(_TAKEN, each.name)
    except FileExistsError:  # a newer one has taken its place
        remove(session, _TAKEN)


def _take_credentials_back(access: ExclusiveAccess, run: str, result: PutBack) -> None:
    swap = read_swap(access.session, run, access.owners)
    if swap is None or not swap.can_be_taken_back():
        result.keep(NOT_THE_REMOVED_FILE)
    elif swap.take_back():
        result.restored.append(CREDS_NAME)
    else:
        result.keep(NEWER_EXISTS)


def _is_as_put(session: int, each: Planned) -> bool:
    found = lookup(session, each.name)
    return found is not None and each.is_still(found)


def _may_be_put(name: str) -> bool:
    return classify(name)[0] != OTHER and fits(name)
