"""Patches: merge (RFC 7386), JSON (RFC 6902) and strategic merge."""

from __future__ import annotations

import copy
from typing import Any, Final

import jsonpatch
import jsonpointer

from sandbox.server.failures import RefusedError

# Lists of objects that strategic merge treats as maps, by field name.
MERGE_KEYS: Final = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "ports": "containerPort",
    "secrets": "name",
    "taints": "key",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_SETS: Final = {"finalizers"}


def merge(target: Any, patch: Any) -> Any:
    """Return the target after a merge patch: null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def apply_operations(target: Any, operations: Any) -> Any:
    """Return the target after a JSON patch.

    Raises:
        RefusedError: 400 when it is no patch; 422 when an operation, such as a test, fails.
    """
    try:
        return jsonpatch.JsonPatch(operations).apply(target)
    except (jsonpatch.JsonPatchTestFailed, jsonpatch.JsonPatchConflict) as error:
        message = "the server rejected our request due to an error in our request"
        raise RefusedError(422, message) from error
    except (jsonpatch.InvalidJsonPatch, jsonpointer.JsonPointerException, TypeError) as error:
        raise RefusedError(400, f"error decoding patch: {error}") from error


def strategic(target: Any, patch: Any, field: str = "") -> Any:
    """Return the target after a strategic merge patch, for built-in kinds."""
    if isinstance(patch, dict):
        return _strategic_map(target, patch)
    if isinstance(patch, list):
        if field in _SETS:
            existing = target if isinstance(target, list) else []
            return [*existing, *(item for item in patch if item not in existing)]
        if field in MERGE_KEYS and all(isinstance(item, dict) for item in patch):
            return _strategic_list(target, patch, _key(field, patch))
    return copy.deepcopy(patch)


def _key(field: str, items: list[dict[str, Any]]) -> str:
    # The key of a Service's ports is `port`, of a container's `containerPort`.
    if field == "ports" and any("containerPort" not in i and "port" in i for i in items):
        return "port"
    return MERGE_KEYS[field]


def _strategic_map(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return {k: copy.deepcopy(v) for k, v in patch.items() if k != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    orders: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key.startswith("$setElementOrder/"):
            orders[key.partition("/")[2]] = value
        elif key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif key == "$retainKeys":
            result = {k: v for k, v in result.items() if k in value}
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = strategic(result.get(key), value, key)
    for name, order in orders.items():
        if isinstance(result.get(name), list):
            result[name] = _ordered(result[name], order, name)
    return result


def _strategic_list(target: Any, patch: list[dict[str, Any]], key: str) -> list[Any]:
    items = list(target) if isinstance(target, list) else []
    if any(item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    for change in patch:
        at = next((i for i, item in enumerate(items) if item.get(key) == change.get(key)), None)
        if change.get("$patch") == "delete":
            if at is not None:
                del items[at]
        elif at is None:
            items.append(_strategic_map({}, change))
        else:
            items[at] = _strategic_map(items[at], change)
    return items


def _ordered(items: list[Any], order: list[Any], field: str) -> list[Any]:
    key = MERGE_KEYS.get(field)
    names = [o.get(key) if isinstance(o, dict) else o for o in order]

    def place(item: Any) -> int:
        name = item.get(key) if isinstance(item, dict) else item
        return names.index(name) if name in names else len(names)

    return sorted(items, key=place)
