"""Events: one collection, written and read as core/v1 and as events.k8s.io/v1."""

from __future__ import annotations

from typing import Final

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
    """An event as it is stored: core/v1."""
    return _renamed(value, _NAMES) if group == _GROUP else value


def outward(group: str, value: Object) -> Object:
    """A stored event as a group shows it."""
    return _renamed(value, _BACK) if group == _GROUP else value


def _renamed(value: Object, names: dict[str, str]) -> Object:
    return {names.get(name, name): inner for name, inner in value.items()}
