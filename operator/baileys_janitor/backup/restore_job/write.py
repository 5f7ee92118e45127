"""The writing container: it has the claim, and no Secret.

It opens the archive that the other container has left within the same bounds, checks its owner again, and puts the
session back through the lock, the trash and the journal of its directory.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup import errors
from baileys_janitor.backup.errors import BackupProblem
from baileys_janitor.backup.failures import failure_of
from baileys_janitor.backup.latest import fingerprint_of
from baileys_janitor.backup.restore_job import between, sentences
from baileys_janitor.backup.restore_job.owner import Owner, owner_of
from baileys_janitor.backup.restore_job.result import JobFailure, RestoreResult, encode
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.job.main import BAD_TASK, DONE, UNFORESEEN, Stop, leave
from baileys_janitor.job.task import BadTask
from baileys_janitor.policy.archives.restore_session import SessionTarget, make_session_plan
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER
from baileys_janitor.policy.files.identity import ABSENT, Identity
from baileys_janitor.volume.errors import DIRECTORY_MISSING, VolumeProblem, outcome_of
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.files.state_files import lookup
from baileys_janitor.volume.report.results import DRY_RUN, NOTHING_TO_DO, REFUSED
from baileys_janitor.volume.restoring.made_directory import session_made
from baileys_janitor.volume.restoring.restore_session import SessionRestoring
from baileys_janitor.volume.scanning.quiet import is_quiet

if TYPE_CHECKING:
    from baileys_janitor.policy.archives.restore_session import SessionPlan

    Pause = Callable[[float], None]

RESERVE_SECONDS: Final = 600
"""The time after which a restore is cut short, so that the pod's own deadline does not cut it."""


