"""The scale subresource of workloads: their replicas, as an `autoscaling/v1` Scale."""

from __future__ import annotations

import copy
from typing import Any, Final

from sandbox.server import failures
from sandbox.server.failures import FieldError, RefusedError
from sandbox.server.resources import Resource
from sandbox.server.store import Object

SUB: Final = "scale"
_SHOWN: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def of(workload: Object) -> Object:
    """Return the Scale of a workload: no labels, no managedFields, the workload's own resourceVersion."""
    spec, metadata = workload["spec"], workload["metadata"]
    labels = (spec.get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in _SHOWN if name in metadata},
        # As in Go, a 0 is omitted.
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": {
            "replicas": (workload.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        },
    }


def into(resource: Resource, workload: Object, scale: Any) -> Object:
    """Return the workload with the replicas of a Scale, and with its resourceVersion, which an update compares.

    Raises:
        RefusedError: 400 for an invalid Scale, 409 for one with another uid, 422 for a number below 0.
    """
    if not isinstance(scale, dict) or scale.get("kind") not in (None, "Scale"):
        raise RefusedError(400, "expected input object type to be Scale")
    name, given = workload["metadata"]["name"], scale.get("metadata") or {}
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        raise RefusedError(
            400, "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas"
        )
    if replicas < 0:
        detail = "must be greater than or equal to 0"
        error = FieldError("FieldValueInvalid", "spec.replicas", detail, replicas)
        raise failures.invalid("autoscaling", "Scale", name, [error])
    uid, here = given.get("uid"), workload["metadata"]["uid"]
    if uid and uid != here:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {here}"
        raise failures.conflict(resource.group, f"{resource.plural}/scale", name, why)
    changed = resource.typed(copy.deepcopy(workload))
    changed["spec"]["replicas"] = replicas
    changed["metadata"].pop("resourceVersion", None)
    if given.get("resourceVersion"):
        changed["metadata"]["resourceVersion"] = given["resourceVersion"]
    return changed
