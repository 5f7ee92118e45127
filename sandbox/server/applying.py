"""Server-side apply: the owners of fields, and the removal of fields that an applier has dropped.

For most resources only appliers are tracked: a plain write takes no ownership (see `ownership` for workloads), and
nothing ever conflicts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from sandbox.server.patching import MERGE_KEYS
from sandbox.server.store import Object

Path = tuple[str, ...]
# The merge keys of the list at a path (schema field names only), or None when it is atomic.
Keys = Callable[[Path], tuple[str, ...] | None]

_SKIPPED: Final = {
    ("apiVersion",),
    ("kind",),
    ("metadata", "name"),
    ("metadata", "namespace"),
    ("metadata", "managedFields"),
    ("metadata", "uid"),
    ("metadata", "resourceVersion"),
    ("metadata", "creationTimestamp"),
    ("metadata", "generation"),
}


def builtin_keys(path: Path) -> tuple[str, ...] | None:
    """Return the merge keys for built-in kinds."""
    key = MERGE_KEYS.get(path[-1])
    return (key,) if key else None


def _selector(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps({k: item.get(k) for k in keys}, separators=(",", ":"), sort_keys=True)


def leaves(value: Any, keys: Keys, at: Path = (), names: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the leaves of an object with their values; paths have the form of managedFields."""
    if isinstance(value, dict) and (value or not at):
        for name, inner in value.items():
            if (*names, name) not in _SKIPPED:
                yield from leaves(inner, keys, (*at, f"f:{name}"), (*names, name))
        return
    if isinstance(value, list) and names and (by := keys(names)):
        for item in value:
            if isinstance(item, dict):
                here = (*at, _selector(item, by))
                yield (*here, "."), None
                yield from leaves(item, keys, here, names)
        return
    if isinstance(value, list) and names and names[-1] == "finalizers":
        for item in value:
            yield (*at, "v:" + json.dumps(item)), None
        return
    yield at, value


def fields(value: Any, keys: Keys) -> Iterator[Path]:
    """Return the leaves of an applied configuration, in the form of managedFields."""
    return (path for path, _ in leaves(value, keys))


def combine(live: Any, applied: Any, keys: Keys, names: Path = ()) -> Any:
    """Return the live object with an applied configuration on top."""
    if isinstance(applied, dict) and isinstance(live, dict):
        result = dict(live)
        for name, inner in applied.items():
            result[name] = combine(live.get(name), inner, keys, (*names, name))
        return result
    if isinstance(applied, list) and isinstance(live, list) and names:
        if names[-1] == "finalizers":
            return [*live, *(item for item in applied if item not in live)]
        if by := keys(names):
            return _combine_lists(live, applied, keys, names, by)
    return copy.deepcopy(applied)


def _combine_lists(
    live: list[Any], applied: list[Any], keys: Keys, names: Path, by: tuple[str, ...]
) -> list[Any]:
    result = list(live)
    places = {_selector(item, by): i for i, item in enumerate(live)}
    for item in applied:
        at = places.get(_selector(item, by))
        if at is None:
            result.append(copy.deepcopy(item))
        else:
            result[at] = combine(result[at], item, keys, names)
    return result


def drop(value: Any, path: Path) -> Any:
    """Return the value without one owned field; a missing field is no error."""
    step, rest = path[0], path[1:]
    if step.startswith("f:") and isinstance(value, dict):
        name = step[2:]
        if name not in value:
            return value
        if not rest:
            return {k: v for k, v in value.items() if k != name}
        inner = drop(value[name], rest)
        # A parent that existed only for this field is removed with it.
        if inner in ({}, []) and value[name] not in ({}, []):
            return {k: v for k, v in value.items() if k != name}
        return {**value, name: inner}
    if step.startswith("k:") and isinstance(value, list):
        wanted = json.loads(step[2:])
        kept = []
        for item in value:
            if not all(item.get(k) == v for k, v in wanted.items()):
                kept.append(item)
            elif rest not in ((".",), ()):
                kept.append(drop(item, rest))
        return kept
    if step.startswith("v:") and isinstance(value, list):
        return [item for item in value if item != json.loads(step[2:])]
    return value


def to_fields(paths: set[Path]) -> dict[str, Any]:
    """Return the FieldsV1 of a set of paths."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def from_fields(tree: dict[str, Any], at: Path = ()) -> Iterator[Path]:
    """Yield the paths of FieldsV1."""
    for step, inner in tree.items():
        if inner:
            yield from from_fields(inner, (*at, step))
        else:
            yield (*at, step)


def server_side(
    live: Object | None, applied: Object, keys: Keys, manager: str, sub: str, now: str
) -> Object:
    """Return the result of an apply, with managedFields updated."""
    entries = list((live or {}).get("metadata", {}).get("managedFields") or [])

    def mine(entry: Object) -> bool:
        return (
            entry.get("manager") == manager
            and entry.get("operation") == "Apply"
            and entry.get("subresource", "") == sub
        )

    wanted = set(fields(applied, keys))
    before: set[Path] = set()
    others: set[Path] = set()
    for entry in entries:
        (before if mine(entry) else others).update(from_fields(entry.get("fieldsV1") or {}))
    result: Object = combine(live or {}, applied, keys)
    for path in sorted(before - wanted - others, key=len, reverse=True):
        if not any(other[: len(path)] == path for other in wanted):
            result = drop(result, path)
    entry = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": applied.get("apiVersion"),
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_fields(wanted),
    }
    if sub:
        entry["subresource"] = sub
    same = next((e for e in entries if mine(e)), None)
    # An apply without a change of ownership is no change: its time stays, too.
    if same is not None and before == wanted:
        entry["time"] = same.get("time", now)
    managed = [entry if mine(e) else e for e in entries]
    if same is None:
        managed.append(entry)
    result["metadata"] = {**result.get("metadata", {}), "managedFields": managed}
    return result
