"""managedFields of workloads: the last writer of each field, plain writes included.

A write owns the fields that it changes, and takes them from their owners; so does an apply that changes a value. A
write without a change of value changes no owner, but an applier becomes a co-owner. A scale of 0 takes the replicas
from their owner and owns nothing, because the 0 is omitted; from then on no scale owns the replicas until they are
applied. As in Kubernetes, with `--force-conflicts`.
"""

from __future__ import annotations

from typing import Final

from sandbox.server import applying, times
from sandbox.server.applying import Path
from sandbox.server.resources import Resource
from sandbox.server.store import Object

TRACKED: Final = {("apps", name) for name in ("deployments", "statefulsets", "replicasets")}

_REPLICAS: Final = ("f:spec", "f:replicas")


def note(
    resource: Resource, old: Object | None, new: Object, manager: str, sub: str, *, applied: bool
) -> None:
    """Update the owners in a workload's managedFields, in place, after a write by `manager`.

    Args:
        applied: whether it was an apply, whose own entry is in `new` already.
    """
    if resource.collection not in TRACKED:
        return
    before = dict(applying.leaves(old, applying.builtin_keys)) if old is not None else {}
    after = dict(applying.leaves(new, applying.builtin_keys))
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    gone = set(before) - set(after)
    if not changed and not gone:
        return
    listed = new["metadata"].get("managedFields") or []
    entries = [dict(entry) for entry in listed]
    kept: list[Object] = []
    mine: Object | None = None
    for entry in entries:
        by_update = entry.get("operation") == "Update"
        same = entry.get("manager") == manager and entry.get("subresource", "") == sub
        if same and by_update is not applied:
            mine = entry
        else:
            left = _paths(entry) - changed - gone
            if not left:
                continue
            entry["fieldsV1"] = applying.to_fields(left)
        kept.append(entry)
    if not applied:
        owned = (_paths(mine) if mine is not None else set()) - gone | changed
        if sub == "scale" and not (new["spec"].get("replicas") and _is_owned(listed)):
            owned.discard(_REPLICAS)
        if mine is not None and not owned:
            kept.remove(mine)
        if mine is None and owned:
            mine = {"manager": manager, "operation": "Update"}
            if sub:
                mine["subresource"] = sub
            kept.append(mine)
        if mine is not None and owned:
            mine |= {
                "apiVersion": resource.api_version,
                "time": times.now(),
                "fieldsType": "FieldsV1",
                "fieldsV1": applying.to_fields(owned),
            }
    new["metadata"]["managedFields"] = kept


def _is_owned(entries: list[Object]) -> bool:
    return any(_REPLICAS in _paths(entry) for entry in entries)


def _paths(entry: Object) -> set[Path]:
    return set(applying.from_fields(entry.get("fieldsV1") or {}))
