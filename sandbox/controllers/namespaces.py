"""Namespace deletion: the contents are deleted first."""

from __future__ import annotations

from typing import Final

from sandbox.client import ApiError, Client, Object, path
from sandbox.controllers.catalogue import discover
from sandbox.controllers.queue import WorkQueue
from sandbox.informer import Informers, Key, key

_NAMESPACES: Final = "v1/namespaces"
_AGAIN: Final = 0.1


class Namespaces:
    """Empties namespaces that are being deleted."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._namespaces = informers.get(_NAMESPACES)
        self._queue = WorkQueue("namespace", self._reconcile)
        self._namespaces.listen(self._changed)

    async def run(self) -> None:
        await self._queue.run()

    def _changed(self, _kind: str, namespace: Object, _: Object | None) -> None:
        if namespace["metadata"].get("deletionTimestamp"):
            self._queue.add(key(namespace))

    async def _reconcile(self, at: Key) -> None:
        namespace = self._namespaces.items.get(at)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        left = False
        for resource in await discover(self._client):
            if not resource.namespaced:
                continue
            found = await self._client.select(resource.path, at[1], limit="500")
            for item in found["items"] or ():
                left = True
                # One by one, and only once: an object that waits for a finalizer is not deleted
                # again.
                if not item["metadata"].get("deletionTimestamp"):
                    await self._delete(resource.path, item)
        if left:
            self._queue.after(_AGAIN, at)
            return
        live = await self._client.get(_NAMESPACES, "", at[1])
        live["spec"]["finalizers"] = []
        try:
            url = path(_NAMESPACES, "", at[1], "finalize")
            await self._client.request("PUT", url, live)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _delete(self, resource: str, item: Object) -> None:
        try:
            await self._client.delete(resource, *key(item), propagationPolicy="Background")
        except ApiError as error:
            if error.status not in (404, 405):
                raise
