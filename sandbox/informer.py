"""A local cache of one resource, kept current by list and watch, that notifies listeners of changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from sandbox.client import RETRIED, ApiError, Client, Object

Key = tuple[str, str]
# ADDED, MODIFIED or DELETED; the object; its previous version.
Listener = Callable[[str, Object, Object | None], None]

_log = logging.getLogger(__name__)
_LONGEST_WAIT: Final = 2.0


def key(value: Object) -> Key:
    """Return namespace (empty when it has none) and name."""
    metadata = value["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Informer:
    """A cache of all objects of a resource such as `batch/v1/jobs`.

    Attributes:
        items: the objects as last seen, by namespace and name.
        synced: set once the first list has arrived.
    """

    def __init__(self, client: Client, resource: str, *, metadata_only: bool = False) -> None:
        self.resource = resource
        self.items: dict[Key, Object] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._metadata_only = metadata_only
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Notify a listener of every known object now, and of every change from now on."""
        self._listeners.append(listener)
        for value in list(self.items.values()):
            listener("ADDED", value, None)

    def remember(self, value: Object) -> None:
        """Store the answer to our own write, before the watch delivers it."""
        known = self.items.get(key(value))
        if known is None or _revision(known) < _revision(value):
            self._take("MODIFIED" if known else "ADDED", value)

    async def run(self) -> None:
        """Follow the resource until cancelled; retry after failures."""
        wait, revision = 0.05, ""
        while True:
            try:
                if not revision:
                    revision = await self._list()
                    wait = 0.05
                revision = await self._watch(revision)
            except RETRIED as error:
                if isinstance(error, ApiError) and error.status != 404:
                    revision = ""
                _log.debug("%s: %s", self.resource, error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    async def _list(self) -> str:
        found, revision = await self._client.snapshot(
            self.resource, metadata_only=self._metadata_only
        )
        fresh = {key(value): value for value in found}
        for gone in [k for k in self.items if k not in fresh]:
            self._take("DELETED", self.items[gone])
        for at, value in fresh.items():
            known = self.items.get(at)
            if known is None:
                self._take("ADDED", value)
            elif _revision(known) != _revision(value):
                self._take("MODIFIED", value)
        self.synced.set()
        return revision

    async def _watch(self, revision: str) -> str:
        events = self._client.watch(self.resource, revision, metadata_only=self._metadata_only)
        try:
            async for event in events:
                value = event["object"]
                revision = value["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    known = self.items.get(key(value))
                    # Our own write may have been stored already.
                    if (
                        event["type"] == "DELETED"
                        or known is None
                        or (_revision(known) < _revision(value))
                    ):
                        self._take(event["type"], value)
        except RETRIED as error:
            if isinstance(error, ApiError):
                raise
            await asyncio.sleep(0.05)
        return revision

    def _take(self, kind: str, value: Object) -> None:
        before = self.items.get(key(value))
        if kind == "DELETED":
            self.items.pop(key(value), None)
        else:
            self.items[key(value)] = value
        for listener in self._listeners:
            listener(kind, value, before)


def _revision(value: Object) -> int:
    return int(value["metadata"].get("resourceVersion") or 0)


class Informers:
    """One informer a resource, shared by all its users."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[tuple[str, bool], Informer] = {}
        self._tasks: dict[tuple[str, bool], asyncio.Task[None]] = {}

    def get(self, resource: str, *, metadata_only: bool = False) -> Informer:
        """Return the informer of a resource, started on first use."""
        at = (resource, metadata_only)
        if at not in self._informers:
            informer = Informer(self._client, resource, metadata_only=metadata_only)
            self._informers[at] = informer
            self._tasks[at] = asyncio.create_task(informer.run(), name=f"informer {resource}")
        return self._informers[at]

    def forget(self, resource: str, *, metadata_only: bool = False) -> None:
        """Stop an informer whose resource is no longer served."""
        at = (resource, metadata_only)
        self._informers.pop(at, None)
        if task := self._tasks.pop(at, None):
            task.cancel()

    async def synced(self) -> None:
        """Wait for the first list of each."""
        for informer in list(self._informers.values()):
            await informer.synced.wait()

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
