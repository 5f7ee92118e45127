"""Looks after the Jobs under way: pods that do not get on, Jobs that tell nothing, finished Jobs to be removed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs import batch_culprits, faults
from baileys_janitor.controller.jobs.cluster_reads import Lookups
from baileys_janitor.controller.jobs.create import JOBS
from baileys_janitor.controller.jobs.faults import Fault, Finished
from baileys_janitor.controller.jobs.leftovers import Leftover
from baileys_janitor.controller.jobs.results import Arrivals
from baileys_janitor.controller.jobs.tracker import JOB_NAME_LABEL, Flight, Flights
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.status.writer import Store
from baileys_janitor.controller.tenants.record import Tenant

logger = logging.getLogger("janitor.jobs")
Spawn = Callable[..., object]
"""Begins a step: a coroutine, and the tenant that is busy until it is over, if it is one's."""

POD_APPEARS = 15.0
"""Seconds that a Job may be without a pod before its events are asked why."""
POD_STARTS = 45.0
"""Seconds that a pod may be pending before that is called a fault: most starts take three."""
POD_TELLS = 10.0
"""Seconds that a failed Job's pod has to tell why."""
PATIENCE = 20.0
"""Seconds that a shared scan's pod may take to start, and again to run, before its members are parted: fifty claims
are mounted in five, and read in less than one."""
ASK_AGAIN = 15.0
"""Seconds from one look at a Job's events to the next: they are asked for, not watched."""
FORGET = 300.0
"""Seconds after its deletion that a Job is forgotten even if no event told of it."""


