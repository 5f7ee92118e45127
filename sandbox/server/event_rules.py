"""Validation of Events: little in core/v1, much in events.k8s.io/v1.

As in Kubernetes' pkg/apis/core/validation/events.go. An Event is checked in its stored form, core/v1, and errors use
the names of its fields, as on a real server.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox.server.failures import FieldError
from sandbox.server.store import Object

STRICT: Final = "events.k8s.io"
LIMITS: Final = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
_UNSET: Final = ("firstTimestamp", "lastTimestamp", "count", "source")
_FIXED: Final = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingController",
    "reportingInstance",
)
_STORED: Final = {"reportingController": "reportingComponent"}
_QUALIFIED: Final = re.compile(
    r"([a-z0-9][-a-z0-9.]*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)


def errors(group: str, new: Object, old: Object | None) -> list[FieldError]:
    """Return the errors of an Event that a request to a group creates, or changes (`old`)."""
    found = _legacy(group, new)
    if group != STRICT:
        return found
    if old is None:
        return found + _series(new) + _created(new)
    if new.get("series") != old.get("series"):
        found += _series(new)
    for name in _FIXED:
        stored = _STORED.get(name, name)
        if (new.get(stored) or None) != (old.get(stored) or None):
            found.append(_invalid(name, "field is immutable", new.get(stored)))
    return found


def _created(event: Object) -> list[FieldError]:
    found = []
    if not event.get("eventTime"):
        found.append(FieldError("FieldValueRequired", "eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        found.append(_invalid("type", f"has invalid value: {event.get('type') or ''}"))
    return found + [_invalid(name, "needs to be unset") for name in _UNSET if event.get(name)]


def _series(event: Object) -> list[FieldError]:
    series = event.get("series")
    if series is None:
        return []
    found = []
    if int(series.get("count") or 0) < 2:
        found.append(_invalid("series.count", "should be at least 2"))
    if not series.get("lastObservedTime"):
        found.append(FieldError("FieldValueRequired", "series.lastObservedTime"))
    return found


def _legacy(group: str, event: Object) -> list[FieldError]:
    namespace = event["metadata"].get("namespace", "")
    about = (event.get("involvedObject") or {}).get("namespace") or ""
    mismatch = _invalid("involvedObject.namespace", "does not match event.namespace", about)
    if not event.get("eventTime"):
        legal = {about} if about else {"", "default"}
        return [] if namespace in legal else [mismatch]
    found = []
    if not about and namespace not in ("default", "kube-system"):
        found.append(mismatch)
    controller = "reportingController" if group else "reportingComponent"
    named = event.get("reportingComponent") or ""
    if not named:
        found.append(FieldError("FieldValueRequired", controller))
    if not _QUALIFIED.fullmatch(named):
        found.append(
            _invalid(controller, "a qualified name must consist of alphanumeric characters", named)
        )
    needed = ("reportingInstance", "action", "reason")
    found += [FieldError("FieldValueRequired", name) for name in needed if not event.get(name)]
    for name, limit in LIMITS.items():
        if len(str(event.get(name) or "").encode()) > limit:
            found.append(_invalid(name, f"can have at most {limit} characters"))
    return found


def _invalid(path: str, detail: str, value: Any = "") -> FieldError:
    return FieldError("FieldValueInvalid", path, detail, value)
