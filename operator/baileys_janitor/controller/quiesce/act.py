"""Carries out the decided steps: reads the workload and the pods, scales, and writes the results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from baileys_janitor.api.operations.status import FAILED
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.cluster_reads import ALIVE, OTHERS
from baileys_janitor.controller.jobs.launch import JOBS
from baileys_janitor.controller.jobs.tracker import OPERATION_LABEL, has_ended
from baileys_janitor.controller.kube.client import ApiError, Kube, path
from baileys_janitor.controller.quiesce.hold import Hold
from baileys_janitor.controller.quiesce.store import HoldStore
from baileys_janitor.quiesce import machine, wording, workload
from baileys_janitor.quiesce.limits import TIMED_OUT
from baileys_janitor.quiesce.machine import LATE_SECONDS, Situation, next_step
from baileys_janitor.quiesce.record import FOUGHT, GONE, STOPPED_BY_OTHERS, QuiesceRecord
from baileys_janitor.quiesce.workload import MANAGER, PLURALS, SCALE, Workload

Object = dict[str, Any]
logger = logging.getLogger("janitor.quiesce")

APPS = "/apis/apps/v1"
POLL_SECONDS = 2.0
"""Seconds between two checks of pods that are terminating."""
WATCH_SECONDS = 20.0
"""Seconds between two checks of a stopped workload: whether somebody has started it again."""
END_SECONDS = 120.0
"""Maximum seconds that the start of a workload waits for the end of the operation's Jobs."""
STEPS_MAX = 12
"""Maximum number of steps in one pass; further ones follow in the next."""
DELETED = "Deleted"
UNKNOWN = "?"
"""Stands for pods while the operator does not know the claim."""
UNKNOWN_SAID = (
    "The operator does not know the tenant (yet), so the pods that use its claim are unknown."
)
FORBIDDEN = (
    "Forbidden",
    (
        "The operator may not stop workloads in this namespace: list it in the chart's quiesce.namespaces, or use the "
        "method Manual."
    ),
)


