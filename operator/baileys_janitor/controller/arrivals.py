"""Jobs and pods as events show them: results are taken in, faults noticed, finished Jobs removed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.controller import faults, harvest
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.dispatch import JOBS
from baileys_janitor.controller.faults import Fault, Finished
from baileys_janitor.controller.fleet import Fleet
from baileys_janitor.controller.flights import JOB_NAME_LABEL, Flight, Flights, job_of
from baileys_janitor.controller.kube import ApiError, Kube, path
from baileys_janitor.controller.lookups import Lookups
from baileys_janitor.controller.news import JobEnded, Wire
from baileys_janitor.controller.store import Store
from baileys_janitor.controller.tenant import Tenant
from baileys_janitor.job.result import (
    BadResult,
    CleanResult,
    PurgeResult,
    Result,
    ScanResult,
    decode,
)

Object = dict[str, Any]
Spawn = Callable[[Coroutine[Any, Any, Any]], None]
logger = logging.getLogger(__name__)

POD_APPEARS = 15.0
"""Seconds that a Job may be without a pod before its events are asked why."""
POD_STARTS = 45.0
"""Seconds that a pod may be pending before that is called a fault: most starts take three."""
POD_TELLS = 10.0
"""Seconds that a failed Job's pod has to tell why."""
FORGET = 300.0
"""Seconds after its deletion that a Job is forgotten even if no event told of it."""
TENANT_APPEARS = 30.0
"""Seconds that a result waits for its tenants to be known: later, they are taken to be deleted."""
ATTEMPTS = 3
"""Jobs for one claimed run before it is given up."""


