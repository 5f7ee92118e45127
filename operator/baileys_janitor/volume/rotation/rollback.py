"""Rolling a rotation back: the pairing that was rotated out is restored byte for byte, creds.json last.

This works until the tenant is paired anew. Files that an unpaired process has written meanwhile belong to no account:
they move aside, into the trash of a run beside the rotation's, and are purged by age. The process must be stopped: one
that waits for a pairing may have written nothing yet, and would write its own credentials over the restored ones. So a
copy of creds.json is kept in the end.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from baileys_janitor.policy.files.file_kinds import CREDS_NAME, classify
from baileys_janitor.policy.files.identity import MAX_CREDS_BYTES, PAIRED, UNPAIRED, read_identity
from baileys_janitor.policy.reasons import TOO_MANY_FILES
from baileys_janitor.policy.rotation import (
    NOTHING_ROTATED,
    PAIRED_SINCE,
    belongs_to_pairing,
    is_same_pairing,
    rollback_refusal,
)
from baileys_janitor.volume.copies.credential_copies import keep_if_due
from baileys_janitor.volume.errors import (
    RUN_PURGED,
    RUN_UNKNOWN,
    STILL_WRITING,
    WRITTEN_OVER,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.read import has_state, read_listing
from baileys_janitor.volume.files.rotation_record import read_rotation
from baileys_janitor.volume.files.safe_open import read_small
from baileys_janitor.volume.files.state_files import lookup, owners_of, remove
from baileys_janitor.volume.files.state_names import RUN_MAX, trash_name
from baileys_janitor.volume.report.results import (
    CAPPED,
    COMPLETED,
    DRY_RUN,
    NOTHING_TO_DO,
    REFUSED,
    by_kind,
)
from baileys_janitor.volume.report.run_results import UndoResult
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from baileys_janitor.volume.runs.journal import ROTATE, UNDOING, UNDONE, Journal
from baileys_janitor.volume.runs.rotated import RotatedFiles, read_record
from baileys_janitor.volume.runs.undo import NEWER_EXISTS
from baileys_janitor.volume.runs.volume_run import VolumeRun
from baileys_janitor.volume.scanning.quiet import AFTERWARDS_SECONDS, WATCH_SECONDS, is_quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.files.state_names import OwnNames
    from baileys_janitor.volume.runs.journal import Run
    from baileys_janitor.volume.runs.undo import PutBack

_ASIDE = "-new"


@dataclass(frozen=True, slots=True)
class RollbackOutlook:
    """The plan of a rollback now.

    `run` and `time` are the rotation's, `until` is the end of its retention (Unix seconds). `restored_by_kind` counts
    the files that would be restored, `aside` the files of an unpaired process that would move aside. `refused` is the
    reason why nothing may be restored; then the rest is empty unless it is known.
    """

    run: str
    refused: str | None = None
    time: int | None = None
    until: int | None = None
    restored_by_kind: list[int] | None = None
    aside: int = 0

    @property
    def files(self) -> int:
        """The number of files that would be restored."""
        return sum(self.restored_by_kind or ())


class RollingBack(VolumeRun):
    """The rollback of one rotation of an open session directory: `run`, or with None the latest.

    `now` is Unix seconds. `watch` and `watch_after` are the seconds without a write to the session required before and
    afterwards; `pause` waits. `stop` returns a code when it is to end; it ends only before the first file has
    moved. `progress` gets the files done and of all.
    """

    def __init__(
        self,
        directory: int,
        run: str | None = None,
        *,
        now: float,
        watch: float = WATCH_SECONDS,
        watch_after: float = AFTERWARDS_SECONDS,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(directory, now=now, stop=stop, progress=progress, pause=pause)
        self.run = run
        self.watch = watch
        self.watch_after = watch_after

    def look(self) -> RollbackOutlook:
        """Return the plan of a rollback now. Writes nothing, needs no lock. Raises OSError and VolumeProblem."""
        listing = read_listing(self.directory, self._tick)
        owners = owners_of(self.directory)
        found = self._find(Journal(self.directory, owners).runs, listing.own)
        if isinstance(found, str):
            return RollbackOutlook(self.run or "", found)
        record = read_rotation(self.directory, found.run, owners)
        if record is None:
            return RollbackOutlook(found.run, RUN_PURGED)
        refused = rollback_refusal(self._identity(), found.fingerprint)
        there = listing.own.trash.get(found.run, ())
        names = {each.name for each in record.files}
        return RollbackOutlook(
            found.run,
            refused,
            record.time,
            record.until,
            by_kind([classify(name)[0] for name in there if name in names]),
            sum(belongs_to_pairing(each) for each in listing.entries or ()),
        )

    def dry_run(self) -> UndoResult:
        """Return the result of a rollback without doing it. Raises OSError and VolumeProblem."""
        outlook = self.look()
        result = UndoResult(outlook.run, REFUSED, code=outlook.refused)
        if outlook.refused is None:
            result.outcome = DRY_RUN
            result.restored, result.restored_by_kind = outlook.files, outlook.restored_by_kind
            result.taken_away = outlook.aside
        return self._timed(result)

    def apply(self) -> UndoResult:
        """Roll back. A problem with the volume is in the result: Refused, Failed or Capped, and a code."""
        result = UndoResult(self.run or "", REFUSED, code=NOTHING_ROTATED)
        try:
            if not has_state(self.directory, self._tick):
                return self._timed(result)
            if not self._is_quiet():
                return self._fail(result, STILL_WRITING)
            with ExclusiveAccess(
                self.directory,
                now=self.now,
                undo_window=None,
                holder="baileys-janitor rollback",
                stop=self.stop,
            ) as access:
                fingerprint = self._run(access, result)
            if fingerprint and result.restored:
                self._look_afterwards(fingerprint, result)
        except VolumeProblem as problem:
            return self._fail(result, problem.code)
        except OSError as error:
            return self._fail(result, code_of(error))
        return self._timed(result)

    def _run(self, access: ExclusiveAccess, result: UndoResult) -> str:
        """Roll back under the lock; return the fingerprint of the restored pairing, "" if there is none."""
        found = self._find(access.journal.runs, access.listing.own)
        if isinstance(found, str):
            result.code = found
            return ""
        result.run = found.run
        if found.run not in access.listing.own.trash:
            result.outcome, result.code = NOTHING_TO_DO, None
            return ""
        record = read_record(access, found.run)
        files = RotatedFiles(access, found.run, [] if record is None else record.files)
        identity = self._identity()
        result.code = rollback_refusal(identity, found.fingerprint)
        same = is_same_pairing(identity, found.fingerprint)
        if result.code is None and not same and not files.can_come_back():
            result.code = RUN_PURGED
        if result.code is None and access.listing.entries is None:
            result.code = TOO_MANY_FILES
        if record is None or result.code is not None:
            return ""
        self._tick()
        access.journal.mark(UNDOING, found.run, int(self.now))
        back = files.put_free_back() if same else self._put_back(access, files, result)
        if back is not None:
            self._enter(back, result)
        access.journal.mark(UNDONE, found.run, int(self.now))
        return found.fingerprint if back is not None else ""

    def _put_back(
        self,
        access: ExclusiveAccess,
        files: RotatedFiles,
        result: UndoResult,
    ) -> PutBack | None:
        """Put everything back; return None if that failed, and the trash is as it was."""
        code = self._set_aside(access, files.in_place(), result)
        if code is None:
            back = files.put_all_back(self.progress)
            if NEWER_EXISTS not in back.kept:
                return back
            code = STILL_WRITING
        files.move_rest()
        self._fail(result, code)
        return None

    def _set_aside(
        self, access: ExclusiveAccess, in_place: set[str], result: UndoResult
    ) -> str | None:
        """Move aside the files that belong to no account, creds.json first; return the reason if one must stay."""
        run = f"{result.run[: RUN_MAX - len(_ASIDE)]}{_ASIDE}"
        going = [
            each
            for each in access.listing.entries or ()
            if belongs_to_pairing(each) and each.name not in in_place
        ]
        going.sort(key=lambda each: each.name != CREDS_NAME)
        for each in going:
            access.lock.check()
            code = self._move_aside(access, each, trash_name(run, each.name))
            if code is not None:
                return code
            result.taken_away += 1
        if going:
            os.fsync(self.directory)
        return None

    def _move_aside(self, access: ExclusiveAccess, each: Entry, aside: str) -> str | None:
        if lookup(self.directory, aside) is not None:  # of an earlier rollback
            remove(self.directory, aside)
        file_system = access.file_system()
        try:
            file_system.move(each.name, aside)
        except FileNotFoundError:
            return None
        if each.name != CREDS_NAME:
            return None
        data = read_small(self.directory, aside, MAX_CREDS_BYTES)
        state = None if data is None else read_identity(data).state
        if state == UNPAIRED:
            return None
        try:
            file_system.put(aside, each.name)
        except FileExistsError:
            return STILL_WRITING
        # A cut one is being written, perhaps by a process that pairs.
        return PAIRED_SINCE if state == PAIRED else STILL_WRITING

    def _look_afterwards(self, fingerprint: str, result: UndoResult) -> None:
        """Keep a copy of creds.json, and check whether a process that was not stopped writes over it."""
        keep_if_due(self.directory, now=self.now, every=0)
        if is_quiet(self.directory, self.pause, self.stop, self.watch_after):
            return
        if not is_same_pairing(self._identity(), fingerprint):
            self._fail(result, WRITTEN_OVER)

    def _find(self, runs: dict[str, Run], own: OwnNames) -> Run | str:
        """Return the rotation to roll back, or a code if there is none."""
        if self.run is None:
            there = [each for each in runs.values() if each.reason == ROTATE and own.has(each.run)]
            return there[-1] if there else NOTHING_ROTATED
        found = runs.get(self.run)
        if found is None or found.reason != ROTATE:
            return RUN_UNKNOWN
        if not own.has(found.run) and not found.undone:
            return RUN_PURGED
        return found

    def _is_quiet(self) -> bool:
        """Return whether nobody writes to the session; without files of a pairing there is nothing to watch."""
        entries = read_listing(self.directory, self._tick).entries or ()
        if not any(belongs_to_pairing(each) for each in entries):
            return True
        return is_quiet(self.directory, self.pause, self.stop, self.watch)

    def _enter(self, back: PutBack, result: UndoResult) -> None:
        result.restored = len(back.restored)
        result.restored_by_kind = by_kind([classify(name)[0] for name in back.restored])
        result.kept = back.kept
        result.code = back.code
        result.outcome = CAPPED if back.kept else COMPLETED if back.restored else NOTHING_TO_DO

    def _fail(self, result: UndoResult, code: str) -> UndoResult:
        result.outcome, result.code = outcome_of(code), code
        return self._timed(result)

    def _timed(self, result: UndoResult) -> UndoResult:
        result.duration_ms = self._elapsed_ms()
        return result
