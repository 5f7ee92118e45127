"""Keep the served resources in step with the stored definitions."""

from __future__ import annotations

import asyncio

from sandbox.server.definitions import CLEANUP, resources
from sandbox.server.lifecycle import Lifecycle, Options
from sandbox.server.resources import Registry, Resource
from sandbox.server.store import Change, Collection, Store

_GROUP, _PLURAL = "apiextensions.k8s.io", "customresourcedefinitions"


class Established:
    """Serves the resources of each definition, and deletes them with it."""

    def __init__(self, store: Store, registry: Registry, lifecycle: Lifecycle) -> None:
        self._store = store
        self._registry = registry
        self._lifecycle = lifecycle
        self._definitions: Collection = store.collection(_GROUP, _PLURAL)
        self._definitions.listen(self._changed)

    def _changed(self, change: Change) -> None:
        definition = change.record.object
        spec, metadata = definition["spec"], definition["metadata"]
        group, plural = spec["group"], spec["names"]["plural"]
        if change.type == "DELETED":
            self._registry.replace_custom(group, plural, ())
            self._store.drop(group, plural)
        elif change.previous is None or change.previous.object["spec"] != spec:
            self._registry.replace_custom(group, plural, resources(definition))
        if metadata.get("deletionTimestamp") and CLEANUP in metadata.get("finalizers", ()):
            # Later: the current change must reach every listener first.
            asyncio.get_running_loop().call_soon(self._clean, metadata["name"])

    def _clean(self, name: str) -> None:
        """Delete a definition's objects, and wait for their finalizers."""
        record = self._definitions.get(("", name))
        if record is None:
            return
        spec = record.object["spec"]
        group, plural = spec["group"], spec["names"]["plural"]
        objects = self._store.collection(group, plural)
        resource = next(r for r in self._registry if (r.group, r.plural) == (group, plural))
        for item in list(objects.scan()):
            self._lifecycle.delete(resource, item, {}, Options())
        if not len(objects):
            self._release(name)
            return

        def gone(change: Change) -> None:
            if change.type == "DELETED" and not len(objects):
                stop()
                asyncio.get_running_loop().call_soon(self._release, name)

        stop = objects.listen(gone)

    def _release(self, name: str) -> None:
        record = self._definitions.get(("", name))
        if record is None:
            return
        metadata = record.object["metadata"]
        kept = [f for f in metadata.get("finalizers", ()) if f != CLEANUP]
        body = {**record.object, "metadata": {**metadata, "finalizers": kept}}
        definition: Resource | None = self._registry.find(_GROUP, "v1", _PLURAL)
        assert definition is not None
        self._lifecycle.update(definition, record, body, Options())
