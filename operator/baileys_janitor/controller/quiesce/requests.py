"""Reads the quiesce request of an operation, from any version of the CRD: operations that have begun must end.

Pure.
"""

from __future__ import annotations

from typing import Any

from baileys_janitor.api import bounded
from baileys_janitor.api.values.durations import MAX_LENGTH, seconds_of
from baileys_janitor.controller.quiesce.hold import Request
from baileys_janitor.quiesce.limits import MAX_DURATION_SECONDS, TIMEOUT_SECONDS, Limits
from baileys_janitor.quiesce.workload import PLURALS

Object = dict[str, Any]
SCALE, STOPS_TENANTS = "Scale", "StopsTenants"


def request_of(spec: object) -> Request:
    """Read `spec.quiesce` of an operation; invalid values count as unset."""
    asked = bounded.part(spec, "quiesce")
    workload = bounded.part(asked, "workload")
    kind, name = bounded.text(workload.get("kind")), bounded.text(workload.get("name"))
    scales = asked.get("method") == SCALE and kind in PLURALS and bool(name)
    listed = asked.get("acknowledge")
    return Request(
        kind=kind if scales else "",
        workload=name if scales else "",
        accepted=isinstance(listed, list) and STOPS_TENANTS in listed,
        limits=Limits(
            _seconds(asked.get("timeout"), TIMEOUT_SECONDS),
            _seconds(asked.get("maxDuration"), MAX_DURATION_SECONDS),
        ),
    )


def _seconds(value: object, unset: float) -> float:
    try:
        return float(seconds_of(bounded.text(value, MAX_LENGTH)))
    except ValueError:
        return unset
