"""Repairing one contact or one group: its files move into the trash, as in a cleanup.

The run is claimed, planned, synced to the disk, carried out, verified and recorded under the reason `Repair`. An
undo puts it back, and the next run finishes one that was killed. A repair purges nothing else from the trash,
whatever its age, so that the repair itself can be undone.
"""

from __future__ import annotations

import os
import time

from baileys_janitor.policy.cleanup.guards import identity_problem
from baileys_janitor.policy.contact.find import named_contact
from baileys_janitor.policy.contact.plan import RepairPlan, make_repair_plan
from baileys_janitor.policy.reasons import TOO_MANY_FILES
from baileys_janitor.volume.contacts.contact_files import mappings_of
from baileys_janitor.volume.contacts.contact_key import read_contact_key
from baileys_janitor.volume.errors import VolumeProblem, code_of, outcome_of
from baileys_janitor.volume.files.read import has_state, read_listing
from baileys_janitor.volume.report.results import (
    CAPPED,
    FAILED,
    NOTHING_TO_DO,
    REFUSED,
    by_kind,
)
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.callbacks import go_on, tell_nobody
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from baileys_janitor.volume.runs.removal_run import OVER, RemovalRun, record, repeated, would_remove
from baileys_janitor.volume.runs.volume_run import VolumeRun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from baileys_janitor.policy.contact.request import Request
    from baileys_janitor.policy.files.identity import Identity
    from baileys_janitor.volume.files.read import Listing

REASON = "Repair"
"""The reason of these runs in the journal."""


class Repairing(VolumeRun):
    """One repair in an open session directory. `run` is its id: 1 to 32 of a-z, 0-9 and "-".

    `now` is Unix seconds. `stop` returns a code when the run is to end between two files; `progress` gets the files
    done and planned; `pause` waits for some seconds between two reads of creds.json. `plan` is the latest plan.
    """

    def __init__(
        self,
        directory: int,
        request: Request,
        run: str,
        *,
        now: float,
        stop: Callable[[], str | None] = go_on,
        progress: Callable[[int, int], None] = tell_nobody,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(directory, now=now, stop=stop, progress=progress, pause=pause)
        self.request = request
        self.run = run
        self.plan: RepairPlan | None = None

    def dry_run(self) -> CleanResult:
        """Return the result of a repair without doing it. Writes nothing, needs no lock. Raises VolumeProblem."""
        result = self._planned(read_listing(self.directory, self._tick), self._identity())
        plan = self.plan
        if plan is not None and plan.removals:
            would_remove(plan.removals, result)
        return self._timed(result)

    def apply(self) -> CleanResult:
        """Repair. A problem with the volume is in the result: Refused, Failed or Capped, and a code."""
        try:
            refused = self._refused_outright()
            if refused is not None:
                return self._timed(refused)
            with ExclusiveAccess(
                self.directory,
                now=self.now,
                undo_window=None,
                holder=f"baileys-janitor repair {self.run}",
                stop=self.stop,
            ) as access:
                return self._timed(self._run(access))
        except VolumeProblem as problem:
            return self._failed(problem.code)
        except OSError as error:
            return self._failed(code_of(error))

    def _refused_outright(self) -> CleanResult | None:
        """Write nothing to a directory that is neither a paired session nor has files of ours."""
        refused = identity_problem(self._identity())
        if refused is None or has_state(self.directory, self._tick):
            return None
        return self._refused(refused)

    def _run(self, access: ExclusiveAccess) -> CleanResult:
        earlier = repeated(access, self.run)
        if earlier is not None:
            return earlier
        identity = self._identity()
        result = self._planned(access.listing, identity)
        plan = self.plan
        if plan is not None and plan.removals:
            removals = RemovalRun(access, self.run, REASON, self.stop, self.progress)
            removals.carry_out(plan.removals, plan.protect, identity.fingerprint, result)
            self._record(access, result)
        result.recovered = access.recovered
        result.applied = True
        return result

    def _record(self, access: ExclusiveAccess, result: CleanResult) -> None:
        try:
            if result.code not in OVER and access.journal.still_there():
                os.fsync(self.directory)
                record(access, result)
        except (VolumeProblem, OSError) as problem:
            code = problem.code if isinstance(problem, VolumeProblem) else code_of(problem)
            result.outcome, result.code = FAILED, result.code or code

    def _planned(self, listing: Listing, identity: Identity) -> CleanResult:
        """Plan, and return a result with nothing done yet."""
        if listing.entries is None:
            return self._refused(TOO_MANY_FILES)
        key = read_contact_key(self.directory) if self.request.digest else None
        named = named_contact(listing.entries, self.request, key).contact
        users = () if named is None else named.users
        mappings = mappings_of(self.directory, (*users, identity.phone_user))
        plan = self.plan = make_repair_plan(listing.entries, identity, self.request, mappings, key)
        if plan.refused is not None:
            return self._refused(plan.refused)
        outcome = CAPPED if plan.left else NOTHING_TO_DO
        result = CleanResult(self.run, outcome, time=int(self.now), left=plan.left)
        result.kept = dict(plan.kept)
        result.removed_by_kind = by_kind([])
        result.removed_by_reason = {}
        return result

    def _refused(self, code: str) -> CleanResult:
        return CleanResult(self.run, REFUSED, code=code, time=int(self.now))

    def _failed(self, code: str) -> CleanResult:
        return self._timed(CleanResult(self.run, outcome_of(code), code=code, time=int(self.now)))

    def _timed(self, result: CleanResult) -> CleanResult:
        result.duration_ms = self._elapsed_ms()
        return result