class Supervision:
    """What events alone do not tell is looked for here, at each turn of the loop."""

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        flights: Flights,
        lookups: Lookups,
        store: Store,
        arrivals: Arrivals,
        config: OperatorConfig,
        crashes: CrashHandler,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._flights = flights
        self._lookups = lookups
        self._store = store
        self._arrivals = arrivals
        self._crashes = crashes
        self._pending_timeout = float(config.job.pending_timeout.seconds)
        self._deadline = float(config.job.deadline_seconds)

    def look(self, now: float, spawn: Spawn) -> list[Tenant]:
        """Look at every Job; return the tenants whose state has changed."""
        changed: list[Tenant] = []
        for flight in self._flights:
            with self._crashes.contain("job") as looking:
                changed += self._look_at(flight, now, spawn)
            if looking.crashed:
                changed += self._arrivals.abandon(flight)
        for leftover in self._arrivals.leftovers.due():
            spawn(self._delete_leftover(leftover))
        return changed

    def _look_at(self, flight: Flight, now: float, spawn: Spawn) -> list[Tenant]:
        if flight.settled:
            self._clear(flight, now, spawn)
        elif flight.uid is None:
            # Its creation is under way, and what creates it sees to it.
            return []
        elif flight.overheard:
            flight.overheard = False
            spawn(self._seek_pod(flight))
        elif flight.failed_at is not None and now - flight.failed_at > POD_TELLS:
            if not flight.sought:
                flight.sought = True
                spawn(self._seek_pod(flight))
        elif flight.started is not None:
            self._watch_run(flight, now)
        elif now - flight.created > self._pending_timeout:
            self._give_up(flight, flight.trouble or faults.OVERDUE)
        else:
            return self._watch_start(flight, now, spawn)
        return []

    def _watch_run(self, flight: Flight, now: float) -> None:
        assert flight.started is not None
        if flight.shared and now - flight.started > PATIENCE:
            # Somebody's volume does not answer, and the program that waits for it cannot say whose.
            self._arrivals.part(flight, frozenset())
        elif now - flight.started > self._deadline * 2:
            self._give_up(flight, faults.OVERDUE)

    def _watch_start(self, flight: Flight, now: float, spawn: Spawn) -> list[Tenant]:
        if flight.pod is None:
            if now - flight.created > POD_APPEARS and now >= flight.ask_at:
                flight.ask_at = now + ASK_AGAIN
                spawn(self._ask_job(flight))
            return []
        since = flight.created if flight.placed_at is None else flight.placed_at
        if flight.shared and now - since > PATIENCE and now >= flight.ask_at:
            flight.ask_at = now + ASK_AGAIN
            spawn(self._ask_whose_fault(flight))
        if now - flight.created > POD_STARTS:
            return self._troubled(flight, spawn)
        return []

    def _troubled(self, flight: Flight, spawn: Spawn) -> list[Tenant]:
        if flight.trouble is None:
            if flight.placed_at is not None and not flight.asked:
                flight.asked = True
                spawn(self._ask_pod(flight))
            return []
        changed = [t for t in self._arrivals.members(flight) if t.fault != flight.trouble]
        for tenant in changed:
            tenant.fault = flight.trouble
        return changed

    def _give_up(self, flight: Flight, fault: Fault) -> None:
        self._arrivals.settle(flight, Finished(None, fault))

    async def _ask_whose_fault(self, flight: Flight) -> None:
        """Part a shared scan whose pod does not start, unless it is nothing that its members could be parted for."""
        events = await self._lookups.events(flight.namespace, "Pod", str(flight.pod))
        # A kubelet names the volume, not the claim.
        volumes = await self._lookups.volumes(flight.namespace)
        found = batch_culprits.read(events, flight.claims, volumes, flight.placed_at is not None)
        if flight.settled or flight.started is not None or found.elsewhere:
            return
        culprits = [
            tenant.name
            for tenant in self._arrivals.members(flight)
            if tenant.effective is not None and tenant.effective.claim_name in found.claims
        ]
        self._lookups.forget(flight.namespace)
        self._arrivals.part(flight, frozenset(culprits))

    async def _seek_pod(self, flight: Flight) -> None:
        """Ask for the pod of a Job whose event may have got lost. If the Job has ended, what is not there is gone."""
        labels = f"{JOB_NAME_LABEL}={flight.name}"
        try:
            pods = [
                pod async for pod in self._kube.list(path("pods", flight.namespace), labels=labels)
            ]
        except ApiError:
            if flight.failed_at is None:
                flight.overheard = True
            flight.sought = False
            raise
        for pod in pods:
            self._arrivals.pod("MODIFIED", pod)
        if not flight.settled and flight.failed_at is not None:
            self._arrivals.settle(flight, Finished(None, faults.GONE))

    async def _ask_job(self, flight: Flight) -> None:
        said = await self._lookups.warnings(flight.namespace, "Job", flight.name)
        if flight.pod is None and not flight.settled and said:
            self._give_up(flight, faults.pod_refused(said))

    async def _ask_pod(self, flight: Flight) -> None:
        said = await self._lookups.warnings(flight.namespace, "Pod", str(flight.pod))
        if flight.trouble is None and flight.pending:
            flight.trouble = faults.stuck(said)

    def _clear(self, flight: Flight, now: float, spawn: Spawn) -> None:
        """Delete a Job once what it brought stands in every member's status."""
        if flight.deleted_at is not None and now - flight.deleted_at > FORGET:
            self._flights.drop(flight)
        members = self._arrivals.members(flight)
        if flight.deleting or any(t.busy or t.stale for t in members):
            return
        unsaid = [tenant for tenant in members if tenant.unsaid and self._store.is_due(tenant)]
        for tenant in unsaid:
            spawn(self._store.write(tenant), tenant)
        if not unsaid:
            flight.deleting = True
            spawn(self._delete(flight))

    async def _delete(self, flight: Flight) -> None:
        try:
            await self._kube.delete(path("jobs", flight.namespace, flight.name, JOBS), flight.uid)
        except ApiError:
            flight.deleting = False
            raise
        # It is forgotten when its own DELETED event comes: until then, events that are still on their way
        # must not pass for news of a Job that nobody knows.
        flight.deleted_at = self._clock.now()

    async def _delete_leftover(self, leftover: Leftover) -> None:
        """Delete a Job that counts for nothing."""
        logger.info("%s: the Job %s is nobody's here: deleted", leftover.namespace, leftover.name)
        url = path("jobs", leftover.namespace, leftover.name, JOBS)
        await self._kube.delete(url, leftover.uid)
        self._arrivals.leftovers.forget(leftover.uid)
