"""Carrying out a session plan: staged, recorded, put in place file by file, creds.json last."""

from __future__ import annotations

import os

from baileys_janitor.policy.archives.restore_codes import ALREADY_THERE, WHOLE
from baileys_janitor.policy.files.file_kinds import CREDS, CREDS_NAME
from baileys_janitor.volume.errors import (
    CREDENTIALS_SAVED,
    DISK_FULL,
    SESSION_WRITTEN,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.credential_swap import REASON, TEMPORARY, Swap, described
from baileys_janitor.volume.files.run_plan import RunPlan, write_plan
from baileys_janitor.volume.files.session_files import style_among, style_like, write_file
from baileys_janitor.volume.files.state_files import remove
from baileys_janitor.volume.files.state_names import plan_name, record_name
from baileys_janitor.volume.report.results import COMPLETED, FAILED, REFUSED, by_kind
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.restoring.archived_content import Unusable
from baileys_janitor.volume.restoring.staged_files import Staging, require_room
from baileys_janitor.volume.runs.removal_run import OVER
from baileys_janitor.volume.runs.restored_files import in_place, write_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.archives.restore_session import Put, SessionPlan
    from baileys_janitor.volume.restoring.archived_content import ArchivedContent
    from baileys_janitor.volume.runs.exclusive import ExclusiveAccess

    Progress = Callable[[int, int], None]


class SessionPutting:
    """Puts the files of a plan into a locked directory: `stage`, then `carry_out`; `clear` on every path.

    `own` are the bytes of the directory's own creds.json, `found` is its status. `against` holds by name the reason why
    a file could not be put back after all; `placed` are the names of the files that were.
    """

    def __init__(
        self,
        access: ExclusiveAccess,
        run: str,
        plan: SessionPlan,
        content: ArchivedContent,
        own: bytes,
        found: os.stat_result | None,
    ) -> None:
        self._access = access
        self._session = access.session
        self._run = run
        self._plan = plan
        self._content = content
        self._own = own
        self._found = found
        self._staging = Staging(access, style_among(access.session, access.listing))
        self._swap: Swap | None = None
        self._placed: set[str] = set()
        self.against: dict[str, str] = {}

    @property
    def placed(self) -> frozenset[str]:
        """The names of the files that were put in place."""
        return frozenset(self._placed)

    def stage(self, progress: Progress) -> None:
        """Write everything beside the session. Leaves nothing after a failure. Raises OSError and VolumeProblem."""
        if self._access.full():
            raise VolumeProblem(DISK_FULL)
        require_room(self._session, [each.file.size for each in self._plan.puts])
        try:
            for done, each in enumerate(self._plan.puts):
                self._access.tick()
                self._stage(each)
                progress(done + 1, 2 * len(self._plan.puts))
        except BaseException:
            self.clear()
            raise

    def _stage(self, put: Put) -> None:
        try:
            data = self._content.of(put, self._plan.next_pre_key_id, self._own)
        except Unusable as unusable:
            self.against[put.file.name] = unusable.reason
            return
        time_ns = self._content.time_ns(put.file)
        if put.file.name != CREDS_NAME:
            self._staging.write(put.file.name, data, time_ns)
            return
        before, stable = self._found, self._access.file_system().stable_inodes
        style = self._staging.style if before is None else style_like(before)
        mtime_ns = time_ns if self._plan.mode == WHOLE else None
        written = write_file(self._session, TEMPORARY, data, style, self._access.owners, mtime_ns)
        old = None if before is None else described(before, old=True, stable_inodes=stable)
        new = described(written, old=False, stable_inodes=stable)
        self._swap = Swap(self._session, self._run, old, new)

    def carry_out(self, progress: Progress) -> tuple[str, str | None]:
        """Put everything in place; return outcome and code. Raises OSError and VolumeProblem before the first file."""
        self._begin()
        code: str | None = None
        try:
            self._place_files(progress)
            self._place_credentials()
        except VolumeProblem as problem:
            code = problem.code
        except OSError as error:
            code = code_of(error)
        if code in OVER:
            return FAILED, code
        self._record(code)
        return self._outcome(code), code

    def clear(self) -> None:
        """Remove staged files that were not put in place. Never raises."""
        self._staging.clear()
        try:
            remove(self._session, TEMPORARY)
        except OSError:
            return

    def _begin(self) -> None:
        """Claim the run: sync record, plan and journal entry to the disk. From here on, recovery finds a killed run."""
        session, run, now = self._session, self._run, int(self._access.now)
        files = [each.planned for each in self._staging.files]
        if self._swap is not None:
            files.append(self._swap.new)
        try:
            write_record(session, run, files, now, self._access.owners)
            if self._swap is not None:
                write_plan(session, run, self._swap.planned, now, self._access.owners)
            self._access.journal.begin(run, REASON, self._plan.fingerprint, now)
            os.fsync(session)
        except BaseException:
            remove(session, plan_name(run))
            remove(session, record_name(run))
            raise

    def _place_files(self, progress: Progress) -> None:
        staged = self._staging.files
        for done, each in enumerate(staged):
            self._access.tick()
            if self._staging.place(self._run, each):
                self._placed.add(each.planned.name)
            elif self._plan.mode == WHOLE:
                raise VolumeProblem(SESSION_WRITTEN)
            else:
                self.against[each.planned.name] = ALREADY_THERE
            progress(len(staged) + done + 1, 2 * len(staged))
        os.fsync(self._session)

    def _place_credentials(self) -> None:
        if self._swap is None:
            return
        self._access.tick()
        self._access.lock.check()
        self._swap.carry_out(self._access.file_system())
        os.fsync(self._session)
        if self._swap.was_written():
            raise VolumeProblem(CREDENTIALS_SAVED)
        self._placed.add(CREDS_NAME)

    def _record(self, code: str | None) -> None:
        """Record the outcome in the journal. Remove a plan or a record with nothing to undo."""
        session, run = self._session, self._run
        swap = self._swap
        if swap is not None and CREDS_NAME in self._placed:
            trashed = swap.old is not None
        else:
            trashed = swap is not None and swap.settle()
        if not trashed:
            remove(session, plan_name(run))
        files = [each.planned for each in self._staging.files]
        record = RunPlan(0, files if swap is None else [*files, swap.new])
        if not in_place(session, record):
            remove(session, record_name(run))
        result = CleanResult(
            run, self._outcome(code), code=code, time=int(self._access.now), applied=True
        )
        result.removed = result.in_trash = int(trashed)
        result.removed_by_kind = by_kind([CREDS] if trashed else [])
        result.left = len(record.files) - len(self._placed)
        self._access.journal.end(result, int(self._access.now))

    def _outcome(self, code: str | None) -> str:
        if code is None:
            return COMPLETED
        outcome = outcome_of(code)
        return FAILED if outcome == REFUSED else outcome
