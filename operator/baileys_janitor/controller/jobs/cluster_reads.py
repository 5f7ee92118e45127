"""Lists of claims and pods of a namespace, cached for seconds. Nothing is watched for this."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.jobs.locate import ClusterState
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from baileys_janitor.controller.jobs.placement import Claim, Users, attached_nodes, readiness
from baileys_janitor.controller.kube.client import CHUNK, ApiError, Kube, path
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
T = TypeVar("T")

STORAGE = "/apis/storage.k8s.io/v1"
FRESH_SECONDS = 10.0
"""Seconds that lists of pods and claims are cached: a scan's pod may reach the right node this late."""
PAGE_SECONDS = 1.0
"""Additional seconds for each further page of a list: expensive lists are read less often."""
NODE_SECONDS = 30.0
"""Seconds that the state of a node is cached."""
STORAGE_CLASSES_SECONDS = 600.0
"""Seconds for objects that rarely change: storage classes."""
ALIVE = "status.phase!=Succeeded,status.phase!=Failed"
"""Field selector of the pods that may use a claim."""
OTHERS = f"!{ACTION_LABEL}"
"""Label selector of the pods that are not the janitor's own."""


class _Claims(dict[str, Claim]):
    """The claims of a namespace by name; `edition` distinguishes one list from the next."""

    edition = 0


@dataclass(slots=True)
class _Kept(Generic[T]):
    """A read: under way while `until` is infinite, then cached until that time."""

    begun: float
    read: asyncio.Future[tuple[T, float]]
    until: float = math.inf
    usable: float = math.inf
    """Until when its value is returned while a new read is under way."""
    next: _Kept[T] | None = None
    """The read that replaces it."""
    listed: bool = False


