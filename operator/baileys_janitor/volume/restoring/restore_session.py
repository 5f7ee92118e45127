"""Putting an archived session back into a directory, as far as this cannot break the session.

An earlier plan is made again under the lock. Every file is first written beside the session under a name
of ours, so that a full or read-only disk is detected while nothing has changed. Then the record is written,
and each file gets its name, never over another; creds.json comes last, so that no process starts with half a session.
After a kill at any step, the next run tidies up, an undo takes the files away, and another restore continues.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.archives.restore_codes import SAFE, WHOLE
from baileys_janitor.policy.archives.restore_credentials import NOT_WHOLE, Candidate
from baileys_janitor.policy.archives.restore_session import SessionTarget, make_session_plan
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER
from baileys_janitor.policy.files.identity import ABSENT, PAIRED
from baileys_janitor.policy.reasons import TOO_MANY_FILES
from baileys_janitor.volume.copies.credential_copies import read_copies
from baileys_janitor.volume.copies.restore import newest_write, recorded_identities, same_writing
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    CREDENTIALS_NO_FILE,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.newest_copy import copies_in
from baileys_janitor.volume.files.read import read_creds, read_listing
from baileys_janitor.volume.files.safe_open import read_small
from baileys_janitor.volume.files.session_files import owners_with_sibling
from baileys_janitor.volume.files.state_files import Owners, lookup, owners_of
from baileys_janitor.volume.report.results import NOTHING_TO_DO, REFUSED
from baileys_janitor.volume.restoring.archived_content import ArchivedContent, Unusable
from baileys_janitor.volume.restoring.lone_memories import set_memories_aside
from baileys_janitor.volume.restoring.put_session import SessionPutting
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.runs.removal_run import repeated
from baileys_janitor.volume.runs.restored_files import MOST_FILES
from baileys_janitor.volume.scanning.credentials import settled_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from baileys_janitor.policy.archives.archived import ArchivedSession
    from baileys_janitor.policy.archives.restore_credentials import Known
    from baileys_janitor.policy.archives.restore_session import SessionPlan
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.files.read import Listing


@dataclass(frozen=True, slots=True)
class SessionOutlook:
    """The plan of a restore now.

    `state` is the identity state of creds.json; `newest_write` is the latest modification time of any other session
    file (Unix seconds, None without any).
    """

    plan: SessionPlan
    state: str
    newest_write: int | None


@dataclass(slots=True)
class SessionRestoreResult:
    """The result of a restore.

    `outcome` is Completed, NothingToDo, Refused, Repeated, Capped or Failed, with a reason code. `restored_by_kind`
    counts the files that were put back, `kept_back` the others by reason and kind; `told` are codes of notices for a
    person (`policy.archives.restore_codes`). `fingerprint` is the archive's. `state` is the state of creds.json before,
    empty if it was not read; `next_pre_key_id` is the new value of both counters, 0 if they did not change.
    """

    run: str
    outcome: str
    code: str | None = None
    fingerprint: str = ""
    restored_by_kind: dict[str, int] = field(default_factory=dict)
    kept_back: dict[str, dict[str, int]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    state: str = ""
    next_pre_key_id: int = 0


class _View(NamedTuple):
    """A directory and its plan. `found` is the status of creds.json, `own` its bytes if it is paired."""

    plan: SessionPlan
    state: str
    found: os.stat_result | None
    own: bytes


class SessionRestoring:
    """One restore of an archived session into an open session directory. `run` is its id.

    `content` returns the bytes of an archived file by its name. `known` are earlier identities of the directory that
    the caller knows: times in Unix seconds and fingerprints. `expected` is the fingerprint that a person has typed.
    `now` is Unix seconds; `pause` waits for some seconds between two reads of creds.json; `progress` gets the number
    of files that are done, and of all.
    """

    def __init__(
        self,
        directory: int,
        run: str,
        source: ArchivedSession,
        content: Callable[[str], bytes],
        *,
        now: float,
        mode: str = SAFE,
        known: Sequence[Known] = (),
        expected: str = "",
        acknowledged: Collection[str] = (),
        stop: Callable[[], str | None] = go_on,
        pause: Callable[[float], None] = time.sleep,
        progress: Callable[[int, int], None] = tell_nobody,
    ) -> None:
        self.directory = directory
        self.run = run
        self.source = source
        self.content = ArchivedContent(source, content, now)
        self.now = now
        self.mode = mode
        self.known = known
        self.expected = expected
        self.acknowledged = acknowledged
        self.stop = stop
        self.pause = pause
        self.progress = progress
        self._state = ""

    def look(self) -> SessionOutlook:
        """Return the plan of a restore now. Writes nothing, needs no lock. Raises VolumeProblem."""
        listing = read_listing(self.directory, self._tick)
        owners = owners_of(self.directory)
        view = self._view(listing, Journal(self.directory, owners), owners)
        plan = view.plan
        against = {}
        for each in plan.puts:
            self._tick()
            try:
                self.content.of(each, plan.next_pre_key_id, view.own)
            except Unusable as unusable:
                against[each.file.name] = unusable.reason
        self._drop(plan, against)
        return SessionOutlook(plan, view.state, newest_write(listing.entries or []))

    def apply(self) -> SessionRestoreResult:
        """Restore. A problem with the volume is in the result: Refused, Failed or Capped, and a code."""
        try:
            with ExclusiveAccess(
                self.directory,
                now=self.now,
                undo_window=None,
                holder=f"baileys-janitor restore {self.run}",
                stop=self.stop,
            ) as access:
                return self._run(access)
        except VolumeProblem as problem:
            return self._result(outcome_of(problem.code), problem.code)
        except OSError as error:
            return self._result(outcome_of(code_of(error)), code_of(error))

    def _run(self, access: ExclusiveAccess) -> SessionRestoreResult:
        earlier = repeated(access, self.run)
        if earlier is not None:
            return self._result(earlier.outcome, earlier.code)
        view = self._view(access.listing, access.journal, access.owners)
        plan = view.plan
        if plan.refused is not None:
            return self._result(REFUSED, plan.refused, plan)
        if not plan.puts:
            return self._result(NOTHING_TO_DO, None, plan)
        putting = SessionPutting(access, self.run, plan, self.content, view.own, view.found)
        putting.stage(self.progress)
        try:
            self._drop(plan, putting.against)
            if plan.refused is not None:
                return self._result(REFUSED, plan.refused, plan)
            if not plan.puts:
                return self._result(NOTHING_TO_DO, None, plan)
            set_memories_aside(access, self.run, plan, self.stop)
            outcome, code = putting.carry_out(self.progress)
        finally:
            putting.clear()
        plan.drop(putting.against)
        return self._result(outcome, code, plan, putting.placed)

    def _view(self, listing: Listing, journal: Journal, owners: Owners) -> _View:
        """Read the directory, and plan. Raises OSError and VolumeProblem."""
        directory = self.directory
        entries = listing.entries
        found = lookup(directory, CREDS_NAME)
        identity = settled_identity(directory, self.pause)
        self._state = identity.state
        own = read_creds(directory)[0] if identity.state == PAIRED else None
        if not same_writing(found, lookup(directory, CREDS_NAME)):
            raise VolumeProblem(CREDENTIALS_CHANGING)
        owners = owners_with_sibling(directory, owners, entries or [])
        copies = read_copies(directory, copies_in(listing.own), owners)
        target = SessionTarget(
            identity,
            None if own is None else read_credentials(own),
            entries or [],
            [Candidate(each.copy.digits, each.copy.time, each.credentials) for each in copies],
            [*recorded_identities(directory, entries or [], journal, self.now), *self.known],
            self._same(entries or []) if self.mode == WHOLE else frozenset(),
        )
        plan = make_session_plan(
            target, self.source, self.now, self.mode, self.expected, self.acknowledged
        )
        if plan.refused is None and not self.content.credentials_are_whole():
            plan.refuse(NOT_WHOLE)
        if entries is None or len(plan.puts) > MOST_FILES:
            plan.refuse(TOO_MANY_FILES)
        elif identity.state == ABSENT and found is not None:
            plan.refuse(CREDENTIALS_NO_FILE)
        return _View(plan, identity.state, found, own or b"")

    def _same(self, entries: Sequence[Entry]) -> frozenset[str]:
        """Return the names of files with the same content as in the archive."""
        archived = {each.name: each for each in self.source.files}
        same = set()
        for each in entries:
            file = archived.get(each.name)
            if each.kind == OTHER or file is None or file.size != each.size:
                continue
            self._tick()
            data = read_small(self.directory, each.name, file.size)
            if data is not None and sha256(data).hexdigest() == file.sha256:
                same.add(each.name)
        return frozenset(same)

    def _drop(self, plan: SessionPlan, against: dict[str, str]) -> None:
        """Drop unusable files from the plan; without creds.json, or a whole session, drop all."""
        if against and (CREDS_NAME in against or self.mode == WHOLE):
            plan.refuse(NOT_WHOLE)
        plan.drop(against)

    def _result(
        self,
        outcome: str,
        code: str | None,
        plan: SessionPlan | None = None,
        placed: frozenset[str] = frozenset(),
    ) -> SessionRestoreResult:
        fingerprint = self.source.identity.fingerprint
        if plan is None:
            return SessionRestoreResult(self.run, outcome, code, fingerprint, state=self._state)
        plan.puts = [each for each in plan.puts if each.file.name in placed]
        return SessionRestoreResult(
            self.run,
            outcome,
            code,
            fingerprint,
            plan.restored_by_kind,
            plan.kept_back,
            plan.told,
            self._state,
            plan.next_pre_key_id,
        )

    def _tick(self) -> None:
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)
