"""The fetching container: it has the repository's credentials and the identity, but no claim and no session.

It gets the archive, decrypts it, compares every checksum, and leaves it in memory for the writing container. If
that fails, its termination message gives the reason, and the other container never starts.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from baileys_janitor import extras
from baileys_janitor.backup import errors
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.failures import failure_of, read_identities
from baileys_janitor.backup.job import children
from baileys_janitor.backup.job.memory import known_of
from baileys_janitor.backup.restore_job import sentences
from baileys_janitor.backup.restore_job.between import hand_over
from baileys_janitor.backup.restore_job.owner import owner_of
from baileys_janitor.backup.restore_job.result import JobFailure, encode
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.job.main import BAD_TASK, DONE, UNFORESEEN, Stop, leave
from baileys_janitor.job.task import BadTask

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities
    from baileys_janitor.backup.stores.repository import Repository

_FETCHED: Final = b"fetched"
_OF_THE_SECRET: Final = (errors.CREDENTIALS_MISSING, errors.CREDENTIALS_MALFORMED)


def main(argv: Sequence[str]) -> int:
    """Fetch for the task in `argv` (one JSON argument); return the process's exit code, as in `job.main`."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.signalled)
    signal.signal(signal.SIGINT, stop.signalled)
    try:
        task = read_task(argv)
    except BadTask as problem:
        sys.stderr.write(f"baileys-janitor fetch-job: {problem}\n")
        leave(encode(JobFailure("BadTask", str(problem))))
        return BAD_TASK
    try:
        extras.require("backup")
    except extras.ExtraMissing as problem:
        leave(encode(JobFailure("ExtraMissing", str(problem))))
        return UNFORESEEN
    try:
        # The library of a store cannot be interrupted; a process can.
        answer = children.call(partial(_answer, task), task.seconds, stop)
    except children.Killed as end:
        code = sentences.ENDED if end.in_time else sentences.TOO_SLOW
        answer = encode(JobFailure(code, sentences.sentence_of(code)))
    if answer == _FETCHED:
        return DONE
    leave(answer)
    return UNFORESEEN


def read_task(argv: Sequence[str]) -> RestoreTask:
    """Return the task, for either container."""
    if len(argv) != 1:
        raise BadTask("a Job gets its task as one JSON argument")
    return RestoreTask.from_json(argv[0])


def _answer(task: RestoreTask) -> bytes:
    try:
        _fetch(task)
    except Exception as error:  # noqa: BLE001 - the operator always gets a document
        return encode(_failure(task, error))
    return _FETCHED


def _fetch(task: RestoreTask) -> None:
    from baileys_janitor.backup.fetch import Wanted, fetch

    started = time.monotonic()
    owner = owner_of(task)
    wanted = Wanted(
        *(task.namespace, task.tenant, known_of(owner.known), task.name, owner.chosen),
        anybody=True,
        without=task.without_name,
    )
    now = max(time.time(), float(task.time))
    fetched = fetch(_repository(task), wanted, _identities(task), now)
    hand_over(task.between, fetched, int((time.monotonic() - started) * 1000))


def _repository(task: RestoreTask) -> Repository:
    from baileys_janitor.backup.stores.repository import open_repository

    store = task.store
    # A file system path would be one inside this container.
    if "://" not in store.url or store.url.startswith("file:"):
        raise BackupProblem(errors.URL_INVALID)
    return open_repository(
        store.url,
        endpoint=store.endpoint,
        region=store.region,
        credentials=store.credentials,
        environ={},
    )


def _identities(task: RestoreTask) -> Identities | None:
    if task.identity is None:
        return None
    what = f"key identity of the Secret {task.secrets[1]} in the namespace {task.namespace}"
    return read_identities(task.identity, what, "put the recovery key there")


def _failure(task: RestoreTask, error: Exception) -> JobFailure:
    code, said = failure_of(error)
    if isinstance(error, BackupProblem) and sentences.has_own(code):
        said = sentences.sentence_of(code, str(error.details.get("found", "")))
    if code in _OF_THE_SECRET:
        said = (
            f"The Secret {task.secrets[0]} in the namespace {task.namespace} does not exist, or does not hold what the "
            f"store needs: {said}"
        )
    return JobFailure(code, said)