class Actor:
    """Carries out steps for holds, one pass after the other.

    Args:
        claims: gives the claim of a tenant by namespace and name, None for one that is not known, and the claims of all
            other tenants of the namespace, once for each.
        at_work: returns whether a step for an operation is under way, by its uid, such as the creation of its Job.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        store: HoldStore,
        claims: Callable[[str, str], tuple[str | None, Iterable[str]]],
        at_work: Callable[[str], bool],
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._store = store
        self._claims = claims
        self._at_work = at_work

    async def advance(self, hold: Hold) -> None:
        """Carry out steps until there is something to wait for. Raises ApiError if it is to be tried again later."""
        hold.again = self._clock.now() + WATCH_SECONDS
        if not hold.wanted and not hold.holds:
            return
        for _ in range(STEPS_MAX):
            now = self._clock.now()
            if not hold.resume:
                hold.resume = self._why_resume(hold, now)
            try:
                found = await self._workload(hold)
            except ApiError as error:
                if error.status != 403:
                    raise
                if not hold.holds:
                    self._fail(hold, *FORBIDDEN)
                    return
                if not await self._is_going(hold.namespace):
                    raise
                # The right to start it was deleted with the namespace, and so is the workload. The operation is deleted
                # as well, even if that is not seen: reading it may be forbidden by now.
                hold.deleting = True
                hold.resume = hold.resume or DELETED
                found = None
            pods = () if hold.resume else await self._pods(hold)
            step = next_step(
                Situation(hold.record, hold.held, found, pods, bool(hold.resume), hold.unsure, now)
            )
            if found is None and self._is_unknown(hold):
                self._fail(hold, "WorkloadNotFound", workload.refusal(None, "", (), accepted=False))
            elif not await self._take(hold, step):
                return
        hold.again = self._clock.now()

    def _why_resume(self, hold: Hold, now: float) -> str:
        if hold.deleting:
            return DELETED
        if not hold.wanted and (hold.record is None or not hold.record.holds):
            # Only the finalizer is left.
            return "NotWanted"
        if hold.phase == FAILED or hold.is_done:
            # The reason to stop it is over; an operator may have ended before it could start it again.
            return hold.phase
        why = hold.request.limits.why_resume(hold.record, hold.begun, hold.quiet_once, now)
        if why == TIMED_OUT and hold.failed is None:
            self._fail(
                hold,
                TIMED_OUT,
                f"{hold.waits or 'The claim is still in use.'} "
                "It may be on a node that is lost, or belong to another workload.",
            )
        return why

    @staticmethod
    def _is_unknown(hold: Hold) -> bool:
        """Return whether a missing workload was never recorded, so that its name must be wrong."""
        return bool(hold.request.kind) and hold.record is None and not hold.resume

    async def _workload(self, hold: Hold) -> Workload | None:
        kind, name = hold.request.kind, hold.request.workload
        if not kind:
            return None
        try:
            found = await self._kube.get(path(PLURALS[kind], hold.namespace, name, APPS))
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        return workload.read(kind, found)

    async def _is_going(self, namespace: str) -> bool:
        """Return whether a namespace is being deleted, with everything in it."""
        try:
            found = await self._kube.get(path("namespaces", name=namespace))
        except ApiError as error:
            if error.status == 404:
                return True
            if error.status != 403:
                raise
            return False
        return bool(found["metadata"].get("deletionTimestamp"))

    async def _pods(self, hold: Hold) -> tuple[str, ...]:
        claim, _ = self._claims(hold.namespace, hold.tenant)
        if claim is None:
            return (UNKNOWN,)
        listed = self._kube.list(path("pods", hold.namespace), labels=OTHERS, fields=ALIVE)
        return tuple(workload.pods_using(claim, [pod async for pod in listed]))

    async def _take(self, hold: Hold, step: machine.Step) -> bool:
        """Carry out a step; return whether the next one is due at once."""
        now = self._clock.now()
        match step:
            case machine.Record(found):
                return await self._record(hold, found, now)
            case machine.Hold():
                await self._store.hold(hold)
            case machine.Scale(found, replicas):
                return await self._scale(hold, found, replicas)
            case machine.Confirm():
                assert hold.record is not None
                if await self._store.save(hold, replace(hold.record, stopped=now)):
                    hold.unsure = 0.0
            case machine.Quiet(first):
                return await self._quiet(hold, first, now)
            case machine.Wait(pods, until):
                hold.quiet = False
                hold.waits = _waits(pods) or hold.waits
                hold.again = now + POLL_SECONDS if until is None else until
                return False
            case machine.End(outcome, managers):
                await self._end(hold, outcome, managers)
            case machine.Release():
                await self._store.release(hold)
            case machine.Over():
                hold.over = True
                if hold.record is not None:
                    # If somebody else has removed the finalizer, as before an uninstallation, no reason is stored.
                    why = hold.resume or hold.record.outcome
                    self._fail(hold, why, wording.ended(hold.record, ()))
                return False
        return True

    async def _record(self, hold: Hold, found: Workload, now: float) -> bool:
        if hold.record is None or not hold.record.holds:
            claim, others = self._claims(hold.namespace, hold.tenant)
            if claim is None:
                # An operator that starts may know of the operation before it knows of the tenant.
                hold.waits, hold.again = UNKNOWN_SAID, now + POLL_SECONDS
                return False
            refused = workload.refusal(found, claim, others, accepted=hold.request.accepted)
            if refused:
                self._fail(hold, "Refused", refused)
                return False
        since = now if hold.record is None else hold.record.since
        record = QuiesceRecord(found.kind, found.name, found.uid, found.replicas, since)
        await self._store.save(hold, record)
        return True

    async def _scale(self, hold: Hold, found: Workload, replicas: int) -> bool:
        """Scale exactly the version that was read; return whether the next step is due at once.

        A request without an answer may be carried out, now or later.
        """
        now = self._clock.now()
        if replicas and not await self._has_ended(hold, now):
            hold.again = now + POLL_SECONDS
            return False
        url = f"{path(PLURALS[found.kind], hold.namespace, found.name, APPS)}/{SCALE}"
        body = {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {
                "name": found.name,
                "namespace": hold.namespace,
                "uid": found.uid,
                "resourceVersion": found.version,
            },
            "spec": {"replicas": replicas},
        }
        before, hold.unsure = hold.unsure, self._clock.now() + LATE_SECONDS
        try:
            await self._kube.replace(url, body, MANAGER)
        except ApiError as error:
            if 400 <= error.status < 500:
                # Refused, so it will never be carried out.
                hold.unsure = before
            if error.status == 403 and not replicas:
                self._fail(hold, *FORBIDDEN)
            elif error.status not in (404, 409):
                raise
        else:
            logger.info("%s: scaled %s/%s to %d", hold.text, found.kind, found.name, replicas)
        return True

    async def _has_ended(self, hold: Hold, now: float) -> bool:
        """End the operation's Jobs that use the claim; return whether they are over, or have taken too long.

        A pod on a lost node never ends: the workload does not wait for it.
        """
        if not hold.is_around or now >= (hold.resume_since or now) + END_SECONDS:
            return True
        if self._at_work(hold.uid) and not hold.is_done:
            return False
        running = await self._end_jobs(hold)
        labels = f"{OPERATION_LABEL}={hold.uid}"
        pods = self._kube.list(path("pods", hold.namespace), labels=labels, fields=ALIVE)
        return not (running or [pod async for pod in pods])

    async def _end_jobs(self, hold: Hold) -> bool:
        """Delete the Jobs of an operation that are under way; return whether there were any."""
        if not hold.is_around:
            return False
        labels = f"{OPERATION_LABEL}={hold.uid}"
        jobs = self._kube.list(path("jobs", hold.namespace, group=JOBS), labels=labels)
        running = [job["metadata"] async for job in jobs if not has_ended(job)]
        for meta in running:
            if not meta.get("deletionTimestamp"):
                logger.info("%s: its Job %s is ended first", hold.text, meta["name"])
                url = path("jobs", hold.namespace, meta["name"], JOBS)
                await self._kube.delete(url, meta["uid"])
        return bool(running)

    async def _quiet(self, hold: Hold, first: bool, now: float) -> bool:
        if first:
            assert hold.record is not None
            if not await self._store.save(hold, replace(hold.record, quiet=now)):
                return True
        hold.quiet = hold.quiet_once = True
        hold.waits = ""
        hold.again = min(
            now + WATCH_SECONDS,
            hold.request.limits.next_time(hold.record, hold.begun, hold.quiet_once),
        )
        return False

    async def _end(self, hold: Hold, outcome: str, managers: tuple[str, ...]) -> None:
        assert hold.record is not None
        if outcome == FOUGHT:
            await self._end_jobs(hold)
        record = replace(hold.record, outcome=outcome)
        if await self._store.save(hold, record, managers):
            logger.info("%s: %s", hold.text, wording.ended(record, managers))
            if outcome not in (GONE, STOPPED_BY_OTHERS) and not hold.resume:
                self._fail(hold, outcome, wording.ended(record, managers))

    @staticmethod
    def _fail(hold: Hold, reason: str, message: str) -> None:
        hold.quiet = False
        if hold.failed is None:
            hold.failed = reason, message
        hold.resume = hold.resume or reason


def _waits(pods: tuple[str, ...]) -> str:
    """Return the sentence about the pods that block the operation; empty without pods."""
    if pods == (UNKNOWN,):
        return UNKNOWN_SAID
    return wording.waiting(pods) if pods else ""
