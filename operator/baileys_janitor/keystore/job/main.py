"""The process of a Job for a key store: read the task, carry it out, write the result, exit.

Exit codes are those of `job.main`: 0 the task was carried out (a refusal for a reason is a result too), 1 the database
could not be used or an unexpected error happened (there is still a result), 2 the task is invalid. SIGTERM ends a run
between two transactions, with a result.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import partial

from baileys_janitor import extras
from baileys_janitor.backup.job import result as of_drills
from baileys_janitor.backup.job.main import deal_with_members
from baileys_janitor.backup.job.task import BackupTask
from baileys_janitor.job.main import BAD_TASK, DONE, UNFORESEEN, Log, Stop, leave
from baileys_janitor.job.task import BadTask
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.job import backup_result
from baileys_janitor.keystore.job.back_up import back_up
from baileys_janitor.keystore.job.rehearse import rehearse
from baileys_janitor.keystore.job.result import JobFailure, Scan, encode
from baileys_janitor.keystore.job.task import REHEARSE, SCAN, StoreTask
from baileys_janitor.keystore.layout import LayoutError, layout_of
from baileys_janitor.keystore.postgres.driver import require_driver
from baileys_janitor.keystore.results import CleanResult
from baileys_janitor.volume.report.results import DRY_RUN


def main(argv: Sequence[str]) -> int:
    """Carry out the task in `argv` (one JSON argument); return the process's exit code."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.signalled)
    signal.signal(signal.SIGINT, stop.signalled)
    try:
        task = _read(argv)
        layout_of(dict(task.keys), dict(task.credentials))
    except (BadTask, LayoutError) as problem:
        sys.stderr.write(f"baileys-janitor keystore-job: {problem}\n")
        leave(encode(JobFailure("BadTask", str(problem))))
        return BAD_TASK
    if task.backup is not None:
        return _for_backups(task, task.backup, stop)
    try:
        result = _carry_out(task, stop)
    except KeystoreProblem as problem:
        leave(encode(JobFailure(problem.code, problem.sentence)))
        return UNFORESEEN
    except Exception as error:  # noqa: BLE001  # the operator gets a document in any case
        leave(encode(JobFailure("InternalError", f"Something unforeseen: {type(error).__name__}.")))
        return UNFORESEEN
    leave(encode(result))
    return DONE


def _read(argv: Sequence[str]) -> StoreTask:
    if len(argv) != 1:
        raise BadTask("a Job gets its task as one JSON argument")
    return StoreTask.from_json(argv[0])


def _carry_out(task: StoreTask, stop: Stop) -> Scan | CleanResult:
    require_driver()
    # These imports load the driver: if it is not installed, the sentence about that must come first.
    from baileys_janitor.keystore.clean import Cleaning, Keeping
    from baileys_janitor.keystore.postgres.checks import inspect
    from baileys_janitor.keystore.postgres.connect import Database, Limits, read_url

    limits = Limits(
        task.batch, task.pause, task.statement_timeout, task.lock_timeout, task.duration
    )
    with Database(read_url(task.url_file), _authority(task), limits) as database:
        facts = inspect(database, layout_of(dict(task.keys), dict(task.credentials)))
        keeping = Keeping(task.archive, task.memory, task.schema, task.undo_window)
        cleaning = Cleaning(
            database,
            facts,
            task.settings,
            task.run,
            reason=task.reason,
            keeping=keeping,
            stop=stop,
        )
        if task.action == SCAN:
            return _scanned(cleaning.dry_run())
        return cleaning.dry_run() if task.dry_run else cleaning.apply()


def _for_backups(task: StoreTask, backup: BackupTask, stop: Stop) -> int:
    """Back up, or drill."""
    drills = task.action == REHEARSE
    try:
        extras.require("backup")
        require_driver()
        authority = _authority(task)
    except (extras.ExtraMissing, KeystoreProblem) as problem:
        code = problem.code if isinstance(problem, KeystoreProblem) else "ExtraMissing"
        failure = JobFailure(code, str(problem))
        leave(backup_result.encode(failure) if not drills else _of_drill(failure))
        return UNFORESEEN
    if drills:
        deal_with_members(backup, stop, partial(rehearse, task, authority))
        return DONE
    log = Log()
    stop.at(task.duration)
    found = back_up(
        task, backup, stop, authority, lambda part: log.write(backup_result.encode(part))
    )
    log.write(backup_result.encode(found), last=True)
    return DONE


def _of_drill(failure: JobFailure) -> bytes:
    return of_drills.encode(of_drills.JobFailure(failure.code, failure.message))


def _authority(task: StoreTask) -> str | None:
    if task.ca_file is None:
        return None
    if not os.access(task.ca_file, os.R_OK):
        if task.action == REHEARSE:  # the drills' own Secret may lack it
            return None
        raise KeystoreProblem(
            "AuthorityMissing",
            "The certificate authority cannot be read: correct spec.connection.caSecretName and caKey.",
        )
    return task.ca_file


def _scanned(result: CleanResult) -> Scan:
    """Return the scan in a dry run's result; raise where even that was not possible."""
    if result.before is None:
        raise KeystoreProblem(result.code or "DatabaseError", result.message or "")
    if result.outcome == DRY_RUN:
        return Scan(report=result.before, expired=result.removed, kept=result.kept)
    return Scan(report=result.before)
