"""The operations on an open session directory: scan, clean, repair, undo, purge.

The Job and the command line call the same functions. All take a directory descriptor from
`safe_open.open_session`, and times in Unix seconds. Each imports only the modules that it needs,
to keep the memory of a Job process small.
"""

from __future__ import annotations

import os
import time

from baileys_janitor.volume.errors import (
    ENDED,
    IDENTITY_CHANGED,
    IS_ROTATION,
    RUN_PURGED,
    RUN_UNKNOWN,
    TOO_MANY_OWN_FILES,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.read import has_state
from baileys_janitor.volume.report.results import (
    CAPPED,
    COMPLETED,
    NOTHING_TO_DO,
    REFUSED,
    by_kind,
)
from baileys_janitor.volume.runs.callbacks import go_on, keep_no_names, show_nobody, tell_nobody
from baileys_janitor.volume.scanning.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.cleanup.plan import Plan
    from baileys_janitor.policy.contact.request import Request
    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.volume.report.run_results import (
        CleanResult,
        Purged,
        PurgeResult,
        UndoResult,
    )
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
    from baileys_janitor.volume.runs.journal import Run
    from baileys_janitor.volume.scanning.activity import Known

__all__ = ["clean", "has_state", "new_run_id", "purge", "repair", "scan", "undo"]


def new_run_id(now: float, prefix: str = "cli") -> str:
    """Return a run id for a run without one from the operator: sorted by time, and unique."""
    at = time.strftime("%Y%m%dt%H%M%S", time.gmtime(now))
    return f"{prefix}-{at}-{os.urandom(3).hex()}"


def clean(
    directory: int,
    settings: Settings,
    *,
    run: str,
    now: float,
    dry_run: bool = False,
    known: Known | None = None,
    emergency: bool = False,
    reason: str = "",
    undo_window: float = 86400.0,
    stop: Callable[[], str | None] = go_on,
    progress: Callable[[int, int], None] = tell_nobody,
    watch: Callable[[Plan], None] = show_nobody,
) -> CleanResult:
    """Clean a session directory once, under the id `run` (see `clean.Cleaning`).

    With `dry_run` nothing is written, and the result counts the files that would be removed. A problem
    with the volume is in the result (Refused or Failed, with a code), never raised.
    """
    from baileys_janitor.volume.runs.clean import Cleaning

    cleaning = Cleaning(
        directory,
        settings,
        run,
        now=now,
        known=known,
        emergency=emergency,
        reason=reason,
        undo_window=undo_window,
        stop=stop,
        progress=progress,
        watch=watch,
    )
    return cleaning.dry_run() if dry_run else cleaning.apply()


def repair(
    directory: int,
    request: Request,
    *,
    run: str,
    now: float,
    stop: Callable[[], str | None] = go_on,
    progress: Callable[[int, int], None] = tell_nobody,
) -> CleanResult:
    """Move the files of one contact or group into the trash, under the id `run` (see `repair.Repairing`).

    A problem with the volume is in the result (Refused or Failed, with a code), never raised.
    """
    from baileys_janitor.volume.contacts.repair import Repairing

    return Repairing(directory, request, run, now=now, stop=stop, progress=progress).apply()


def undo(
    directory: int,
    run: str | None = None,
    *,
    now: float,
    stop: Callable[[], str | None] = go_on,
    progress: Callable[[int, int], None] = tell_nobody,
    restored: Callable[[list[str]], None] = keep_no_names,
) -> UndoResult:
    """Put a run back, whatever its age (None: the latest that has something in the trash).

    `restored` receives the names of the files that were put back, for a later check: they never leave this
    process. Refused with IdentityChanged, RunUnknown, RunPurged, CredentialsCorrupt, ...; Capped when some
    files had to stay in the trash, counted by reason in `kept`. Never raises for a problem with the volume.
    """
    from baileys_janitor.volume.report.run_results import UndoResult

    started = time.monotonic()
    result = UndoResult(run or "", REFUSED, code=RUN_UNKNOWN)
    try:
        if has_state(directory, _ticking(stop)):
            with _access(directory, now, None, "undo", stop) as access:
                _undo(access, run, stop, progress, restored, result)
        if run is None and result.code == RUN_UNKNOWN:
            result.outcome, result.code = NOTHING_TO_DO, None
    except VolumeProblem as problem:
        _fail(result, problem.code)
    except OSError as error:
        _fail(result, code_of(error))
    result.duration_ms = int((time.monotonic() - started) * 1000)
    return result


def purge(
    directory: int,
    *,
    now: float,
    undo_window: float = 86400.0,
    stop: Callable[[], str | None] = go_on,
) -> PurgeResult:
    """Delete the files that have been in the trash for `undo_window` seconds.

    Writes nothing to a directory without a trash. Never raises for a problem with the volume.
    """
    from baileys_janitor.volume.report.run_results import PurgeResult

    result = PurgeResult(NOTHING_TO_DO)
    access: ExclusiveAccess | None = None
    try:
        if not has_state(directory, _ticking(stop)):
            result.trash_runs = 0
            return result
        access = _access(directory, now, undo_window, "purge", stop)
        with access:
            _describe_trash(access, result)
    except VolumeProblem as problem:
        _fail(result, problem.code)
    except OSError as error:
        _fail(result, code_of(error))
    if access is not None:
        _enter(result, access.purged)
    return result


def _enter(result: PurgeResult, purged: Purged) -> None:
    """Enter the purged runs and files, also when the purge ended early."""
    result.runs = purged.runs
    result.files = purged.files
    result.freed_bytes = purged.bytes
    went = bool(purged.runs or purged.files)
    if result.code is None or (went and result.code == TOO_MANY_OWN_FILES):
        result.outcome = COMPLETED if went else NOTHING_TO_DO


def _ticking(stop: Callable[[], str | None]) -> Callable[[], None]:
    def tick() -> None:
        code = stop()
        if code is not None:
            raise VolumeProblem(code)

    return tick


def _describe_trash(access: ExclusiveAccess, result: PurgeResult) -> None:
    from baileys_janitor.volume.files.run_plan import read_head

    own = access.listing.own
    oldest: int | None = None
    purging = access.purging()
    runs = [run for run in own.trash if not (run in own.rotated and purging.keeps(run))]
    for run in runs:
        access.tick()
        head = read_head(access.session, run, access.owners)
        if head is not None:
            oldest = head[0] if oldest is None else min(oldest, head[0])
    result.trash_runs = len(runs)
    result.trash_oldest = oldest


def _access(
    directory: int, now: float, undo_window: float | None, what: str, stop: Callable[[], str | None]
) -> ExclusiveAccess:
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

    holder = f"baileys-janitor {what}"
    return ExclusiveAccess(directory, now=now, undo_window=undo_window, holder=holder, stop=stop)


def _fail(result: UndoResult | PurgeResult, code: str) -> None:
    result.code = code
    result.outcome = outcome_of(code)


def _undo(
    access: ExclusiveAccess,
    run: str | None,
    stop: Callable[[], str | None],
    progress: Callable[[int, int], None],
    restored: Callable[[list[str]], None],
    result: UndoResult,
) -> None:
    from baileys_janitor.policy.cleanup.guards import refusal
    from baileys_janitor.policy.files.file_kinds import classify
    from baileys_janitor.policy.files.identity import PAIRED
    from baileys_janitor.volume.files.credential_swap import REASON
    from baileys_janitor.volume.runs.journal import ROTATE, UNDOING, UNDONE
    from baileys_janitor.volume.runs.restored_files import take_away
    from baileys_janitor.volume.runs.undo import put_run_back, take_restore_back
    from baileys_janitor.volume.scanning.credentials import settled_identity

    found = _find(access, run)
    if isinstance(found, str):
        result.code = found
        return
    own = access.listing.own
    if found.reason == ROTATE and own.has(found.run):
        result.run, result.code = found.run, IS_ROTATION
        return
    if not own.has(found.run):  # it removed nothing, or all of it was put back
        result.run, result.outcome, result.code = found.run, NOTHING_TO_DO, None
        return
    result.run = found.run
    identity = settled_identity(access.session)
    restored_files = found.run in own.restored
    # A restore that was killed may have left files without a creds.json.
    if identity.state == PAIRED or not restored_files:
        result.code = refusal(identity, 0, access.now)
    else:
        result.code = None
    if (
        result.code is None
        and identity.state == PAIRED
        and identity.fingerprint != found.fingerprint
    ):
        result.code = IDENTITY_CHANGED
    if result.code is not None:
        return
    access.journal.mark(UNDOING, found.run, int(access.now))
    if restored_files:
        back = take_away(access, found.run, stop)
    elif found.reason == REASON:
        back = take_restore_back(access, found.run)
    else:
        back = put_run_back(access, found.run, stop, progress)
    restored(back.restored)
    result.taken_away = back.taken_away
    result.restored = len(back.restored)
    result.restored_by_kind = by_kind([classify(name)[0] for name in back.restored])
    result.kept = back.kept
    if back.code is not None:
        _fail(result, back.code)
    elif back.kept:
        result.outcome = CAPPED
    else:
        done = back.restored or back.taken_away
        result.outcome = COMPLETED if done else NOTHING_TO_DO
    if back.code is None or back.code in ENDED:  # else the next run goes on
        access.journal.mark(UNDONE, found.run, int(access.now))


def _find(access: ExclusiveAccess, run: str | None) -> Run | str:
    """Return the run to put back, or the code for why there is none."""
    runs = access.journal.runs
    own = access.listing.own
    if run is None:
        latest = [each for each in runs.values() if own.has(each.run)]
        return latest[-1] if latest else RUN_UNKNOWN
    if run not in runs:
        return RUN_UNKNOWN
    found = runs[run]
    removed = found.result is not None and found.result.removed > 0
    if not own.has(run) and (found.purged or (removed and not found.undone)):
        return RUN_PURGED
    return found
