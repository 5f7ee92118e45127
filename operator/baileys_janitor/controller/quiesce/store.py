"""Stores holds: the record into the operation's status, and the finalizer, each against a known version."""

from __future__ import annotations

from typing import Any, Final

from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.api.names import OPERATION_PLURAL
from baileys_janitor.api.operations.status import COMPLETED
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path
from baileys_janitor.controller.quiesce.hold import FINALIZER, Hold, encode
from baileys_janitor.quiesce import wording
from baileys_janitor.quiesce.record import FOUGHT, QuiesceRecord

Object = dict[str, Any]
QUIESCED: Final = "Quiesced"
"""The condition that is True while nothing uses the claim and nothing will."""


class HoldStore:
    """The operations in the API server, as far as they hold workloads."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock

    async def save(self, hold: Hold, record: QuiesceRecord, managers: tuple[str, ...] = ()) -> bool:
        """Store a record; return False if it was not stored because another write came first.

        Raises ApiError if that is unknown.
        """
        if hold.orphaned:
            hold.record = record
            return True
        now = self._clock.now()
        status: Object = {"quiesce": encode(record, now if record.outcome else None)}
        conditions = Conditions(list(hold.conditions), hold.generation, now)
        quiet, message = record.quiet is not None and record.holds, wording.ended(record, managers)
        conditions.set(
            QUIESCED, quiet, record.outcome or ("Stopped" if quiet else "Stopping"), message
        )
        for each in hold.conditions:
            conditions.keep(str(each.get("type")))
        if record.outcome == FOUGHT:
            conditions.set(FOUGHT, True, FOUGHT, message)
        status["conditions"] = conditions.items()
        if record.outcome and hold.phase == COMPLETED:
            # The message states that the workload is stopped, and nobody else updates it any more.
            status["message"] = message
        written = await self._patch(hold, {"status": status}, "/status")
        if written:
            hold.record = record
        return written

    async def hold(self, hold: Hold) -> bool:
        """Add the finalizer; return False if that was not possible."""
        listed = [*hold.finalizers, FINALIZER]
        try:
            return await self._patch(hold, {"metadata": {"finalizers": listed}}) and hold.held
        except ApiError as error:
            # An operation that is being deleted accepts no new finalizers.
            if error.status != 422:
                raise
            await self.reload(hold)
            hold.deleting = True
            return False

    async def release(self, hold: Hold) -> bool:
        """Remove the finalizer."""
        if hold.orphaned:
            hold.held = False
            return True
        listed = [each for each in hold.finalizers if each != FINALIZER]
        return await self._patch(hold, {"metadata": {"finalizers": listed or None}})

    async def reload(self, hold: Hold) -> None:
        """Read the operation again."""
        try:
            body = await self._kube.get(self._url(hold))
        except ApiError as error:
            if error.status != 404:
                raise
            self.lost(hold)
            return
        if body["metadata"].get("uid") != hold.uid:
            self.lost(hold)
        else:
            hold.take(body)

    def lost(self, hold: Hold) -> None:
        """Record that the operation is gone: its stopped workload is started again from memory."""
        hold.deleting = True
        hold.orphaned = True

    async def _patch(self, hold: Hold, body: Object, sub: str = "") -> bool:
        metadata = {
            "resourceVersion": hold.version,
            "uid": hold.uid,
            **(body.get("metadata") or {}),
        }
        try:
            found = await self._kube.patch(self._url(hold) + sub, {**body, "metadata": metadata})
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            await self.reload(hold)
            return False
        if found["metadata"].get("deletionTimestamp") and not found["metadata"].get("finalizers"):
            # That was the last finalizer: the object is gone.
            hold.held = False
            return True
        hold.take(found)
        return True

    @staticmethod
    def _url(hold: Hold) -> str:
        return path(OPERATION_PLURAL, hold.namespace, hold.name, TENANTS)
