"""Manages all stopped workloads: an operation continues until its workload runs again, even if the operator is
replaced.

Part of the reconciler, whose loop calls `look`. The finalizer and the status show that an operation holds a workload,
so an operator that starts adopts all of them before anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from baileys_janitor.api import bounded
from baileys_janitor.api.names import OPERATION_PLURAL
from baileys_janitor.api.values.timestamps import from_rfc3339
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path
from baileys_janitor.controller.quiesce.act import Actor
from baileys_janitor.controller.quiesce.hold import UID_MAX, Hold, Key
from baileys_janitor.controller.quiesce.requests import request_of
from baileys_janitor.controller.quiesce.store import HoldStore
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.quiesce import wording
from baileys_janitor.quiesce.machine import LATE_SECONDS
from baileys_janitor.quiesce.record import QuiesceRecord
from baileys_janitor.schedule.backoff import backoff_seconds

Object = dict[str, Any]
logger = logging.getLogger("janitor.quiesce")

RETRY_SECONDS, LONGEST_RETRY_SECONDS = 1.0, 30.0
"""Pause before a failed step is tried again: the first, and the longest. A workload may be down meanwhile."""
CRASH_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Progress:
    """An operation's progress. `failed` is a reason; `message` is a sentence about the reason to wait, or of the
    failure.
    """

    quiet: bool = False
    failed: str = ""
    message: str = ""
    held: bool = False
    """Whether a workload may still be down because of it."""
    resuming: str = ""
    """Why the workload is to be started again; empty while it may be stopped."""
    record: QuiesceRecord | None = None
    """The workload that it has stopped."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A workload that we have stopped; `overdue`: for how many seconds it should have been started again."""

    namespace: str
    tenant: str
    workload: str
    overdue: float


