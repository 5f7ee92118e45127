"""Writes operations: a status against a known version only, the owner reference, and deletions from the history."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from baileys_janitor.api.config.config import OperationHistory
from baileys_janitor.api.names import KIND, OPERATION_KIND, OPERATION_PLURAL
from baileys_janitor.api.operations.status import BEFORE, PENDING, WORKING
from baileys_janitor.api.values import decoding
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.manifest import owner_reference
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.kube.client import TENANTS, ApiError, Kube, path
from baileys_janitor.controller.operations import progress
from baileys_janitor.controller.operations.cache import Ended, OperationCache, surplus
from baileys_janitor.controller.operations.record import READER, Key, OperationRecord
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.status.changes import ChangeBus, OperationChanged, Regarding
from baileys_janitor.status.compose import merge_patch
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.operations")

SWEEP_SECONDS = 3600.0
"""Seconds between two checks of all finished operations for those that are too old."""
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 5.0, 300.0
"""Pause before a failed write is tried again: the first, and the longest."""


class OperationStore:
    """The operations in the API server."""

    def __init__(
        self,
        kube: Kube,
        cache: OperationCache,
        clock: Clock,
        find: Callable[[Key], TenantRecord | None],
        bus: ChangeBus,
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._clock = clock
        self._find = find
        self._bus = bus

    async def write(self, operation: OperationRecord) -> bool:
        """Write the wanted status; return False if it is not stored, so that no action that needs it may follow.

        It is written against the known version: a status that another operator has written meanwhile is not
        overwritten, and the operation is decided on again.
        """
        wanted = operation.wanted
        if wanted is None:
            return True
        patch = merge_patch(operation.status, wanted)
        if not patch:
            operation.wanted = None
            return True
        version = {"resourceVersion": operation.version, "uid": operation.uid}
        before = operation.status.get("phase")
        try:
            body = await self._kube.patch(
                self._url(operation) + "/status", {"metadata": version, "status": patch}
            )
        except ApiError as error:
            self._failed(operation, error)
            return False
        self._stored(operation, body)
        if _has_begun(str(before or PENDING), operation.phase):
            self._publish(operation, WORKING)
        elif operation.ended:
            self._publish(operation, operation.phase)
        return True

    async def own(self, operation: OperationRecord, tenant: TenantRecord) -> bool:
        """Make the tenant the operation's owner, so that both are deleted together; False if that was not written."""
        if any(each.get("uid") == tenant.uid for each in operation.owners):
            return True
        own = owner_reference(tenant.name, tenant.uid)
        others = [each for each in operation.owners if each.get("controller") is not True]
        meta = {
            "resourceVersion": operation.version,
            "uid": operation.uid,
            "ownerReferences": [*others, own],
        }
        try:
            body = await self._kube.patch(self._url(operation), {"metadata": meta})
        except ApiError as error:
            self._failed(operation, error)
            return False
        operation.take(body)
        return True

    async def reload(self, operation: OperationRecord) -> None:
        """Read an operation again whose stored status is unknown."""
        try:
            body = await self._kube.get(self._url(operation))
        except ApiError as error:
            self._failed(operation, error)
            return
        operation.doubtful = False
        if decoding.part(body, "metadata").get("uid") != operation.uid:
            self._cache.forget(operation.key, operation.uid)
            return
        operation.version = ""
        self._cache.observe(body, self._clock.now())

    async def delete(self, namespace: str, ended: Ended) -> None:
        """Delete a finished operation that is not kept any longer."""
        url = path(OPERATION_PLURAL, namespace, ended.name, TENANTS)
        await self._kube.delete(url, ended.uid)

    def _stored(self, operation: OperationRecord, body: Object) -> None:
        operation.failures = 0
        operation.wanted = None
        status = READER.read(decoding.mapping(body.get("status")))
        version = decoding.text(decoding.part(body, "metadata").get("resourceVersion"))
        operation.status, operation.version = status, version
        if operation.ended and self._cache.active.get(operation.key) is operation:
            self._cache.end(operation)

    def _publish(self, operation: OperationRecord, phase: str) -> None:
        """Publish that an operation has begun, or how it has ended, once that is stored."""
        about = [Regarding(OPERATION_KIND, operation.name, operation.uid, operation.version)]
        tenant = self._find(operation.tenant_key)
        if tenant is not None:
            about.append(Regarding(KIND, tenant.name, tenant.uid, tenant.resource.version))
        self._bus.publish(
            OperationChanged(
                operation.namespace,
                operation.name,
                operation.tenant_name,
                operation.action or "Unknown",
                phase,
                progress.reason_of(operation.status),
                str(operation.status.get("message") or ""),
                tuple(about),
            )
        )

    def _failed(self, operation: OperationRecord, error: ApiError) -> None:
        now = self._clock.now()
        if error.status == 404 and error.about == operation.name:
            self._cache.forget(operation.key, operation.uid)
            return
        if error.status != 409:
            logger.warning("%s: the operation could not be written: %s", operation.text, error)
        operation.doubtful = True
        if error.status != 409 or operation.failures:
            pause = backoff_seconds(operation.failures, RETRY_SECONDS, LONGEST_RETRY_SECONDS)
            operation.wait(now + pause)
        operation.failures += 1

    @staticmethod
    def _url(operation: OperationRecord) -> str:
        return path(OPERATION_PLURAL, operation.namespace, operation.name, TENANTS)


class History:
    """The finished operations, of which a tenant's last ones are kept for a while."""

    def __init__(
        self, cache: OperationCache, store: OperationStore, kept: OperationHistory, now: float
    ) -> None:
        self._cache = cache
        self._store = store
        self._kept = kept
        self._sweep_at = now + SWEEP_SECONDS
        self._swept: set[Key] = set()
        """Tenants with an operation that has finished since the last check."""

    def look_at(self, tenant: Key) -> None:
        """Check a tenant's operations: one may have finished."""
        self._swept.add(tenant)

    def shift(self, step: float) -> None:
        """Move the times with the clock, which was set by `step` seconds."""
        self._sweep_at += step

    def sweep(self, now: float, spawn: Spawn, is_held: Callable[[str], bool]) -> None:
        """Delete finished operations that are not kept any longer, except one that may hold a workload."""
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            self._swept.update(self._cache.tenants_with_ended())
        swept, self._swept = self._swept, set()
        for key in swept:
            ended = self._cache.ended_of(key)
            for each in surplus(ended, self._kept.keep, self._kept.max_age.seconds, now):
                if not is_held(each.uid):
                    spawn(self._store.delete(key[0], each))


def _has_begun(before: str, phase: str) -> bool:
    return before == PENDING and phase in {*BEFORE, WORKING}
