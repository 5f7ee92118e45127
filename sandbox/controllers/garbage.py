"""The garbage collector: deletes dependents whose owners are gone."""

from __future__ import annotations

import asyncio
from typing import Final

from sandbox.client import RETRIED, ApiError, Client, Object
from sandbox.controllers.catalogue import Listed, discover
from sandbox.controllers.queue import WorkQueue
from sandbox.informer import Informer, Informers, Key, Listener, key
from sandbox.server.lifecycle import FOREGROUND, ORPHAN

_UNOWNED: Final = {"v1/events"}


class Garbage:
    """Watches the metadata of every resource, and follows ownerReferences."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._informers = informers
        self._queue = WorkQueue("garbage", self._reconcile)
        self._changed = asyncio.Event()
        self._watched: dict[str, Listed] = {}
        # By uid: an object's place, and its dependents.
        self._places: dict[str, tuple[str, Key]] = {}
        self._dependents: dict[str, set[str]] = {}
        # Dependents of kinds that were not watched when they were examined.
        self._undecided: set[str] = set()
        definitions = informers.get("apiextensions.k8s.io/v1/customresourcedefinitions")
        definitions.listen(lambda *_: self._changed.set())

    async def run(self) -> None:
        await self._queue.run()

    async def run_discovery(self) -> None:
        """Keep an informer for each served resource."""
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.refresh()
            except RETRIED:
                await asyncio.sleep(0.2)
                self._changed.set()

    async def refresh(self) -> None:
        """Check once for added and removed resources."""
        served = {r.path: r for r in await discover(self._client) if r.path not in _UNOWNED}
        for path in set(self._watched) - set(served):
            del self._watched[path]
            self._informers.forget(path, metadata_only=True)
        for path, resource in served.items():
            if path not in self._watched:
                self._watched[path] = resource
                informer = self._informers.get(path, metadata_only=True)
                informer.listen(self._listener(path))
                undecided, self._undecided = self._undecided, set()
                for uid in undecided:
                    self._queue.add(("", uid))

    def _listener(self, path: str) -> Listener:
        def listener(kind: str, value: Object, before: Object | None) -> None:
            self._seen(path, kind, value, before)

        return listener

    def _seen(self, path: str, kind: str, value: Object, before: Object | None) -> None:
        metadata = value["metadata"]
        uid = metadata["uid"]
        for owner in ((before or {}).get("metadata") or {}).get("ownerReferences") or ():
            self._dependents.get(owner["uid"], set()).discard(uid)
        if kind == "DELETED":
            self._places.pop(uid, None)
            for dependent in self._dependents.pop(uid, set()):
                self._queue.add(("", dependent))
            for owner in metadata.get("ownerReferences") or ():
                self._queue.add(("", owner["uid"]))
            return
        self._places[uid] = (path, key(value))
        owners = metadata.get("ownerReferences") or ()
        for owner in owners:
            self._dependents.setdefault(owner["uid"], set()).add(uid)
        if owners or metadata.get("deletionTimestamp"):
            self._queue.add(("", uid))

    def _find(self, uid: str) -> tuple[str, Object] | None:
        if uid not in self._places:
            return None
        path, at = self._places[uid]
        informer: Informer = self._informers.get(path, metadata_only=True)
        value = informer.items.get(at)
        return (path, value) if value is not None and value["metadata"]["uid"] == uid else None

    async def _reconcile(self, at: Key) -> None:
        found = self._find(at[1])
        if found is None:
            return
        path, value = found
        finalizers = value["metadata"].get("finalizers") or ()
        if value["metadata"].get("deletionTimestamp"):
            if ORPHAN in finalizers:
                await self._orphan(path, value)
            elif FOREGROUND in finalizers:
                await self._foreground(path, value)
            return
        await self._collect(path, value)

    async def _collect(self, path: str, value: Object) -> None:
        """Delete a dependent whose owners are all gone; remove the owners that are gone from the others."""
        owners = value["metadata"].get("ownerReferences") or []
        states = [await self._owner_state(value, owner) for owner in owners]
        if not {"absent", "leaving"} & set(states):
            return
        if all(state == "absent" for state in states):
            await self._delete(path, value, "Background")
        elif "solid" not in states:
            policy = "Foreground" if "leaving" in states else "Background"
            await self._delete(path, value, policy)
        elif "absent" in states:
            kept = [o for o, state in zip(owners, states, strict=True) if state != "absent"]
            await self._patch(path, value, {"ownerReferences": kept or None})

    async def _owner_state(self, value: Object, owner: Object) -> str:
        """Return `solid`, `absent`, or `leaving`: being deleted in the foreground."""
        found = self._find(owner["uid"])
        if found is not None:
            metadata = found[1]["metadata"]
            leaving = metadata.get("deletionTimestamp") and FOREGROUND in (
                metadata.get("finalizers") or ()
            )
            return "leaving" if leaving else "solid"
        resource = next(
            (
                r
                for r in self._watched.values()
                if (r.api_version, r.kind) == (owner["apiVersion"], owner["kind"])
            ),
            None,
        )
        if resource is None:
            # Leave unknown kinds alone: their definition may come back, or is not watched yet.
            self._undecided.add(value["metadata"]["uid"])
            return "solid"
        namespace = value["metadata"].get("namespace", "") if resource.namespaced else ""
        try:
            live = await self._client.get(resource.path, namespace, owner["name"])
        except ApiError as error:
            if error.status == 404:
                return "absent"
            raise
        return "solid" if live["metadata"]["uid"] == owner["uid"] else "absent"

    async def _orphan(self, path: str, value: Object) -> None:
        uid = value["metadata"]["uid"]
        for dependent in list(self._dependents.get(uid, ())):
            if found := self._find(dependent):
                owners = found[1]["metadata"].get("ownerReferences") or ()
                kept = [owner for owner in owners if owner["uid"] != uid]
                await self._patch(*found, {"ownerReferences": kept or None})
        await self._unfinalize(path, value, ORPHAN)

    async def _foreground(self, path: str, value: Object) -> None:
        uid = value["metadata"]["uid"]
        blocking = False
        for dependent in list(self._dependents.get(uid, ())):
            if found := self._find(dependent):
                owners = found[1]["metadata"].get("ownerReferences") or ()
                mine = (o for o in owners if o["uid"] == uid)
                blocking = blocking or any(o.get("blockOwnerDeletion") for o in mine)
                self._queue.add(("", dependent))
        if not blocking:
            await self._unfinalize(path, value, FOREGROUND)

    async def _unfinalize(self, path: str, value: Object, finalizer: str) -> None:
        kept = [f for f in value["metadata"]["finalizers"] if f != finalizer]
        await self._patch(path, value, {"finalizers": kept or None})

    async def _patch(self, path: str, value: Object, metadata: Object) -> None:
        body = {"metadata": {**metadata, "uid": value["metadata"]["uid"]}}
        body["metadata"]["resourceVersion"] = value["metadata"]["resourceVersion"]
        try:
            await self._client.patch(path, *key(value), body)
        except ApiError as error:
            if error.status != 404:
                raise

    async def _delete(self, path: str, value: Object, policy: str) -> None:
        uid = value["metadata"]["uid"]
        try:
            await self._client.delete(path, *key(value), uid=uid, propagationPolicy=policy)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