class QuiesceManager:
    """Events come through `observe` and `forget`; `changed` is called with a tenant whose operation has made progress.

    `at_work` returns whether a step for an operation is under way, by its uid, such as the creation of its Job.
    """

    def __init__(
        self,
        kube: Kube,
        clock: Clock,
        tenants: TenantCache,
        changed: Callable[[Key], None],
        nudge: Callable[[], None],
        crashes: CrashHandler,
        at_work: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._tenants = tenants
        self._changed = changed
        self._nudge = nudge
        self._crashes = crashes
        self._store = HoldStore(kube, clock)
        self._actor = Actor(kube, clock, self._store, self._claims, at_work)
        self._holds: dict[str, Hold] = {}
        """By the uid of the operation."""

    # Events

    async def adopt(
        self, namespaces: Sequence[str], take: Callable[[Object], None] | None = None
    ) -> bool:
        """Adopt the workloads that earlier operators have stopped, before anything else; False if they cannot be
        listed.

        `take` is called with each operation, in place of `observe`.
        """
        complete = True
        watched: list[str | None] = [*namespaces] or [None]
        for namespace in watched:
            url = path(OPERATION_PLURAL, namespace, group=TENANTS)
            try:
                async for body in self._kube.list(url):
                    (take or self.observe)(body)
            except ApiError as error:
                # The watch delivers them as well, once they can be read.
                complete = complete and error.status == 404
                logger.warning("The operations could not be listed: %s", error)
        return complete

    def observe(self, body: Object) -> None:
        """Process an operation that was added or changed."""
        meta = bounded.part(body, "metadata")
        uid = bounded.text(meta.get("uid"), UID_MAX)
        known = self._holds.get(uid)
        if known is not None:
            if not known.busy and _newer(meta, known):
                known.take(body)
                known.hurry()
            elif meta.get("deletionTimestamp"):
                known.deleting = True
                known.hurry()
            return
        fresh = self._read(body)
        if fresh.holds or fresh.awaited:
            fresh.unsure = self._clock.now() + LATE_SECONDS if fresh.record is not None else 0.0
            self._holds[uid] = fresh

    def forget(self, uid: str) -> None:
        """Record that an operation is gone. Its stopped workload is started again all the same."""
        hold = self._holds.get(uid)
        if hold is not None:
            self._store.lost(hold)
            hold.hurry()

    def _read(self, body: Object) -> Hold:
        meta, spec = bounded.part(body, "metadata"), bounded.part(body, "spec")
        status = bounded.part(body, "status")
        hold = Hold(
            namespace=bounded.text(meta.get("namespace")),
            name=bounded.text(meta.get("name")),
            uid=bounded.text(meta.get("uid"), UID_MAX),
            tenant=bounded.text(spec.get("tenant")),
            begun=from_rfc3339(status.get("startTime")) or self._clock.now(),
            request=request_of(spec),
        )
        hold.take(body)
        return hold

    def _claims(self, namespace: str, tenant: str) -> tuple[str | None, Iterable[str]]:
        claim, others = None, []
        for key, record in self._tenants.tenants.items():
            if key[0] != namespace or record.effective is None:
                continue
            if key[1] == tenant:
                claim = record.effective.claim_name
            else:
                others.append(record.effective.claim_name)
        return claim, others

    # Requests

    def want(self, uid: str) -> Progress:
        """Make the claim of an operation's tenant quiet, and keep it so; return the progress. Call again for the later
        progress.

        The operation must be stored with the phase Working.
        """
        hold = self._holds.get(uid)
        if hold is None:
            return Progress()
        if not hold.wanted:
            hold.wanted = True
            hold.hurry()
        return _progress(hold)

    def resume_of(self, uid: str, why: str) -> Progress | None:
        """Start again the workload that was stopped for one operation; return the progress, None if nothing was
        stopped.
        """
        hold = self._holds.get(uid)
        if hold is None:
            return None
        if not hold.resume:
            hold.resume = why
            hold.hurry()
        return _progress(hold)

    def resume(self, tenant: Key, why: str) -> list[str]:
        """Start again every workload stopped for a tenant; return the operations that still hold it."""
        found = [
            hold
            for hold in self._holds.values()
            if (hold.namespace, hold.tenant) == tenant and (hold.holds or hold.wanted)
        ]
        for hold in found:
            if not hold.resume:
                hold.resume = why
                hold.hurry()
        return sorted(hold.name for hold in found if hold.holds)

    def resume_everything(self, why: str) -> list[str]:
        """Start again every stopped workload; return the operations that still hold something."""
        for hold in self._holds.values():
            hold.resume = hold.resume or why
        return sorted(hold.text for hold in self._holds.values() if hold.holds)

    def let_go(self, uid: str) -> None:
        """Stop waiting for an operation that holds nothing."""
        hold = self._holds.get(uid)
        if hold is not None:
            hold.wanted = False
            hold.hurry()

    def is_held(self, uid: str) -> bool:
        """Return whether an operation may hold a workload, so that it must not be deleted."""
        hold = self._holds.get(uid)
        return hold is not None and hold.holds

    def stopped(self, now: float) -> list[Stopped]:
        """Return the workloads that we have stopped, overdue ones first."""
        found = [
            Stopped(hold.namespace, hold.tenant, wording.named(hold.record), hold.overdue(now))
            for hold in self._holds.values()
            if hold.record is not None and hold.record.holds and hold.record.stopped is not None
        ]
        return sorted(found, key=lambda each: -each.overdue)

    # The loop

    def look(self, now: float, spawn: Spawn) -> None:
        """Start due steps."""
        for hold in list(self._holds.values()):
            if not hold.busy and hold.again <= now:
                hold.busy = True
                spawn(self._advance(hold))

    def next_due(self) -> float | None:
        """Return when something is due next; None while nothing is held."""
        return min((each.again for each in self._holds.values() if not each.busy), default=None)

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds, except stored ones."""
        for hold in self._holds.values():
            hold.again += step if hold.again else 0.0
            hold.unsure += step if hold.unsure else 0.0

    async def _advance(self, hold: Hold) -> None:
        before = (hold.quiet, hold.failed, hold.waits, hold.holds, hold.over)
        hold.again, hold.hurried = self._clock.now() + CRASH_PAUSE_SECONDS, False
        try:
            await self._actor.advance(hold)
            hold.failures = 0
        except ApiError as error:
            logger.warning("%s: %s", hold.text, error)
            hold.failures += 1
            hold.again = self._clock.now() + backoff_seconds(
                hold.failures - 1, RETRY_SECONDS, LONGEST_RETRY_SECONDS
            )
        finally:
            hold.busy = False
            if hold.hurried:
                hold.again = 0.0
            if hold.resume and hold.resume_since is None:
                hold.resume_since = self._clock.now()
            if not hold.holds and not hold.wanted and not hold.awaited:
                self._holds.pop(hold.uid, None)
            if before != (hold.quiet, hold.failed, hold.waits, hold.holds, hold.over):
                self._changed((hold.namespace, hold.tenant))
            # The loop did not include it while it was busy.
            self._nudge()


def _progress(hold: Hold) -> Progress:
    return Progress(
        quiet=hold.quiet and not hold.resume,
        failed=hold.failed[0] if hold.failed is not None else "",
        message=hold.failed[1] if hold.failed is not None else hold.waits,
        held=hold.holds,
        resuming=hold.resume,
        record=hold.record,
    )


def _newer(meta: Object, known: Hold) -> bool:
    """Return whether an event is newer than the known state."""
    try:
        return int(bounded.text(meta.get("resourceVersion"))) > int(known.version)
    except ValueError:
        return True