class Arrivals:
    """Where Jobs and pods come in."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        fleet: Fleet,
        flights: Flights,
        lookups: Lookups,
        store: Store,
        config: OperatorConfig,
        finished: Callable[[list[Tenant], list[tuple[Tenant, Object]]], None],
        wire: Wire,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._fleet = fleet
        self._flights = flights
        self._lookups = lookups
        self._store = store
        self._finished = finished
        self._wire = wire
        self._pending_timeout = float(config.job.pending_timeout.seconds)
        self._deadline = float(config.job.deadline_seconds)

    def job(self, kind: str, job: Object) -> None:
        """Take in a Job's event (ADDED, MODIFIED or DELETED)."""
        name = job["metadata"]["name"]
        if kind == "DELETED":
            flight = self._flights.get(job["metadata"]["namespace"], name)
            if flight is not None:
                self._settle(flight, Finished(None, faults.GONE))
                self._flights.drop(flight)
            return
        flight = self._flights.adopt(job, name, self._clock.now())
        if flight is None or flight.settled:
            return
        self._attach(flight)
        ended = any(
            c.get("type") in {"Failed", "Complete"} and c.get("status") == "True"
            for c in (job.get("status") or {}).get("conditions") or ()
        )
        if ended and flight.failed_at is None:
            flight.failed_at = self._clock.now()

    def pod(self, kind: str, pod: Object) -> None:
        """Take in a pod's event."""
        name = job_of(pod)
        if name is None:
            return
        if kind == "DELETED":
            flight = self._flights.get(pod["metadata"]["namespace"], name)
            if flight is not None and flight.pod == pod["metadata"]["name"]:
                self._settle(flight, faults.finished(pod) or Finished(None, faults.GONE))
            return
        flight = self._flights.adopt(pod, name, self._clock.now())
        if flight is None or flight.settled:
            return
        self._attach(flight)
        flight.pod = pod["metadata"]["name"]
        flight.placed = bool(pod["spec"].get("nodeName"))
        if (pod.get("status") or {}).get("phase") == "Running" and flight.started is None:
            flight.started = self._clock.now()
        trouble = faults.pending(pod)
        if trouble is None and flight.trouble is not None:
            # What its events said may still hold: they are asked again.
            flight.asked = False
        flight.trouble = trouble
        ended = faults.finished(pod)
        if ended is not None:
            self._settle(flight, ended)

    def attach(self) -> None:
        """Tell tenants that have just become known of their Jobs under way."""
        for flight in self._flights:
            if not flight.settled:
                self._attach(flight)

    def _attach(self, flight: Flight) -> None:
        """Tell the members of a Job that is adopted after a start that it is under way."""
        for tenant in self._members(flight):
            if flight.action == "scan":
                tenant.scan_job = tenant.scan_job or flight.name
            elif flight.action != "clean" or self._claimed(tenant, flight):
                tenant.work_job = tenant.work_job or flight.name

    def _members(self, flight: Flight) -> list[Tenant]:
        found = (self._fleet.of(flight.namespace, m.name, m.uid) for m in flight.members)
        return [tenant for tenant in found if tenant is not None]

    @staticmethod
    def _claimed(tenant: Tenant, flight: Flight) -> bool:
        return tenant.run is not None and tenant.run.get("id") == flight.run

    def _settle(self, flight: Flight, ended: Finished) -> None:
        """Take in how a Job ended, once."""
        if flight.settled:
            return
        unknown = len(self._members(flight)) < len(flight.members)
        if unknown and self._clock.now() - flight.created < TENANT_APPEARS:
            # Right after a start the tenants' own events may still be on their way.
            flight.ended = ended
            return
        flight.settled = True
        result, fault = _read(ended, len(flight.members))
        self._tell(flight, fault if result is None else None)
        entries: list[tuple[Tenant, Object]] = []
        for place, member in enumerate(flight.members):
            tenant = self._fleet.of(flight.namespace, member.name, member.uid)
            if tenant is None:
                continue
            if tenant.scan_job == flight.name:
                tenant.scan_job = None
            if tenant.work_job == flight.name:
                tenant.work_job = None
            if result is None:
                entry = self._failed(tenant, flight, fault or faults.UNREADABLE)
            else:
                entry = self._take(tenant, flight, result.members[place])
            if entry is not None:
                entries.append((tenant, entry))
        self._finished(self._members(flight), entries)

    def _tell(self, flight: Flight, fault: Fault | None) -> None:
        seconds = max(0.0, self._clock.now() - flight.created)
        outcome = "Completed" if fault is None else fault.reason
        self._wire.publish(
            JobEnded(flight.namespace, flight.action, len(flight.members), seconds, outcome)
        )

    def _take(self, tenant: Tenant, flight: Flight, result: object) -> Object | None:
        now = self._clock.now()
        used = tenant.name in flight.used
        if isinstance(result, ScanResult):
            harvest.scanned(tenant, result, now, used)
            record = result.record
            if record is not None and tenant.run and tenant.run.get("id") == record.run:
                return harvest.cleaned(tenant, record, now, used)
        elif isinstance(result, CleanResult) and self._claimed(tenant, flight):
            return harvest.cleaned(tenant, result, now, used)
        elif isinstance(result, PurgeResult):
            harvest.purged(tenant, result, now)
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
        return harvest.unanswered(tenant, reason, "Failed", message, now)

    def supervise(self, now: float, spawn: Spawn) -> list[Tenant]:
        """Look after Jobs that send no event of their own; return the tenants whose state has changed."""
        changed: list[Tenant] = []
        for flight in self._flights:
            if flight.settled:
                self._clear(flight, now, spawn)
            elif flight.ended is not None:
                self._settle(flight, flight.ended)
            elif flight.failed_at is not None and now - flight.failed_at > POD_TELLS:
                if not flight.sought:
                    flight.sought = True
                    spawn(self._seek_pod(flight))
            elif flight.started is not None:
                if now - flight.started > self._deadline * 2:
                    self._give_up(flight, faults.OVERDUE)
            elif now - flight.created > self._pending_timeout:
                self._give_up(flight, flight.trouble or faults.OVERDUE)
            elif flight.pod is None:
                if now - flight.created > POD_APPEARS and not flight.asked:
                    flight.asked = True
                    spawn(self._ask_job(flight))
            elif now - flight.created > POD_STARTS:
                changed += self._troubled(flight, spawn)
        return changed

    def _troubled(self, flight: Flight, spawn: Spawn) -> list[Tenant]:
        if flight.trouble is None:
            if flight.placed and not flight.asked:
                flight.asked = True
                spawn(self._ask_pod(flight))
            return []
        changed = [t for t in self._members(flight) if t.fault != flight.trouble]
        for tenant in changed:
            tenant.fault = flight.trouble
        return changed

    def _give_up(self, flight: Flight, fault: Fault) -> None:
        self._settle(flight, Finished(None, fault))

    async def _seek_pod(self, flight: Flight) -> None:
        """Ask for the pod of a Job that has ended: its event may have got lost. Gone is only what is not there."""
        labels = f"{JOB_NAME_LABEL}={flight.name}"
        try:
            pods = [
                pod async for pod in self._kube.list(path("pods", flight.namespace), labels=labels)
            ]
        except ApiError:
            flight.sought = False
            raise
        for pod in pods:
            self.pod("MODIFIED", pod)
        if not flight.settled and flight.ended is None:
            self._settle(flight, Finished(None, faults.GONE))

    async def _ask_job(self, flight: Flight) -> None:
        said = await self._lookups.warnings(flight.namespace, "Job", flight.name)
        if flight.pod is None and not flight.settled and said:
            self._give_up(flight, faults.pod_refused(said))
        flight.asked = False

    async def _ask_pod(self, flight: Flight) -> None:
        said = await self._lookups.warnings(flight.namespace, "Pod", str(flight.pod))
        if flight.trouble is None and flight.pending:
            flight.trouble = faults.stuck(said)

    def _clear(self, flight: Flight, now: float, spawn: Spawn) -> None:
        """Delete a Job once what it brought stands in every member's status."""
        if flight.deleted_at is not None and now - flight.deleted_at > FORGET:
            self._flights.drop(flight)
        if flight.deleting or any(t.busy or t.stale for t in self._members(flight)):
            return
        flight.deleting = True
        spawn(self._delete(flight))

    async def _delete(self, flight: Flight) -> None:
        url = path("jobs", flight.namespace, flight.name, JOBS)
        try:
            written = [await self._store.write(tenant) for tenant in self._members(flight)]
            if all(written):
                await self._kube.delete(url)
        except ApiError:
            flight.deleting = False
            raise
        if not all(written):
            flight.deleting = False
            return
        # It is forgotten when its own DELETED event comes: until then, events that are still on their way
        # must not pass for news of a Job that nobody knows.
        flight.deleted_at = self._clock.now()


def _read(ended: Finished, members: int) -> tuple[Result | None, Fault | None]:
    """Return the result that a pod left, if it can be believed, and the fault otherwise."""
    if ended.message is None:
        return None, ended.fault or faults.UNREADABLE
    try:
        result = decode(ended.message)
    except (BadResult, ValueError):
        return None, ended.fault or faults.UNREADABLE
    if result.failure is not None:
        return None, faults.of_directory(result.failure)
    if len(result.members) != members:
        return None, faults.UNREADABLE
    return result, None
