"""Jobs and pods as events show them: results are taken in, and whose fault it is when there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.events.changes import JobEnded, Wire
from baileys_janitor.controller.jobs import batches, faults, record_result
from baileys_janitor.controller.jobs.cluster_reads import Lookups
from baileys_janitor.controller.jobs.faults import Fault, Finished
from baileys_janitor.controller.jobs.leftovers import Leftovers
from baileys_janitor.controller.jobs.manifest import Member
from baileys_janitor.controller.jobs.tracker import UID_MAX, Flight, Flights, has_ended, job_of
from baileys_janitor.controller.kube import decoding
from baileys_janitor.controller.tenants.cache import Fleet
from baileys_janitor.controller.tenants.record import Tenant
from baileys_janitor.job.machine import boot
from baileys_janitor.job.result import (
    BUSY,
    DEADLINE_REACHED,
    INTERRUPTED,
    REFUSED,
    REPEATED,
    BadResult,
    CleanResult,
    PurgeResult,
    Result,
    ScanResult,
    decode,
)
from baileys_janitor.schedule.decision import URGENT

Object = dict[str, Any]
logger = logging.getLogger("janitor.jobs")

ATTEMPTS = 3
"""Jobs for one claimed run before it is given up."""
SPOILED = frozenset(
    {"JobDeadline", "JobKilled", "JobOutOfMemory", "JobEvicted", "JobStuck", "JobFailed"}
)
"""Faults that one member of a shared scan, or its node, brings on all: nobody is blamed before he fails alone."""
UNREACHED = frozenset({DEADLINE_REACHED, INTERRUPTED})
"""Results of members that the Job had no time for."""


class Arrivals:
    """Where Jobs and pods come in."""

    def __init__(
        self,
        clock: Clock,
        fleet: Fleet,
        flights: Flights,
        lookups: Lookups,
        config: OperatorConfig,
        finished: Callable[[list[Tenant], list[tuple[Tenant, Object]]], None],
        wire: Wire,
        crashes: CrashHandler,
    ) -> None:
        self._clock = clock
        self._fleet = fleet
        self._flights = flights
        self._lookups = lookups
        self._finished = finished
        self._wire = wire
        self._crashes = crashes
        self._largest = config.limits.tenants_per_scan
        self.leftovers = Leftovers(clock)

    def job(self, kind: str, job: Object) -> None:
        """Take in a Job's event (ADDED, MODIFIED or DELETED)."""
        with self._crashes.contain("event"):
            self._job(kind, job)

    def _job(self, kind: str, job: Object) -> None:
        meta = decoding.part(job, "metadata")
        uid = decoding.text(meta.get("uid"), UID_MAX)
        namespace, name = decoding.text(meta.get("namespace")), decoding.text(meta.get("name"))
        flight = self._flights.find(namespace, name, uid)
        if flight is None:
            if kind == "DELETED":
                self.leftovers.forget(uid)
            elif not self._may_be_ours(namespace, name):
                self.leftovers.note(job)
            return
        if kind == "DELETED":
            self.settle(flight, Finished(None, faults.GONE))
            self._flights.drop(flight)
        elif not flight.settled and flight.failed_at is None and has_ended(job):
            flight.failed_at = self._clock.now()

    def _may_be_ours(self, namespace: str, name: str) -> bool:
        """Whether a Job of that name is being created right now, whose uid is not known yet."""
        flight = self._flights.get(namespace, name)
        return flight is not None and flight.uid is None

    def pod(self, kind: str, pod: Object) -> None:
        """Take in a pod's event."""
        with self._crashes.contain("event"):
            self._pod(kind, pod)

    def _pod(self, kind: str, pod: Object) -> None:
        flight = self.flight_of(pod)
        if flight is None or flight.settled:
            return
        name = decoding.text(decoding.part(pod, "metadata").get("name"))
        if kind == "DELETED":
            if flight.pod == name:
                self.settle(flight, faults.finished(pod) or Finished(None, faults.GONE))
            return
        flight.pod = name
        if decoding.part(pod, "spec").get("nodeName") and flight.placed_at is None:
            flight.placed_at = self._clock.now()
        if decoding.part(pod, "status").get("phase") == "Running" and flight.started is None:
            flight.started = self._clock.now()
        ended = faults.finished(pod)
        if ended is not None:
            if ended.message is None and flight.started is None and flight.trouble is not None:
                # It never ran: why it could not is worth more than that its time is up.
                ended = Finished(None, flight.trouble)
            self.settle(flight, ended)
            return
        trouble = faults.pending(pod)
        if trouble is None and flight.trouble is not None:
            # What its events said may still hold: they are asked again.
            flight.asked = False
        flight.trouble = trouble

    def flight_of(self, pod: Object) -> Flight | None:
        """Return the Job under way that a pod belongs to; None for every other pod, whatever its labels say."""
        owner = job_of(pod)
        if owner is None:
            return None
        return self._flights.find(
            decoding.text(decoding.part(pod, "metadata").get("namespace")), *owner
        )

    def attach(self, tenant: Tenant) -> None:
        """Take up the Job of the tenant's claimed run that an earlier operator made, if it is there."""
        run = tenant.run
        if run is None or tenant.work_job is not None or not run.get("uid"):
            return
        found = self.leftovers.take(tenant.namespace, str(run["uid"]))
        if found is None:
            return
        self._flights.add(
            Flight(
                namespace=found.namespace,
                name=found.name,
                action=found.action,
                members=[Member(tenant.name, tenant.uid)],
                run=str(run["id"]),
                created=self._clock.now(),
                used=frozenset([tenant.name]),
                urgent=run["reason"] in URGENT,
                uid=found.uid,
                # Its pod may have been shown before.
                overheard=True,
                failed_at=self._clock.now() if found.ended else None,
            )
        )
        tenant.work_job = found.name

    def members(self, flight: Flight) -> list[Tenant]:
        """Return the tenants of a Job that are still there."""
        found = (self._fleet.of(flight.namespace, m.name, m.uid) for m in flight.members)
        return [tenant for tenant in found if tenant is not None]

    @staticmethod
    def _claimed(tenant: Tenant, flight: Flight) -> bool:
        return tenant.run is not None and tenant.run.get("id") == flight.run

    def settle(self, flight: Flight, ended: Finished) -> None:
        """Take in how a Job ended, once."""
        if flight.settled:
            return
        flight.settled = True
        result, fault = _read(ended, flight)
        self._tell(flight, fault if result is None else None, result.short if result else 0)
        entries: list[tuple[Tenant, Object]] = []
        unreached: list[Tenant] = []
        for place, member in enumerate(flight.members):
            tenant = self._fleet.of(flight.namespace, member.name, member.uid)
            if tenant is None:
                continue
            self._land(tenant, flight)
            one = result.members[place] if result is not None else None
            if ended.fault is not None and isinstance(one, ScanResult) and one.error in UNREACHED:
                one, fault = None, ended.fault  # the process died before it came to this member
            if flight.shared and _is_nobodys(one, fault):
                unreached.append(tenant)
                continue
            entry = self._take_or_fail(tenant, flight, one, fault)
            if entry is not None:
                entries.append((tenant, entry))
        if unreached:
            batches.part(unreached, frozenset())
        for tenant in unreached:
            tenant.rescan = True
        self._finished(self.members(flight), entries)

    def abandon(self, flight: Flight) -> list[Tenant]:
        """Give up a Job that cannot be dealt with; it is deleted. Return its tenants, who wait."""
        flight.settled = True
        tenants = self.members(flight)
        for tenant in tenants:
            self._land(tenant, flight)
        self._crashes.back_off(tenants)
        return tenants

    def _take_or_fail(
        self, tenant: Tenant, flight: Flight, result: object, fault: Fault | None
    ) -> Object | None:
        """Take in one member's result; return the entry for the circuit breaker, if there is one."""
        with self._crashes.contain("job", [tenant]):
            if result is None:
                return self._failed(tenant, flight, fault or faults.UNREADABLE)
            return self._take(tenant, flight, result)
        return None

    def part(self, flight: Flight, culprits: frozenset[str]) -> None:
        """Give up a shared scan that does not get on, and have its members scanned without each other.

        `culprits` are the names of those whose claims hold it up; with none known it is tried in halves. Nobody is
        called faulty yet: that is said of whoever does not get on alone.
        """
        flight.settled = True
        tenants = self.members(flight)
        seconds = self._clock.now() - flight.created
        logger.info(
            "%s: %s does not get on, so its %d tenants are scanned apart",
            flight.namespace,
            flight.name,
            len(tenants),
        )
        self._wire.publish(
            JobEnded(flight.namespace, flight.action, len(flight.members), seconds, "Parted")
        )
        batches.part(tenants, culprits)
        for tenant in tenants:
            self._land(tenant, flight)
            tenant.rescan = True
        self._finished(tenants, [])

    @staticmethod
    def _land(tenant: Tenant, flight: Flight) -> None:
        tenant.unsaid = True
        if tenant.scan_job == flight.name:
            tenant.scan_job = None
        if tenant.work_job == flight.name:
            tenant.work_job = None

    def _tell(self, flight: Flight, fault: Fault | None, short: int) -> None:
        seconds = max(0.0, self._clock.now() - flight.created)
        outcome = "Completed" if fault is None else fault.reason
        members = len(flight.members)
        self._wire.publish(
            JobEnded(flight.namespace, flight.action, members, seconds, outcome, short)
        )

    def _take(self, tenant: Tenant, flight: Flight, result: object) -> Object | None:
        """Take in a result. An entry is returned for what the Job says that it has just done itself, nothing else."""
        now = self._clock.now()
        used = tenant.name in flight.used
        if isinstance(result, ScanResult):
            record_result.scanned(tenant, result, now, used, boot())
            tenant.begun_at = flight.created
            if result.error is None:
                batches.reunite(tenant, self._largest)
            record = result.record
            if record is not None and tenant.run and tenant.run.get("id") == record.run:
                record_result.cleaned(tenant, record, now, used, recorded=True)
        elif isinstance(result, CleanResult) and self._claimed(tenant, flight):
            if tenant.in_doubt and (result.outcome, result.code) == (REFUSED, BUSY):
                # An earlier Job of this run may be at it: its record is asked for again.
                return self._failed(tenant, flight, faults.of_directory(BUSY))
            if result.run != flight.run:
                return self._failed(tenant, flight, faults.UNREADABLE)
            recorded = result.outcome == REPEATED
            entry = record_result.cleaned(tenant, result, now, used, boot(), recorded=recorded)
            return None if recorded else entry
        elif isinstance(result, PurgeResult):
            record_result.purged(tenant, result, now)
        return None

    def _failed(self, tenant: Tenant, flight: Flight, fault: Fault) -> Object | None:
        now = self._clock.now()
        # Told at each attempt; that the tenant has a fault is told once, when its status says so.
        logger.debug("%s: %s failed: %s", tenant.text, flight.name, fault.reason)
        self._lookups.forget(flight.namespace)
        tenant.back_off(fault, now)
        if flight.action != "clean" or not self._claimed(tenant, flight):
            return None
        tenant.attempts += 1
        if tenant.attempts < ATTEMPTS:
            return None
        reason = str((tenant.run or {}).get("reason") or "Requested")
        message = f"Given up after {ATTEMPTS} Jobs: {fault.message}"
        return record_result.unanswered(tenant, reason, "Failed", message, now)


def _is_nobodys(result: object, fault: Fault | None) -> bool:
    """Whether a member of a shared scan came to nothing for what may be another's fault."""
    if isinstance(result, ScanResult):
        return result.error in UNREACHED
    return result is None and fault is not None and fault.reason in SPOILED


def _read(ended: Finished, flight: Flight) -> tuple[Result | None, Fault | None]:
    """Return the result that a pod left, if it can be believed, and the fault otherwise."""
    if ended.message is None:
        return None, ended.fault or faults.UNREADABLE
    try:
        result = decode(ended.message)
    except BadResult:
        return None, ended.fault or faults.UNREADABLE
    if result.failure is not None:
        return None, faults.of_directory(result.failure)
    if result.action != flight.action or len(result.members) != len(flight.members):
        return None, faults.UNREADABLE
    return result, None