class _Pages:
    """Passes a list on and counts its items: the length determines how long it is cached."""

    def __init__(self, listed: AsyncIterator[Object]) -> None:
        self._listed = listed
        self.seen = 0

    async def __aiter__(self) -> AsyncIterator[Object]:
        async for one in self._listed:
            self.seen += 1
            yield one

    @property
    def seconds(self) -> float:
        return FRESH_SECONDS + PAGE_SECONDS * (self.seen // CHUNK)


class ClusterReads:
    """Cached reads of pods, claims, attachments, storage classes and nodes."""

    def __init__(self, kube: Kube, clock: Clock) -> None:
        self._kube = kube
        self._clock = clock
        self._kept: dict[Hashable, _Kept[Any]] = {}
        self._editions = itertools.count(1)
        self._reading: set[asyncio.Future[Any]] = set()
        """Reads under way. Callers share them, so only `close` cancels them."""

    async def close(self) -> None:
        """Cancel the reads under way."""
        for read in self._reading:
            read.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def cluster(
        self, namespace: str, tenants: Iterable[TenantRecord], since: float = -math.inf
    ) -> ClusterState:
        """Return the objects needed to place these tenants of one namespace; lists from before `since` are read again.

        Raises ApiError if the API server does not answer.
        """
        # Wait for both, also if one fails: otherwise the other would continue after its caller.
        claims, users = await asyncio.gather(
            self._claims(namespace, since), self._users(namespace, since), return_exceptions=True
        )
        if isinstance(claims, BaseException):
            raise claims
        if isinstance(users, BaseException):
            raise users
        named = {t.effective.claim_name for t in tenants if t.effective is not None}
        unused = [claims[name] for name in named if name in claims and name not in users.by_claim]
        # Read both only if no pod shows the node.
        attached = await self._attachments() if unused else {}
        pending = {c.storage_class for c in unused if c.phase == "Pending" and c.storage_class}
        waiting = [name for name in pending if await self._waits_for_consumer(name)]
        doubted = {node for name in named for node in users.nodes_in_doubt(name)}
        doubted |= {attached[claim.volume] for claim in unused if claim.volume in attached}
        lost = [name for name in sorted(doubted) if not await self._is_alive(name)]
        return ClusterState(
            claims, users, attached, frozenset(waiting), frozenset(lost), claims.edition
        )

    async def events(self, namespace: str, kind: str, name: str) -> list[Object]:
        """Return the events about an object, newest last; none if they cannot be read."""
        fields = f"involvedObject.kind={kind},involvedObject.name={name}"
        try:
            events = [e async for e in self._kube.list(path("events", namespace), fields=fields)]
        except ApiError:
            return []
        return sorted(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))

    async def warnings(self, namespace: str, kind: str, name: str) -> str:
        """Return the newest warning event's message about an object, or an empty string."""
        events = await self.events(namespace, kind, name)
        said = [str(e.get("message") or "") for e in events if e.get("type") == "Warning"]
        return said[-1] if said else ""

    async def volumes(self, namespace: str) -> dict[str, str]:
        """Return the claim of each PersistentVolume that is bound to a claim of the namespace; none if they cannot be
        read."""
        try:
            claims = await self._claims(namespace)
        except ApiError:
            return {}
        return {claim.volume: name for name, claim in claims.items() if claim.volume}

    def forget(self, namespace: str) -> None:
        """Drop the cached lists of a namespace: they have just proved wrong."""
        for what in ("pods", "claims"):
            self._kept.pop((what, namespace), None)

    async def _users(self, namespace: str, since: float) -> Users:
        async def read() -> tuple[Users, float]:
            users = Users()
            pages = _Pages(self._kube.list(path("pods", namespace), labels=OTHERS, fields=ALIVE))
            async for pod in pages:
                users.add([pod])
            return users, pages.seconds

        return await self._cached(("pods", namespace), read, since, listed=True)

    async def _claims(self, namespace: str, since: float = -math.inf) -> _Claims:
        async def read() -> tuple[_Claims, float]:
            pages = _Pages(self._kube.list(path("persistentvolumeclaims", namespace)))
            found = _Claims({claim["metadata"]["name"]: Claim.of(claim) async for claim in pages})
            found.edition = next(self._editions)
            return found, pages.seconds

        return await self._cached(("claims", namespace), read, since, listed=True)

    async def _attachments(self) -> dict[str, str]:
        async def read() -> tuple[dict[str, str], float]:
            pages = _Pages(self._kube.list(path("volumeattachments", group=STORAGE)))
            try:
                return attached_nodes([one async for one in pages]), pages.seconds
            except ApiError as error:
                # A namespaced installation may not read them; the volume's own affinity is used instead.
                if error.status == 403:
                    return {}, STORAGE_CLASSES_SECONDS
                raise

        return await self._cached("attachments", read)

    async def _waits_for_consumer(self, name: str) -> bool:
        async def read() -> tuple[bool, float]:
            try:
                found = await self._kube.get(path("storageclasses", name=name, group=STORAGE))
            except ApiError as error:
                if error.status in {403, 404}:
                    # Unknown: reporting a fault would block a GitOps wave that only waits for its workload.
                    return (
                        error.status == 403,
                        STORAGE_CLASSES_SECONDS if error.status == 403 else FRESH_SECONDS,
                    )
                raise
            return found.get("volumeBindingMode") == "WaitForFirstConsumer", STORAGE_CLASSES_SECONDS

        return await self._cached(("class", name), read)

    async def _is_alive(self, node: str) -> bool:
        async def read() -> tuple[bool, float]:
            try:
                found = await self._kube.get(path("nodes", name=node))
            except ApiError as error:
                # If nodes cannot be read, assume that they are healthy.
                if error.status in {403, 404}:
                    return (
                        error.status == 403,
                        STORAGE_CLASSES_SECONDS if error.status == 403 else NODE_SECONDS,
                    )
                raise
            return readiness(found) == "True", NODE_SECONDS

        return await self._cached(("node", node), read)

    async def _cached(
        self,
        key: Hashable,
        read: Callable[[], Awaitable[tuple[T, float]]],
        since: float = -math.inf,
        *,
        listed: bool = False,
    ) -> T:
        """Return the result of `read` from `since` or later, cached for the seconds that it returns; callers share one
        read.

        A long list is read again while the old one still answers: otherwise all due work of a large namespace would
        wait for forty pages, every fifty seconds.
        """
        kept: _Kept[T] | None = self._kept.get(key)
        now = self._clock.now()
        if kept is not None and kept.until <= now and kept.next is None and kept.usable > now:
            kept.next = self._begin(read, listed=listed)
            kept.next.read.add_done_callback(partial(self._renewed, key, kept))
        if kept is not None and kept.begun < since:
            kept = kept.next
        if kept is None or kept.usable <= now or kept.begun < since:
            kept = self._kept[key] = self._begin(read, listed=listed)
        try:
            # Shielded: one caller's cancellation must not end the others' read.
            found, seconds = await asyncio.shield(kept.read)
        except BaseException:
            if self._kept.get(key) is kept:
                del self._kept[key]
            raise
        self._keep(kept, seconds)
        return found

    def _begin(self, read: Callable[[], Awaitable[tuple[T, float]]], *, listed: bool) -> _Kept[T]:
        begun: _Kept[T] = _Kept(self._clock.now(), asyncio.ensure_future(read()), listed=listed)
        self._reading.add(begun.read)
        begun.read.add_done_callback(self._reading.discard)
        return begun

    def _keep(self, kept: _Kept[Any], seconds: float) -> None:
        if kept.until == math.inf:
            now = self._clock.now()
            kept.until = now + seconds
            # A short list is read again by the next caller: that takes no time.
            again = seconds if kept.listed and seconds > FRESH_SECONDS else 0.0
            kept.usable = kept.until + again
            self._kept = {k: v for k, v in self._kept.items() if v.usable > now}

    def _renewed(self, key: Hashable, kept: _Kept[Any], read: asyncio.Future[Any]) -> None:
        """Replace the cached read by the new one; after a failure the next caller tries again."""
        renewed, kept.next = kept.next, None
        if read.cancelled() or read.exception() is not None or self._kept.get(key) is not kept:
            return
        assert renewed is not None
        self._kept[key] = renewed
        self._keep(renewed, read.result()[1])
