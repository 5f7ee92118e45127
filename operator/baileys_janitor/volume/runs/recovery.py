"""Recovering killed runs, at the start of the next one.

A run with a `begin` and no `end` in the journal is finished as it is: the files that it had moved stay in the
trash (and can be undone), files written to meanwhile and half units go back, and the missing
`end` is added to the journal. An undo that was killed is repeated. Nothing goes back unless the plan, the
journal and the tenant's identity all allow it: without a plan or a record the files stay in the trash
and are purged by age. A rotation and its rollback are completed whatever creds.json holds: see `rotated`.
"""

from __future__ import annotations

import os

from baileys_janitor.policy.files.file_kinds import CREDS_NAME, classify
from baileys_janitor.policy.files.identity import PAIRED
from baileys_janitor.volume.errors import (
    KILLED,
    PERMISSION_DENIED,
    PUT_BACK_UNSUPPORTED,
    VolumeProblem,
    code_of,
)
from baileys_janitor.volume.files.credential_swap import REASON, read_swap, tidy_up
from baileys_janitor.volume.files.run_plan import read_plan
from baileys_janitor.volume.files.state_files import remove
from baileys_janitor.volume.files.state_names import plan_name, record_name, rotation_name
from baileys_janitor.volume.report.results import CAPPED, COMPLETED, by_kind
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.callbacks import tell_nobody
from baileys_janitor.volume.runs.journal import KEEP_RUNS, ROTATE, UNDONE
from baileys_janitor.volume.runs.put_back import Trash, settle_unit
from baileys_janitor.volume.runs.restored_files import settle_record
from baileys_janitor.volume.runs.undo import put_run_back
from baileys_janitor.volume.scanning.credentials import settled_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.volume.files.run_plan import Planned
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
    from baileys_janitor.volume.runs.journal import Run

_ENDS_AT_ONCE = 256  # written to the journal together


class Recovered:
    """`runs` is the number of killed runs that were finished; `changed` is true if names changed."""

    __slots__ = ("changed", "runs")

    def __init__(self) -> None:
        self.runs = 0
        self.changed = False


def recover(access: ExclusiveAccess) -> Recovered:
    """Finish killed runs. The lock is held, and the directory is listed.

    Raises OSError and VolumeProblem before this run has begun; the next one tries again.
    """
    recovered = Recovered()
    own = access.listing.own
    runs = access.journal.runs
    for run in sorted(own.plans):
        access.tick()
        if run not in own.trash:
            _tidy_up(access, plan_name(run))  # killed before its first removal, or nothing is left
            own.plans.discard(run)
            recovered.changed = True
    for name in own.temporary:
        access.tick()
        _tidy_up(access, name)
    _settle_restores(access, recovered)
    _settle_records(access, recovered)
    if own.rotated or any(each.reason == ROTATE for each in runs.values()):
        _settle_rotations(access, recovered)
    unfinished = [each for each in _unfinished(access) if each.reason != ROTATE]
    undoing = [
        each
        for each in runs.values()
        if each.undoing and not each.unfinished and each.reason != ROTATE
    ]
    if unfinished or undoing:
        _finish(access, unfinished, undoing, recovered)
    return recovered


def _settle_restores(access: ExclusiveAccess, recovered: Recovered) -> None:
    """Settle killed restores of creds.json, and killed undos of one, whatever creds.json holds now."""
    own = access.listing.own
    for run in [run for run, names in own.trash.items() if CREDS_NAME in names]:
        known = access.journal.runs.get(run)
        if known is None or not (known.unfinished or known.undoing):
            continue
        access.tick()
        if tidy_up(access.session, run, access.owners):
            own.forget_trash(run)
            recovered.changed = True


def _settle_records(access: ExclusiveAccess, recovered: Recovered) -> None:
    """Drop the records of restores killed before they put a file here, or after their undo had taken all."""
    own = access.listing.own
    for run in sorted(own.restored):
        known = access.journal.runs.get(run)
        if known is not None and not (known.unfinished or known.undoing):
            continue
        access.tick()
        if known is None:
            _tidy_up(access, record_name(run))  # killed before it began
        elif settle_record(access.session, run, access.owners)[0]:
            continue
        own.restored.discard(run)
        recovered.changed = True


def _settle_rotations(access: ExclusiveAccess, recovered: Recovered) -> None:
    """Complete killed rotations and rollbacks; drop the records of those without any file left."""
    own = access.listing.own
    runs = access.journal.runs
    open_ones = [
        each
        for each in runs.values()
        if each.reason == ROTATE and (each.unfinished or each.undoing)
    ]
    for known in open_ones[-KEEP_RUNS:]:
        access.tick()
        _settle_rotation(access, known)
        recovered.runs += 1
        recovered.changed = True
    settled = {each.run for each in open_ones}
    for run in sorted(own.rotated):
        if run not in own.trash and run not in settled:
            _tidy_up(access, rotation_name(run))  # killed before it began, or rolled back
            own.rotated.discard(run)
            recovered.changed = True


