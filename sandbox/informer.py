"""A local copy of one resource, kept by list and watch, that tells listeners what changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from sandbox.client import RETRIED, ApiError, Client, Object

Key = tuple[str, str]
# ADDED, MODIFIED or DELETED; the object; what was known before.
Listener = Callable[[str, Object, Object | None], None]

_log = logging.getLogger(__name__)
_LONGEST_WAIT: Final = 2.0


def key(value: Object) -> Key:
    """Namespace (empty when it has none) and name."""
    metadata = value["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Informer:
    """A copy of all objects of a resource such as `batch/v1/jobs`.

    Attributes:
        items: the objects as last seen, by namespace and name.
        synced: set once the first list is there.
    """

    def __init__(self, client: Client, resource: str, *, metadata_only: bool = False) -> None:
        self.resource = resource
        self.items: dict[Key, Object] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._metadata_only = metadata_only
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tells of every change from now on, and of what is already known."""
        self._listeners.append(listener)
        for value in list(self.items.values()):
            listener("ADDED", value, None)

    def remember(self, value: Object) -> None:
        """Takes in the answer to a write of our own, before the watch brings it."""
        known = self.items.get(key(value))
        if known is None or _revision(known) < _revision(value):
            self._take("MODIFIED" if known else "ADDED", value)

    async def run(self) -> None:
        """Follows the resource until cancelled; failures are waited out."""
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
                    # Our own write may have been remembered already.
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
    """One informer a resource, shared by all who need it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[tuple[str, bool], Informer] = {}
        self._tasks: dict[tuple[str, bool], asyncio.Task[None]] = {}

    def get(self, resource: str, *, metadata_only: bool = False) -> Informer:
        """The informer of a resource, started on first use."""
        at = (resource, metadata_only)
        if at not in self._informers:
            informer = Informer(self._client, resource, metadata_only=metadata_only)
            self._informers[at] = informer
            self._tasks[at] = asyncio.create_task(informer.run(), name=f"informer {resource}")
        return self._informers[at]

    def forget(self, resource: str, *, metadata_only: bool = False) -> None:
        """Stops an informer whose resource is no longer served."""
        at = (resource, metadata_only)
        self._informers.pop(at, None)
        if task := self._tasks.pop(at, None):
            task.cancel()

    async def synced(self) -> None:
        """Waits for the first list of each."""
        for informer in list(self._informers.values()):
            await informer.synced.wait()

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
