"""Restoring a kept copy of creds.json, with both pre-key counters raised.

The directory is checked again under the lock, so a restore that was planned before may be refused then. The broken
file goes into the trash of the run, and an undo puts it back unless a process has written to the restored one. A
restore killed at any step leaves the old file or the new one, whole, and the next run finishes it.
"""

from __future__ import annotations

import os
import time

from baileys_janitor.policy.archives.credential_copies import copy_of
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.archives.restore_credentials import (
    NOT_WHOLE,
    Candidate,
    RestorePlan,
    Target,
    make_restore_plan,
)
from baileys_janitor.policy.files.credentials_text import with_counters
from baileys_janitor.policy.files.file_kinds import CREDS, CREDS_NAME, OTHER
from baileys_janitor.policy.files.identity import ABSENT, UNPAIRED
from baileys_janitor.policy.reasons import TOO_MANY_FILES
from baileys_janitor.volume.copies.credential_copies import read_copies, read_copy
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    CREDENTIALS_NO_FILE,
    CREDENTIALS_SAVED,
    DISK_FULL,
    ROLL_BACK_FIRST,
    VolumeProblem,
    code_of,
    outcome_of,
)
from baileys_janitor.volume.files.credential_swap import REASON, TEMPORARY, Swap, described
from baileys_janitor.volume.files.newest_copy import copies_in
from baileys_janitor.volume.files.read import Listing, read_listing
from baileys_janitor.volume.files.run_plan import write_plan
from baileys_janitor.volume.files.session_files import (
    Style,
    owners_with_sibling,
    sibling,
    style_like,
    write_file,
)
from baileys_janitor.volume.files.state_files import Owners, lookup, owners_of, remove
from baileys_janitor.volume.files.state_names import plan_name
from baileys_janitor.volume.report.results import COMPLETED, FAILED, REFUSED, by_kind
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.callbacks import go_on
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from baileys_janitor.volume.runs.journal import ROTATE, Journal
from baileys_janitor.volume.runs.removal_run import OVER, repeated
from baileys_janitor.volume.scanning.activity import read_memory
from baileys_janitor.volume.scanning.credentials import settled_identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from baileys_janitor.policy.archives.restore_credentials import Known
    from baileys_janitor.policy.files.file_entry import Entry
    from baileys_janitor.volume.copies.credential_copies import StoredCopy

_NS = 10**9


class Outlook:
    """The plan of a restore, and the state it was made from.

    `copies` are the kept ones, newest first; `state` is the identity state of creds.json, `found` its status.
    `newest_write` is the latest modification time of any other session file (Unix seconds).
    """

    __slots__ = ("copies", "found", "newest_write", "plan", "state")

    def __init__(
        self,
        plan: RestorePlan,
        copies: list[StoredCopy],
        state: str,
        found: os.stat_result | None,
        newest_write: int | None,
    ) -> None:
        self.plan = plan
        self.copies = copies
        self.state = state
        self.found = found
        self.newest_write = newest_write


class RestoreResult:
    """The result of a restore. `outcome` is Completed, Refused, Capped or Failed, with a reason code."""

    __slots__ = ("code", "outcome", "plan", "run")

    def __init__(self, run: str, outcome: str, code: str | None, plan: RestorePlan | None) -> None:
        self.run = run
        self.outcome = outcome
        self.code = code
        self.plan = plan


