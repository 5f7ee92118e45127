"""What the cluster says of claims: namespaced lists, kept for seconds. Nothing is watched for this."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from baileys_janitor.controller import faults
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.faults import Fault
from baileys_janitor.controller.kube import ApiError, Kube, path
from baileys_janitor.controller.placement import Place, Users, attached_nodes
from baileys_janitor.controller.tenant import Tenant

Object = dict[str, Any]
T = TypeVar("T")

STORAGE = "/apis/storage.k8s.io/v1"
BRIEFLY = 10.0
"""Seconds that lists of pods and claims are kept: a scan's pod may start this late at the right node."""
LONG = 600.0
"""Seconds for what hardly changes: storage classes."""


class Lookups:
    """Cached reads of pods, claims, attachments and storage classes."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}

    async def place(self, tenant: Tenant) -> tuple[Place | None, Fault | None, bool]:
        """Return where this tenant's Job must run, or why it cannot; and whether a pod uses the claim.

        Raises ApiError when the API server does not answer.
        """
        assert tenant.effective is not None
        name = tenant.effective.claim_name
        claims, users = await asyncio.gather(
            self._claims(tenant.namespace), self._users(tenant.namespace)
        )
        claim = claims.get(name)
        user = users.by_claim.get(name)
        waits = claim is not None and await self._waits_for_consumer(claim)
        fault = faults.of_claim(claim, name, waits)
        if fault is None and claim is not None:
            fault = faults.exclusive_claim(claim, user is not None)
        if fault is not None or claim is None:
            return None, fault, user is not None
        if user is not None:
            tenant.owner = user.identity
            identity = user.identity.overridden(tenant.effective.job)
            return Place(user.node, "", identity, user.tolerations), None, True
        volume = str((claim.get("spec") or {}).get("volumeName") or "")
        node = (await self._attachments()).get(volume)
        identity = tenant.owner.overridden(tenant.effective.job)
        return Place(node, "" if node else volume, identity), None, False

    async def warnings(self, namespace: str, kind: str, name: str) -> str:
        """Return the newest warning event's message about an object, or an empty string."""
        fields = f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
        try:
            events = [e async for e in self._kube.list(path("events", namespace), fields=fields)]
        except ApiError:
            return ""
        events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
        return str(events[-1].get("message") or "") if events else ""

    def forget(self, namespace: str) -> None:
        """Drop what is kept of a namespace: it has just proved wrong."""
        for what in ("pods", "claims"):
            self._kept.pop((what, namespace), None)

    async def _users(self, namespace: str) -> Users:
        async def read() -> Users:
            users = Users()
            async for pod in self._kube.list(path("pods", namespace)):
                users.add([pod])
            return users

        return await self._cached(("pods", namespace), BRIEFLY, read)

    async def _claims(self, namespace: str) -> dict[str, Object]:
        async def read() -> dict[str, Object]:
            url = path("persistentvolumeclaims", namespace)
            return {c["metadata"]["name"]: _slim(c) async for c in self._kube.list(url)}

        return await self._cached(("claims", namespace), BRIEFLY, read)

    async def _attachments(self) -> dict[str, str]:
        async def read() -> dict[str, str]:
            url = path("volumeattachments", group=STORAGE)
            return attached_nodes([a async for a in self._kube.list(url)])

        try:
            return await self._cached("attachments", BRIEFLY, read)
        except ApiError as error:
            # A namespaced installation may not read them; the scheduler then goes by the volume's affinity.
            if error.status == 403:
                return {}
            raise

    async def _waits_for_consumer(self, claim: Object) -> bool:
        if (claim.get("status") or {}).get("phase") != "Pending":
            return False
        name = (claim.get("spec") or {}).get("storageClassName")
        if not name:
            return False

        async def read() -> bool:
            found = await self._kube.get(path("storageclasses", name=name, group=STORAGE))
            return found.get("volumeBindingMode") == "WaitForFirstConsumer"

        try:
            return await self._cached(("class", name), LONG, read)
        except ApiError as error:
            if error.status in {403, 404}:
                # Unknown: calling it a fault would hold back a GitOps wave that only waits for its workload.
                return error.status == 403
            raise

    async def _cached(self, key: Hashable, seconds: float, read: Callable[[], Awaitable[T]]) -> T:
        """Return what `read` gave within the last `seconds`; callers at the same time share one read."""
        now = self._clock.now()
        kept = self._kept.get(key)
        if kept is None or kept[0] <= now or (kept[1].done() and kept[1].exception()):
            self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            kept = now + seconds, asyncio.ensure_future(read())
            self._kept[key] = kept
        try:
            # Shielded: one caller's cancellation must not end the others' read.
            return cast(T, await asyncio.shield(kept[1]))
        except BaseException:
            if self._kept.get(key) is kept:
                del self._kept[key]
            raise


def _slim(claim: Object) -> Object:
    spec = claim.get("spec") or {}
    meta = claim["metadata"]
    return {
        "metadata": {"name": meta["name"], "deletionTimestamp": meta.get("deletionTimestamp")},
        "spec": {k: spec.get(k) for k in ("accessModes", "storageClassName", "volumeName")},
        "status": {"phase": (claim.get("status") or {}).get("phase")},
    }
