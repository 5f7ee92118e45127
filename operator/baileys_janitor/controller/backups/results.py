"""Records the results of the Jobs of backups and drills."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from baileys_janitor.api.backup.backup_spec import ClusterBackups
from baileys_janitor.api.values import decoding
from baileys_janitor.backup.job.result import (
    FAILED,
    BadResult,
    JobFailure,
    JobResult,
    MemberResult,
    Outcome,
    decode,
)
from baileys_janitor.backup.job.task import DRILL
from baileys_janitor.controller.backups.jobs import Told
from baileys_janitor.controller.backups.known import CLOCKS_SECONDS, archived, merged
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.faults import Finished
from baileys_janitor.controller.jobs.job_events import JobEvents
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.policy.archives import known_archives
from baileys_janitor.policy.archives.known_archives import KnownArchives
from baileys_janitor.status.changes import ChangeBus
from baileys_janitor.tenants import directory_faults
from baileys_janitor.tenants.backup_state import INTERRUPTED, INTERRUPTED_MESSAGE, Tries
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

DAY_SECONDS = 86_400
WRONG_CLOCK = Outcome(
    FAILED,
    "ClockWrong",
    "The clock of the node on which the backup ran is more than a day from that of the operator, so its archives would "
    "be lost among others: set the clocks right (NTP).",
)
WITH_SECRET = {
    "SecretMissing": "does not exist, or lacks what the store needs",
    "SecretInvalid": "contains an invalid value",
    "SecretUnreadable": "cannot be read",
}
"""Problems of the Secret of a store, by the code of the failure."""
WITH_IDENTITY = {
    "IdentityUnreadable": "does not exist, or contains no identity",
    "IdentityInvalid": "contains a value that is not an identity",
}
"""The same for the Secret with the identity that opens archives."""
SPOILED = frozenset(
    {"JobDeadline", "JobKilled", "JobOutOfMemory", "JobEvicted", "JobStuck", "JobFailed"}
)
"""Faults that one member of a shared Job, or its node, causes for all."""


class BackupResults(JobEvents[TenantRecord]):
    """Receives the Jobs and pods of backups. `ended` is called with the tenants whose Job is over."""

    def __init__(
        self,
        clock: Clock,
        cache: TenantCache,
        tracker: JobTracker,
        ended: Callable[[Iterable[TenantRecord]], None],
        bus: ChangeBus,
        crashes: CrashHandler,
    ) -> None:
        super().__init__(clock, cache, tracker, bus, crashes)
        self._ended = ended
        self.told: dict[str, list[Told]] = {}
        """The tasks of a Job's members, by its name."""
        self.most: dict[tuple[str, str], int] = {}
        """The maximum size of a Job for a tenant whose earlier Job got stuck."""

    def settle(self, tracked: TrackedJob, ended: Finished) -> None:
        """Record the result of a Job, once."""
        if tracked.settled:
            return
        tracked.settled = True
        result, fault = _read(ended, tracked)
        self._publish_end(tracked, fault if result is None else None)
        told = self.told.pop(tracked.name, [])
        spoiled = result is None and fault is not None and fault.reason in SPOILED
        for place, tenant in enumerate(self.each(tracked)):
            if tenant is None or place >= len(told):
                continue
            self._land(tenant, tracked)
            with self._crashes.contain("job", [tenant]):
                if result is None:
                    if tracked.shared and spoiled:
                        self._part(tracked, tenant)
                    else:
                        self._fail(tenant, tracked.action, told[place], fault)
                else:
                    self._take(
                        tenant, tracked.action, told[place], result, place, tracked.namespace
                    )
        self._ended(self.members(tracked))

    def split(self, tracked: TrackedJob, claims: frozenset[str]) -> None:
        """Give up a shared Job without progress; the tenants of `claims` are tried alone, or all in halves."""
        tracked.settled = True
        self.told.pop(tracked.name, None)
        for tenant in self.members(tracked):
            self._land(tenant, tracked)
            effective = tenant.effective
            if effective is not None and effective.claim_name in claims:
                self.most[tenant.key] = 1
            elif not claims:
                self._part(tracked, tenant)
            _release(tenant)
        self._ended(self.members(tracked))

    def abandon(self, tracked: TrackedJob) -> list[TenantRecord]:
        """Give up a Job that cannot be handled."""
        found = super().abandon(tracked)
        self.told.pop(tracked.name, None)
        for tenant in found:
            _release(tenant)
        self._ended(found)
        return found

    def _part(self, tracked: TrackedJob, tenant: TenantRecord) -> None:
        self.most[tenant.key] = max(1, len(tracked.members) // 2)
        _release(tenant)

    def each(self, tracked: TrackedJob) -> list[TenantRecord | None]:
        """Return the records of a Job's members, None for one that is gone."""
        return [
            self._records.of(m.namespace or tracked.namespace, m.name, m.uid)
            for m in tracked.members
        ]

    def _fail(self, tenant: TenantRecord, action: str, told: Told, fault: Fault | None) -> None:
        fault = fault or directory_faults.UNREADABLE
        if _is_taken_in(tenant, action, told):
            _release(tenant)
            return
        for name in told.repositories.values():
            self._end(tenant, action, name, Outcome(FAILED, fault.reason, fault.message), None)

    def _take(
        self,
        tenant: TenantRecord,
        action: str,
        told: Told,
        result: JobResult,
        place: int,
        namespace: str,
    ) -> None:
        """Record the result of one member of a Job in a namespace."""
        one = result.members[place]
        if one is None:
            # There was no time for it: it is as due as before.
            _release(tenant)
            return
        self.most.pop(tenant.key, None)
        if _is_taken_in(tenant, action, told):
            _release(tenant)
            return
        if action == DRILL:
            for where, name in told.repositories.items():
                outcome = _named(tenant, action, name, _of(one, where), namespace)
                self._end(tenant, action, name, outcome, one)
            return
        now = self._clock.now()
        if one.archive is not None and abs(one.archive.time - now) > CLOCKS_SECONDS:
            for name in told.repositories.values():
                self._end(tenant, action, name, WRONG_CLOCK, one)
            return
        idents = {
            where: result.repositories[where]
            for where in told.repositories
            if where < len(result.repositories) and result.repositories[where]
        }
        days = told.bucket_days
        before = known_archives.decode(tenant.backup.known) or KnownArchives()
        known = merged(
            before,
            told.known,
            one,
            idents,
            told.recipients,
            now,
            None if days is None else float(days * DAY_SECONDS),
        )
        if known != before:
            tenant.backup.remember(known_archives.encode(known))
        for where, name in told.repositories.items():
            outcome = _named(tenant, action, name, _of(one, where), namespace)
            self._end(tenant, action, name, outcome, one)
            state = tenant.backup.repositories.get(name)
            if state is not None:
                listable = not outcome.put_only
                there = archived(known, idents.get(where), listable=listable)
                kept = outcome.code if outcome.tidied else None
                listed = outcome.put_only or outcome.held is not None
                state.ended(outcome.outcome, there, kept, listed=listed)

    def _end(
        self,
        tenant: TenantRecord,
        action: str,
        name: str,
        outcome: Outcome,
        result: MemberResult | None,
    ) -> None:
        """Record the outcome of an attempt; a success contains the session as of the time it was read."""
        state = tenant.backup.repositories.get(name)
        if state is None:
            return
        now = self._clock.now()
        tries: Tries = state.drill if action == DRILL else state
        if outcome.outcome == FAILED or result is None:
            said = decoding.said(outcome.message) or f"It failed ({outcome.code})."
            tries.fail(now, outcome.code, said)
            if action != DRILL:
                state.ended(FAILED, None)
            return
        since = now if tries.claimed_at is None else tries.claimed_at
        if action == DRILL:
            tries.succeed(now, outcome.ms / 1000)
            state.drill.passed(outcome.archive, outcome.files)
        else:
            tries.succeed(min(max(float(result.time), since), now), result.ms / 1000)


def _named(
    tenant: TenantRecord, action: str, name: str, outcome: Outcome, namespace: str
) -> Outcome:
    backups = None if tenant.effective is None else tenant.effective.backup
    return named_secret(backups, action, name, outcome, namespace)


def named_secret(
    backups: ClusterBackups | None, action: str, name: str, outcome: Outcome, namespace: str
) -> Outcome:
    """Name the Secret if it is the cause: the Job, in `namespace`, only reports what to do."""
    if backups is None:
        return outcome
    if action == DRILL:
        source = backups.source(name)
        of_store = None if source is None else source.secret_name
        of_identity = backups.identity_secret_name
    else:
        own = (each.secret_name for each in backups.group.repositories if each.name == name)
        of_store, of_identity = next(own, None), None
    for secret, wrong in ((of_store, WITH_SECRET), (of_identity, WITH_IDENTITY)):
        if secret is not None and outcome.code in wrong:
            where = f"The Secret {secret} in the namespace {namespace} {wrong[outcome.code]}"
            return replace(outcome, message=f"{where}: {outcome.message}")
    return outcome


def _is_taken_in(tenant: TenantRecord, action: str, told: Told) -> bool:
    """Return whether the operator that created a Job has stored its result: the status, which is written as a whole,
    has an attempt at least as recent as the Job."""
    since = told.since
    states = [tenant.backup.repositories.get(name) for name in told.repositories.values()]
    tries = [each.drill if action == DRILL else each for each in states if each is not None]
    return since is not None and any(
        each.tried_at is not None and each.tried_at >= since for each in tries
    )


def _of(result: MemberResult, place: int) -> Outcome:
    missing = Outcome(FAILED, INTERRUPTED, INTERRUPTED_MESSAGE)
    return result.outcomes.get(place, missing)


def _release(tenant: TenantRecord) -> None:
    tenant.backup.release()


def _read(ended: Finished, tracked: TrackedJob) -> tuple[JobResult | None, Fault | None]:
    """Return the pod's result if it can be trusted, else the fault."""
    if ended.message is None:
        return None, ended.fault or directory_faults.UNREADABLE
    try:
        result = decode(ended.message)
    except BadResult:
        return None, ended.fault or directory_faults.UNREADABLE
    if isinstance(result, JobFailure):
        return None, Fault(result.code, result.message)
    if result.action != tracked.action or len(result.members) != len(tracked.members):
        return None, directory_faults.UNREADABLE
    return result, None
