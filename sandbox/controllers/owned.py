"""Helpers for controllers: children by the uid of their controller, pods from templates, and status writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.client import ApiError, Client, Object
from sandbox.informer import Informer, Key, key
from sandbox.server.times import parse

PODS: Final = "v1/pods"
RESTART_SECONDS: Final = 1.0
"""How long an ended pod stays before it is replaced: containers do not restart here."""


def phase(pod: Object) -> str:
    """Return the phase of a pod."""
    return str((pod.get("status") or {}).get("phase", "Pending"))


def is_ended(pod: Object) -> bool:
    """Return whether a pod has ended."""
    return phase(pod) in ("Succeeded", "Failed")


def is_leaving(value: Object) -> bool:
    """Return whether an object is being deleted."""
    return bool(value["metadata"].get("deletionTimestamp"))


def is_ready(pod: Object) -> bool:
    """Return whether a pod is ready."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def age(value: Object) -> float:
    """Return the age of an object in seconds."""
    made = parse(value["metadata"]["creationTimestamp"])
    return (datetime.now(UTC) - made).total_seconds()


class Owned:
    """The children of controllers of one kind, from an informer's cache."""

    def __init__(self, children: Informer, kind: str, changed: Callable[[Key], None]) -> None:
        self._children = children
        self._kind = kind
        self._changed = changed
        self._by_owner: dict[str, set[Key]] = {}
        children.listen(self._seen)

    def of(self, owner: Object) -> list[Object]:
        """Return the children of an object, sorted by name."""
        keys = sorted(self._by_owner.get(owner["metadata"]["uid"], ()))
        return [child for at in keys if (child := self._children.items.get(at)) is not None]

    def _seen(self, kind: str, child: Object, _: Object | None) -> None:
        metadata = child["metadata"]
        for owner in metadata.get("ownerReferences") or ():
            if owner.get("kind") != self._kind or not owner.get("controller"):
                continue
            owned = self._by_owner.setdefault(owner["uid"], set())
            if kind == "DELETED":
                owned.discard(key(child))
                if not owned:
                    del self._by_owner[owner["uid"]]
            else:
                owned.add(key(child))
            self._changed((metadata.get("namespace", ""), owner["name"]))


def reference(owner: Object, api_version: str, kind: str) -> Object:
    """Return the ownerReference of a controller."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_of(owner: Object, api_version: str, kind: str, **metadata: Any) -> Object:
    """Return a pod made from an object's template; `metadata` names it."""
    template = copy.deepcopy(owner["spec"]["template"])
    own = template.get("metadata") or {}
    about = {
        **metadata,
        "namespace": owner["metadata"]["namespace"],
        "labels": own.get("labels") or {},
        "annotations": own.get("annotations") or {},
        "ownerReferences": [reference(owner, api_version, kind)],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": template["spec"]}


async def delete(client: Client, resource: str, value: Object) -> None:
    """Delete an object unless it is already gone or replaced."""
    try:
        await client.delete(resource, *key(value), uid=value["metadata"]["uid"])
    except ApiError as error:
        if error.status not in (404, 409):
            raise


async def write_status(
    client: Client, informer: Informer, resource: str, value: Object, status: Object
) -> None:
    """Write the differences of a status; counts of 0 are omitted, as in Go."""
    shown = {name: each or None if isinstance(each, int) else each for name, each in status.items()}
    shown["observedGeneration"] = value["metadata"].get("generation", 1)
    shown["replicas"] = status["replicas"]
    current = value.get("status") or {}
    patch = {name: each for name, each in shown.items() if current.get(name) != each}
    if not patch:
        return
    try:
        written = await client.patch(resource, *key(value), {"status": patch}, sub="status")
    except ApiError as error:
        if error.status == 404:
            return
        raise
    informer.remember(written)
