"""Events: one collection, written and read as core/v1 and as events.k8s.io/v1."""

from __future__ import annotations

import re
from typing import Final

from sandbox.server.failures import RefusedError
from sandbox.server.store import Object

_GROUP: Final = "events.k8s.io"
# events.k8s.io/v1 on the left, core/v1 on the right.
_NAMES: Final = {
    "note": "message",
    "regarding": "involvedObject",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
_BACK: Final = {core: new for new, core in _NAMES.items()}


def inward(group: str, value: Object) -> Object:
    """Return an event in its stored form: core/v1."""
    return _renamed(value, _NAMES) if group == _GROUP else value


def outward(group: str, value: Object) -> Object:
    """Return a stored event in the form of a group."""
    return _renamed(value, _BACK) if group == _GROUP else value


def selector(group: str, fields: str) -> str:
    """Convert a field selector to the stored form; events.k8s.io/v1 selects by its own names alone.

    Raises:
        RefusedError: 400, for a field that the group does not select by.
    """
    if group != _GROUP:
        return fields
    parts = [re.split("([=!])", part, maxsplit=1) for part in fields.split(",")]
    return ",".join(_stored_field(part[0].strip()) + "".join(part[1:]) for part in parts)


def _stored_field(path: str) -> str:
    first, dot, rest = path.partition(".")
    if first in ("reason", "type", "metadata"):
        return path
    if first == "regarding" or path == "reportingController":
        return _NAMES[first] + dot + rest
    raise RefusedError(400, f"field label not supported: {path}")


def _renamed(value: Object, names: dict[str, str]) -> Object:
    return {names.get(name, name): inner for name, inner in value.items()}