def main(argv: Sequence[str]) -> int:
    """Restore by the task in `argv` (one JSON argument); return the process's exit code, as in `job.main`."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.signalled)
    signal.signal(signal.SIGINT, stop.signalled)
    try:
        task = _read(argv)
    except BadTask as problem:
        sys.stderr.write(f"baileys-janitor restore-job: {problem}\n")
        leave(encode(JobFailure("BadTask", str(problem))))
        return BAD_TASK
    stop.at(RESERVE_SECONDS)
    try:
        result = restored(task, stop)
    except Exception as error:  # noqa: BLE001 - the operator always gets a document
        leave(encode(JobFailure(*failure_of(error))))
        return UNFORESEEN
    leave(encode(result))
    return DONE


def _read(argv: Sequence[str]) -> RestoreTask:
    if len(argv) != 1:
        raise BadTask("a Job gets its task as one JSON argument")
    return RestoreTask.from_json(argv[0])


def restored(
    task: RestoreTask, stop: Callable[[], str | None], pause: Pause = time.sleep
) -> RestoreResult:
    """Restore, and return the result; problems with the archive or the volume are in it."""
    started = time.monotonic()
    try:
        handed = between.take(task.between)
        owner = owner_of(task)
    except between.Broken:
        return _refusal(sentences.BETWEEN_BROKEN)
    except BackupProblem as problem:
        return _refusal(problem.code, said=problem.sentence)
    result = _Restore(task, handed, owner, stop, pause).carry_out()
    return replace(result, fetched_ms=handed.ms, ms=int((time.monotonic() - started) * 1000))


class _Restore:
    """One restore of an archive that was handed over."""

    def __init__(
        self,
        task: RestoreTask,
        handed: between.HandedOver,
        owner: Owner,
        stop: Callable[[], str | None],
        pause: Pause,
    ) -> None:
        self._task = task
        self._handed = handed
        self._owner = owner
        self._stop = stop
        self._pause = pause
        self._session = handed.unpacked.session
        self._found = fingerprint_of(handed.unpacked.manifest)
        self._now = max(time.time(), float(task.time))

    def carry_out(self) -> RestoreResult:
        """Restore, or return the plan in a dry run."""
        problem = self._problem()
        if problem is not None:
            return self._described(_refusal(problem, str(self._found)))
        try:
            return self._described(self._look() if self._task.dry_run else self._apply())
        except VolumeProblem as trouble:
            outcome = outcome_of(trouble.code)
            return self._described(_refusal(trouble.code, outcome=outcome))

    def _problem(self) -> str | None:
        """Return the reason why this archive is not the tenant's, or not the requested one."""
        manifest, chosen = self._handed.unpacked.manifest, self._owner.chosen
        if (manifest.namespace, manifest.tenant) != (self._task.namespace, self._task.tenant):
            return errors.ANOTHER_TENANT
        if self._task.name not in (None, self._handed.name):
            return sentences.BETWEEN_BROKEN
        if chosen is not None and not chosen.fits(self._found):
            return errors.FINGERPRINT_DIFFERS
        return None

    def _look(self) -> RestoreResult:
        try:
            directory = open_session(self._task.volume, self._task.path)
        except VolumeProblem as trouble:
            if trouble.code != DIRECTORY_MISSING:
                raise
            empty = SessionTarget(Identity(ABSENT), None, [], known=self._known())
            plan = make_session_plan(
                empty,
                self._session,
                self._now,
                self._task.mode,
                self._expected,
                self._task.acknowledged,
            )
            return self._planned(plan, ABSENT)
        try:
            outlook = self._restoring(directory).look()
        finally:
            os.close(directory)
        return self._planned(outlook.plan, outlook.state)

    def _planned(self, plan: SessionPlan, state: str) -> RestoreResult:
        if plan.refused is not None:
            return replace(_refusal(plan.refused, str(self._found)), identity=state)
        return RestoreResult(
            outcome=DRY_RUN if plan.puts else NOTHING_TO_DO,
            identity=state,
            restored=plan.restored_by_kind,
            kept_back=plan.kept_back,
            told=tuple(plan.told),
            next_pre_key_id=plan.next_pre_key_id,
        )

    def _apply(self) -> RestoreResult:
        with session_made(self._task.volume, self._task.path) as directory:
            watched = not _is_empty(directory)
            if watched and not self._is_quiet(directory, self._task.watch):
                return _refusal(sentences.STILL_WRITING)
            done = self._restoring(directory).apply()
            result = RestoreResult(
                outcome=done.outcome,
                identity=done.state,
                restored=done.restored_by_kind,
                kept_back=done.kept_back,
                told=tuple(done.told),
                next_pre_key_id=done.next_pre_key_id,
            )
            if done.code is not None:
                said = sentences.sentence_of(done.code, str(self._found))
                return replace(result, code=done.code, message=said)
            if watched and not self._is_quiet(directory, self._task.watch_after):
                said = sentences.sentence_of(sentences.WRITTEN_OVER)
                return replace(result, code=sentences.WRITTEN_OVER, message=said)
            return result

    def _is_quiet(self, directory: int, seconds: float) -> bool:
        return is_quiet(directory, self._pause, self._stop, seconds)

    @property
    def _expected(self) -> str:
        written = self._owner.written
        return "" if written is None else written.identity

    def _known(self) -> list[tuple[int, str]]:
        """Return the known identities of the tenant; including the archive's, if that is proved to be the tenant's."""
        session = self._session
        proved = self._owner.is_proved(self._handed.unpacked.manifest)
        own = [(session.time, session.identity.fingerprint)] if proved else []
        return [*self._task.recorded, *own]

    def _restoring(self, directory: int) -> SessionRestoring:
        return SessionRestoring(
            directory,
            self._task.run,
            self._session,
            self._handed.unpacked.content.__getitem__,
            now=self._now,
            mode=self._task.mode,
            known=self._known(),
            expected=self._expected,
            acknowledged=self._task.acknowledged,
            stop=self._stop,
            pause=self._pause,
        )

    def _described(self, result: RestoreResult) -> RestoreResult:
        manifest = self._handed.unpacked.manifest
        return replace(
            result,
            archive=str(self._handed.name),
            time=manifest.time,
            fingerprint=str(self._found),
            vouched=self._owner.vouches(manifest),
        )


def _is_empty(directory: int) -> bool:
    """Return whether a directory holds no session file, so that no process can be using a session there."""
    entries = read_listing(directory).entries
    if entries is None or lookup(directory, CREDS_NAME) is not None:
        return False
    return all(each.kind == OTHER for each in entries)


def _refusal(
    code: str, found: str = "", *, outcome: str = REFUSED, said: str = ""
) -> RestoreResult:
    return RestoreResult(
        outcome=outcome,
        code=code,
        message=said or sentences.sentence_of(code, found),
    )