def _settle_rotation(access: ExclusiveAccess, known: Run) -> None:
    from baileys_janitor.volume.runs.rotated import RotatedFiles, read_record, settle

    own, now = access.listing.own, int(access.now)
    record = read_record(access, known.run) if known.run in own.rotated else None
    out = record is not None and settle(access, known, record)
    left = [] if record is None else RotatedFiles(access, known.run, record.files).left()
    if record is not None and not left:
        _tidy_up(access, rotation_name(known.run))
        own.forget(known.run)
    if known.unfinished:
        ended = _as_it_stands(known.run, known.time, left, 0)
        if out:
            ended.outcome, ended.code = COMPLETED, None
        ended.in_trash = len(left)
        access.journal.end(ended, now)
    if known.undoing:
        access.journal.mark(UNDONE, known.run, now)


def _tidy_up(access: ExclusiveAccess, name: str) -> None:
    try:
        remove(access.session, name)
    except OSError as error:
        if code_of(error) != PERMISSION_DENIED:  # another user's file: it does no harm
            raise


def _unfinished(access: ExclusiveAccess) -> list[Run]:
    """Return the killed runs: all that have left a file, and the latest of the others.

    A forged journal can hold the begin of any number of runs.
    """
    own = access.listing.own
    killed = [each for each in access.journal.runs.values() if each.unfinished]
    latest = {each.run for each in killed[-KEEP_RUNS:]}
    return [
        each for each in killed if each.run in latest or each.run in own.plans or own.has(each.run)
    ]


def _finish(
    access: ExclusiveAccess, unfinished: list[Run], undoing: list[Run], recovered: Recovered
) -> None:
    restores = [each for each in unfinished if each.reason == REASON]
    _end(access, restores, "", recovered)
    undone = [each.run for each in undoing if each.reason == REASON]
    # A killed undo of a restore must be requested again: creds.json alone does not show the intent.
    access.journal.mark_all(UNDONE, undone, int(access.now))
    recovered.runs += len(undone)
    unfinished = [each for each in unfinished if each.reason != REASON]
    undoing = [each for each in undoing if each.reason != REASON]
    identity = settled_identity(access.session)
    if identity.state != PAIRED:
        return  # the owner of the files is unknown, maybe only for a moment: the next run decides
    _end(access, unfinished, identity.fingerprint, recovered)
    done = []
    for known in undoing:
        access.tick()
        names = access.listing.own.trash.get(known.run, ())
        if names and CREDS_NAME not in names and known.fingerprint == identity.fingerprint:
            recovered.changed = True
            if put_run_back(access, known.run, access.stop, tell_nobody).code is not None:
                break  # the next run continues
        done.append(known.run)
    access.journal.mark_all(UNDONE, done, int(access.now))
    recovered.runs += len(done)


def _end(
    access: ExclusiveAccess, unfinished: list[Run], fingerprint: str, recovered: Recovered
) -> None:
    """Record in the journal how killed runs have ended."""
    for first in range(0, len(unfinished), _ENDS_AT_ONCE):
        results = []
        for known in unfinished[first : first + _ENDS_AT_ONCE]:
            access.tick()
            settled, left = _settle_run(access, known, fingerprint, recovered)
            results.append(_as_it_stands(known.run, known.time, settled, left))
        access.journal.end_all(results, int(access.now))
        recovered.runs += len(results)


def _settle_run(
    access: ExclusiveAccess, known: Run, fingerprint: str, recovered: Recovered
) -> tuple[list[Planned], int]:
    """Return the files that are rightly in a killed run's trash, and the number that it had not reached."""
    own = access.listing.own
    there = set(own.trash.get(known.run, ()))
    if CREDS_NAME in there or known.run in own.restored:
        left = 0
        if known.run in own.restored:
            left = settle_record(access.session, known.run, access.owners)[1]
        swap = read_swap(access.session, known.run, access.owners) if there else None
        return ([swap.old] if swap is not None and swap.old is not None else []), left
    plan = read_plan(access.session, known.run, access.owners) if there else None
    if plan is None:
        return [], 0
    if known.fingerprint != fingerprint:
        settled = [each for each in plan.files if each.name in there]
        return settled, len(plan.files) - len(settled)
    trash = Trash(access.session, known.run, access.owners, access.file_system)
    settled = []
    for unit in plan.by_unit():
        access.tick()
        settled += _settle(trash, unit)
    recovered.changed = True
    os.fsync(access.session)
    return settled, len(plan.files) - len(settled)


def _settle(trash: Trash, unit: list[Planned]) -> list[Planned]:
    """Settle a unit, as far as the file system can put it back."""
    try:
        return settle_unit(trash, unit)
    except VolumeProblem as problem:
        if problem.code != PUT_BACK_UNSUPPORTED:
            raise
    except OSError as error:
        if code_of(error) != PERMISSION_DENIED:
            raise
    return [each for each in unit if trash.look(each) is not None]


def _as_it_stands(run: str, time: int, settled: Sequence[Planned], left: int) -> CleanResult:
    return CleanResult(
        run,
        CAPPED,
        code=KILLED,
        time=time,
        removed=len(settled),
        removed_by_kind=by_kind([classify(each.name)[0] for each in settled]),
        left=left,
        freed_bytes=sum(each.size for each in settled),
        applied=True,
    )
