"""Carrying out a task member by member. An error in one member does not affect the others.

A scan, by far the most frequent action, imports no module that only the other actions need.
"""

from __future__ import annotations

import os

from baileys_janitor.job.task import CLEAN, KEEP, PURGE, ROLLBACK, ROTATE, SCAN, UNDO
from baileys_janitor.policy.ages.running_text import decode
from baileys_janitor.volume.errors import DECLINED, INTERRUPTED, VolumeProblem
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.report.results import FAILED, REFUSED, ScanResult
from baileys_janitor.volume.scanning.activity import Known
from baileys_janitor.volume.scanning.scan import scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from baileys_janitor.job.encoder import MemberResult
    from baileys_janitor.job.task import Member, Task
    from baileys_janitor.policy.settings import Settings
    from baileys_janitor.volume.report.run_results import (
        CleanResult,
        KeptCopy,
        PurgeResult,
        UndoResult,
    )

UNEXPECTED = "Unexpected"  # an error of this program


class Work:
    """A task at `now` (Unix seconds). `unforeseen` is true afterwards if the program itself failed."""

    def __init__(self, task: Task, now: float, stop: Callable[[], str | None]) -> None:
        self._task = task
        self._now = now
        self._stop = stop
        do: dict[str, Callable[[int, Member], MemberResult]] = {
            SCAN: self._scan,
            CLEAN: self._clean,
            UNDO: self._undo,
            PURGE: self._purge,
            KEEP: self._keep,
            ROTATE: self._rotate,
            ROLLBACK: self._roll_back,
        }
        self._do = do[task.action]
        self.unforeseen = False

    def results(self) -> Iterator[MemberResult]:
        """Yield one result for each member, in their order, as soon as it is known. Never raises."""
        for member in self._task.members:
            yield self._result(member)

    def unreached(self, done: int) -> list[MemberResult]:
        """Return results for the members after the first `done`, in case the process is killed now."""
        return [self._trouble(INTERRUPTED)] * (len(self._task.members) - done)

    def _result(self, member: Member) -> MemberResult:
        try:
            self._tick()
            directory = open_session(member.volume, member.path)
            try:
                return self._do(directory, member)
            finally:
                os.close(directory)
        except VolumeProblem as problem:
            return self._trouble(problem.code)
        except Exception:  # noqa: BLE001  # our error in one directory must not affect the others
            self.unforeseen = True
            return self._trouble(UNEXPECTED)

    def _scan(self, directory: int, member: Member) -> ScanResult:
        return scan(
            directory,
            self._settings(member),
            now=self._now,
            known=self._known(member),
            tick=self._tick,
        )

    def _clean(self, directory: int, member: Member) -> CleanResult:
        from baileys_janitor.volume.operations import clean

        task = self._task
        if task.copies and not task.dry_run:
            # This pod may write, so the copy needs no pod of its own. A failed copy does not prevent the
            # cleanup.
            self._keep(directory, member)
        return clean(
            directory,
            self._settings(member),
            run=task.run or "",
            now=self._now,
            dry_run=task.dry_run,
            known=self._known(member),
            emergency=task.emergency,
            reason=task.reason,
            undo_window=task.undo_window,
            stop=self._stop,
        )

    def _undo(self, directory: int, member: Member) -> UndoResult:  # noqa: ARG002  # one of several
        from baileys_janitor.volume.operations import undo

        return undo(directory, self._task.run, now=self._now, stop=self._stop)

    def _purge(self, directory: int, member: Member) -> PurgeResult:  # noqa: ARG002  # one of several
        from baileys_janitor.volume.operations import purge

        window = self._task.undo_window
        return purge(directory, now=self._now, undo_window=window, stop=self._stop)

    def _keep(self, directory: int, member: Member) -> KeptCopy:
        from baileys_janitor.volume.copies.credential_copies import keep_if_due

        keep, every = self._task.copies[member.settings_index]
        return keep_if_due(directory, now=self._now, every=every, keep=keep)

    def _rotate(self, directory: int, member: Member) -> CleanResult:  # noqa: ARG002  # one of several
        from baileys_janitor.volume.rotation.rotate import Rotating

        task = self._task
        rotating = Rotating(
            directory,
            task.run or "",
            now=self._now,
            keep_seconds=task.undo_window,
            watch=task.watch,
            watch_after=task.watch_after,
            stop=self._stop,
        )
        return rotating.dry_run() if task.dry_run else rotating.apply()

    def _roll_back(self, directory: int, member: Member) -> UndoResult:  # noqa: ARG002  # one of several
        from baileys_janitor.volume.rotation.rollback import RollingBack

        task = self._task
        rolling = RollingBack(
            directory,
            task.run,
            now=self._now,
            watch=task.watch,
            watch_after=task.watch_after,
            stop=self._stop,
        )
        return rolling.dry_run() if task.dry_run else rolling.apply()

    def _known(self, member: Member) -> Known:
        # An unreadable line counts as no memory: the volume's, or the listing alone, is used instead.
        return Known(decode(member.running), self._task.time, self._task.wait)

    def _settings(self, member: Member) -> Settings:
        return self._task.settings[member.settings_index]

    def _trouble(self, code: str) -> MemberResult:
        if self._task.action == SCAN:
            return ScanResult(error=code)
        from baileys_janitor.volume.report.run_results import (
            NOT_KEPT,
            CleanResult,
            KeptCopy,
            PurgeResult,
            UndoResult,
        )

        outcome = REFUSED if code in DECLINED else FAILED
        run = self._task.run or ""
        if self._task.action in (CLEAN, ROTATE):
            return CleanResult(run, outcome, code=code, time=int(self._now))
        if self._task.action in (UNDO, ROLLBACK):
            return UndoResult(run, outcome, code=code)
        if self._task.action == KEEP:
            return KeptCopy(NOT_KEPT, code)
        return PurgeResult(outcome, code=code)

    def _tick(self) -> None:
        code = self._stop()
        if code is not None:
            raise VolumeProblem(code)