class Restoring:
    """One restore of creds.json in an open session directory, from its kept copies. `run` is its id.

    `wanted` is the beginning of the copy's digits, "" for the newest usable one. `acknowledged` holds the texts that a
    person has typed. `now` is Unix seconds; `pause` waits for some seconds between two reads of creds.json.
    """

    def __init__(
        self,
        directory: int,
        run: str,
        *,
        now: float,
        wanted: str = "",
        acknowledged: Collection[str] = (),
        stop: Callable[[], str | None] = go_on,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.directory = directory
        self.run = run
        self.now = now
        self.wanted = wanted
        self.acknowledged = acknowledged
        self.stop = stop
        self.pause = pause

    def look(self) -> Outlook:
        """Return the plan of a restore now. Writes nothing, needs no lock. Raises VolumeProblem."""
        listing = read_listing(self.directory, self._tick)
        owners = owners_of(self.directory)
        return self._outlook(listing, Journal(self.directory, owners), owners)

    def apply(self) -> RestoreResult:
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
            return self._failed(problem.code)
        except OSError as error:
            return self._failed(code_of(error))

    def _run(self, access: ExclusiveAccess) -> RestoreResult:
        earlier = repeated(access, self.run)
        if earlier is not None:
            return RestoreResult(self.run, earlier.outcome, earlier.code, None)
        outlook = self._outlook(access.listing, access.journal, access.owners)
        plan = outlook.plan
        if plan.refused is not None:
            return RestoreResult(self.run, REFUSED, plan.refused, plan)
        data = self._bytes_of(access, outlook)
        if data is None:
            return RestoreResult(self.run, REFUSED, NOT_WHOLE, plan)
        code = self._put(access, data, outlook.found)
        if code is not None:
            return self._failed(code, plan)
        return RestoreResult(self.run, COMPLETED, None, plan)

    def _bytes_of(self, access: ExclusiveAccess, outlook: Outlook) -> bytes | None:
        """Return the bytes to restore; None if the copy has changed since it was planned."""
        plan = outlook.plan
        copy = copy_of(plan.chosen.ident) if plan.chosen is not None else None
        if plan.chosen is None or copy is None:
            return None
        owners = owners_with_sibling(self.directory, access.owners, access.listing.entries or [])
        stored = read_copy(self.directory, copy, owners)
        if stored.credentials != plan.chosen.credentials:
            return None
        try:
            return with_counters(stored.data, plan.next_pre_key_id)
        except ValueError:
            return None

    def _put(
        self, access: ExclusiveAccess, data: bytes, before: os.stat_result | None
    ) -> str | None:
        """Write the new file, exchange it for the old one, and record it; return an error code after the claim.

        Raises OSError and VolumeProblem before the claim.
        """
        if access.full():
            raise VolumeProblem(DISK_FULL)
        stable = access.file_system().stable_inodes
        old = None if before is None else described(before, old=True, stable_inodes=stable)
        like = before or sibling(self.directory, access.listing.entries or [])
        style = Style() if like is None else style_like(like)
        try:
            written = write_file(self.directory, TEMPORARY, data, style, access.owners)
            new = described(written, old=False, stable_inodes=stable)
            swap = Swap(self.directory, self.run, old, new)
            self._begin(access, swap, data)
            code = self._exchange(access, swap)
            if code not in OVER:
                self._record(access, swap, code)
        finally:
            remove(self.directory, TEMPORARY)
        return code

    def _begin(self, access: ExclusiveAccess, swap: Swap, data: bytes) -> None:
        """Claim the run: sync plan and journal entry to the disk. From here on, recovery finds a killed run."""
        credentials = read_credentials(data)
        fingerprint = "" if credentials is None else credentials.fingerprint
        write_plan(self.directory, self.run, swap.planned, int(self.now), access.owners)
        try:
            access.journal.begin(self.run, REASON, fingerprint, int(self.now))
            os.fsync(self.directory)
        except BaseException:
            remove(self.directory, plan_name(self.run))
            raise

    def _exchange(self, access: ExclusiveAccess, swap: Swap) -> str | None:
        try:
            access.lock.check()
            swap.carry_out(access.file_system())
            os.fsync(self.directory)
            if swap.was_written():
                return CREDENTIALS_SAVED
        except VolumeProblem as problem:
            return problem.code
        except OSError as error:
            return code_of(error)
        return None

    def _record(self, access: ExclusiveAccess, swap: Swap, code: str | None) -> None:
        """Record the outcome in the journal; remove the plan if nothing is in the trash."""
        trashed = swap.settle()
        if not trashed:
            remove(self.directory, plan_name(self.run))
        outcome = COMPLETED if code is None else FAILED
        result = CleanResult(self.run, outcome, code=code, time=int(self.now), applied=True)
        result.removed = result.in_trash = int(trashed)
        result.removed_by_kind = by_kind([CREDS] if trashed else [])
        result.freed_bytes = swap.old.size if trashed and swap.old is not None else 0
        access.journal.end(result, int(self.now))

    def _outlook(self, listing: Listing, journal: Journal, owners: Owners) -> Outlook:
        entries = listing.entries
        found = lookup(self.directory, CREDS_NAME)
        identity = settled_identity(self.directory, self.pause)
        if not same_writing(found, lookup(self.directory, CREDS_NAME)):
            raise VolumeProblem(CREDENTIALS_CHANGING)
        owners = owners_with_sibling(self.directory, owners, entries or [])
        copies = read_copies(self.directory, copies_in(listing.own), owners)
        candidates = [
            Candidate(each.copy.digits, each.copy.time, each.credentials) for each in copies
        ]
        known = recorded_identities(self.directory, entries or [], journal, self.now)
        target = Target(identity.state, entries or [], known)
        plan = make_restore_plan(target, candidates, self.now, self.wanted, self.acknowledged)
        if entries is None:
            plan.refused = TOO_MANY_FILES
        elif identity.state == ABSENT and found is not None:
            plan.refused = CREDENTIALS_NO_FILE
        elif plan.refused is None and identity.state in (ABSENT, UNPAIRED):
            rotated = [each for each in journal.runs.values() if each.reason == ROTATE]
            there = {each.fingerprint for each in rotated if listing.own.has(each.run)}
            chosen = None if plan.chosen is None else plan.chosen.credentials
            if chosen is not None and chosen.fingerprint in there:
                plan.refused = ROLL_BACK_FIRST
        return Outlook(plan, copies, identity.state, found, newest_write(entries or []))

    def _failed(self, code: str, plan: RestorePlan | None = None) -> RestoreResult:
        return RestoreResult(self.run, outcome_of(code), code, plan)

    def _tick(self) -> None:
        code = self.stop()
        if code is not None:
            raise VolumeProblem(code)


def recorded_identities(
    directory: int, entries: list[Entry], journal: Journal, now: float
) -> list[Known]:
    """Return the identities recorded for this session: in the journal, and in the memory of its running times."""
    known = [(each.time, each.fingerprint) for each in journal.runs.values()]
    memory = read_memory(directory, entries, now)
    if memory is not None:
        known.append((memory.looked, memory.identity))
    return known


def newest_write(entries: Sequence[Entry]) -> int | None:
    """Return the latest modification time of any session file but creds.json (Unix seconds)."""
    newest = max(
        (each.mtime_ns for each in entries if each.kind not in (CREDS, OTHER)), default=None
    )
    return None if newest is None else newest // _NS


def same_writing(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Return whether two statuses are of the same writing of a file."""
    if one is None or other is None:
        return one is other
    return (one.st_ino, one.st_mtime_ns, one.st_size) == (
        other.st_ino,
        other.st_mtime_ns,
        other.st_size,
    )
