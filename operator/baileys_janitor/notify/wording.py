"""Sentences about an incident, for the person it alerts. Pure: a status in, sentences out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS, Family, IncidentKind
from baileys_janitor.api.names import EMERGENCY_ANNOTATION
from baileys_janitor.notify import words
from baileys_janitor.notify.incidents import DIRECTORY, KEY_STORE, Place, moment
from baileys_janitor.notify.words import Reader
from baileys_janitor.policy.levels import LEVELS

Object = Mapping[str, Any]


def condition(status: Object, kind: str) -> Object:
    """Return a condition of a status; empty when it has none of that type."""
    found = (c for c in status.get("conditions") or () if c.get("type") == kind)
    return next(found, {})


def files(status: Object) -> str:
    """Return "182 files, the limit is 180"."""
    counted = status.get("files") or {}
    if counted.get("counted") is None:
        return "too many files"
    return f"{words.several(counted['counted'], 'file')}, the limit is {words.number(counted.get('limit') or 0)}"


def fact(kind: IncidentKind, status: Object, reader: Reader, now: float) -> str:
    """Return the facts, with numbers against limits."""
    if kind.family == Family.CLEANUP:
        last = status.get("lastCleanup") or status.get("lastRun") or {}
        when = moment(last.get("time"))
        told = words.clean(str(last.get("message") or "The cleanup failed."))
        return told if when is None else f"{reader.time(when, now)}: {told}"
    said = condition(status, kind.said_by or kind.name)
    told = words.clean(str(said.get("message") or ""))
    return f"{told} {_growth(status)}".strip() if kind.family == Family.LEVEL else told


FORESEEN_DAYS = 3_650.0
"""The horizon of reported forecasts: later times are not useful, and would finally overflow."""


def _growth(status: Object) -> str:
    found, growth = status.get("files") or {}, status.get("growthPerDay") or 0.0
    counted, limit = found.get("counted"), found.get("limit")
    if growth <= 0 or counted is None:
        return ""
    told = f"It grows by {growth:g} files a day"
    if not limit or counted >= limit or limit - counted > growth * FORESEEN_DAYS:
        return f"{told}."
    return f"{told}: without a cleanup it is at the limit in {words.span((limit - counted) / growth * words.DAY)}."


def short(kind: IncidentKind, status: Object, reader: Reader, now: float) -> str:
    """Return the facts in a few words, for a list."""
    found = status.get("files") or {}
    if kind.family == Family.LEVEL and found.get("counted") is not None:
        return f"{words.number(found['counted'])} of {words.number(found.get('limit') or 0)} files"
    if kind.name == "DiskPressure":
        free = (status.get("volume") or {}).get("freeBytes")
        return "" if free is None else f"{words.size(free)} free"
    if kind.family == Family.SCAN:
        return words.clean(str(condition(status, "Ready").get("reason") or ""), 64)
    if kind.family in {Family.BACKUP, Family.DRILL}:
        return words.clean(str(condition(status, kind.said_by).get("reason") or ""), 64)
    if kind.name == "SessionInactive":
        last = moment(status.get("lastActivityTime"))
        return "" if last is None else f"last traffic {reader.time(last, now)}"
    return ""


def itself(
    kind: IncidentKind, status: Object | None, reader: Reader, now: float, since: float = math.inf
) -> str:
    """Return what the janitor does about it automatically; `status` None: for several tenants."""
    if kind.family == Family.LEVEL:
        return _on_level(kind, status, reader, now, since)
    return kind.itself


def _on_level(
    kind: IncidentKind, status: Object | None, reader: Reader, now: float, since: float
) -> str:
    if status is None:
        return kind.itself
    held = condition(status, "Ready").get("reason")
    if status.get("run"):
        return f"A cleanup ({words.clean(str(status['run'].get('reason')), 64)}) is under way."
    if held in _HELD:
        return _HELD[held]
    if kind.name == "ThresholdUnreachable":
        return kind.itself
    if kind.name == "TenantEmergency":
        if _gains_nothing(status):
            return "The janitor starts no emergency cleanup: it would remove nothing."
        cooled = _cooled(status)
        if cooled > now:
            return f"The janitor starts no further emergency cleanup before {reader.time(cooled, now)}."
        if now - since > CLEANUP_COMES_SECONDS:
            return "The janitor should have started an emergency cleanup long ago."
        return "The janitor starts an emergency cleanup within a minute or two."
    upcoming = moment(status.get("nextCleanupTime"))
    if upcoming is None or upcoming <= now:
        return "The janitor cleans when a timer says so."
    return f"The janitor's next cleanup is due at {reader.time(upcoming, now)}."


def _cooled(status: Object) -> float:
    """Return the time until which no further emergency cleanup starts automatically."""
    return moment(status.get("emergencyCooldownUntil")) or -math.inf


def _gains_nothing(status: Object) -> bool:
    return "gain nothing" in str(condition(status, "Emergency").get("message"))


_HELD = {
    "Suspended": "Nothing: the tenant is suspended (spec.suspend).",
    "DryRun": "Nothing is removed: the mode is DryRun.",
    "Observe": "Nothing is removed: the mode is Observe.",
    "CleanupsHeld": "Nothing for now: the circuit breaker holds automatic cleanups.",
}


def todo(
    kind: IncidentKind,
    place: Place | None,
    count: int,
    status: Object | None = None,
    since: float = math.inf,
    now: float = 0.0,
) -> tuple[str, str]:
    """Return the next step, and its first command; `since` is the beginning of the first of them."""
    told = kind.to_do
    if kind.name == "TenantEmergency" and now - since > CLEANUP_COMES_SECONDS:
        told = "It has lasted too long to wait. Find the cause:"
    if place is not None and place.kind == DIRECTORY:
        return _of_server(kind, place, count, told, status, now)
    if count > 1:
        stores = place is not None and place.kind == KEY_STORE
        return kind.to_do_many or told, _LIST_OF_STORES if stores else _list_of(kind)
    if place is None or place.fleet:
        return told, _LIST
    status = status or {}
    held = condition(status, "Ready").get("reason")
    if kind.rank > 1 and kind.family == Family.LEVEL and held in _RELEASED:
        return _RELEASED[held], (_request if held == "CleanupsHeld" else _describe)(place)
    if kind.name == "TenantEmergency" and _gains_nothing(status):
        return "No cleanup will help now. See what keeps the count up:", _describe(place)
    if kind.name == "TenantEmergency" and _cooled(status) > now + CLEANUP_COMES_SECONDS:
        return "The last cleanup was not enough. See the files it kept, and why:", _describe(place)
    return told, _COMMANDS.get(kind.name, _describe)(place)


def _of_server(
    kind: IncidentKind, place: Place, count: int, told: str, status: Object | None, now: float
) -> tuple[str, str]:
    """Return the next step for directories of one server, where there is no kubectl."""
    if count > 1:
        return told, OF_SERVER
    status = status or {}
    held = condition(status, "Ready").get("reason")
    command = f"{OF_SERVER} {place.name}"
    if kind.rank > 1 and kind.family == Family.LEVEL and held in _RELEASED_HERE:
        return _RELEASED_HERE[held], command
    if kind.name == "TenantEmergency" and _gains_nothing(status):
        return "No cleanup will help now. See what keeps the count up:", command
    if kind.name == "TenantEmergency" and _cooled(status) > now + CLEANUP_COMES_SECONDS:
        return "The last cleanup was not enough. See the files it kept, and why:", command
    return told, command


OF_SERVER = "baileys-janitor status"
"""The first command on one server."""
_RELEASED_HERE = {
    "Suspended": "Nothing comes by itself: set suspend to false in the watch's configuration, or clean by hand.",
    "DryRun": "Nothing comes by itself: set mode to Enforce and unset DRY_RUN, or clean by hand.",
    "Observe": "Nothing comes by itself: set mode to Enforce and unset AUTO_CLEANUP, or clean by hand.",
    "CleanupsHeld": "Nothing comes by itself while the hold lasts. To clean now:",
}


CLEANUP_COMES_SECONDS = 900.0
"""Seconds within which an emergency cleanup certainly runs, if at all."""


_LIST = "kubectl get baileystenants -A -o wide"
_LIST_OF_STORES = "kubectl get baileyskeystores -A -o wide"
_RELEASED = {
    "Suspended": "Nothing comes by itself: set spec.suspend to false, or clean by hand.",
    "DryRun": "Nothing comes by itself: set spec.mode (and modeCeiling) to Enforce, or clean by hand.",
    "Observe": "Nothing comes by itself: set spec.mode (and modeCeiling) to Enforce, or clean by hand.",
    "CleanupsHeld": "Nothing comes by itself while the hold lasts. To clean now:",
}
"""The next step where the janitor may not act."""


_CONDITIONS = (
    "kubectl get baileystenants -A -o custom-columns='NAMESPACE:.metadata.namespace,TENANT:.metadata.name,"
    'TRUE:.status.conditions[?(@.status=="True")].type\''
)


def _list_of(kind: IncidentKind) -> str:
    """Return the command that lists the tenants: by the column LEVEL, or by the conditions that are True."""
    level = kind.name.removeprefix("Tenant")
    if level in LEVELS:
        return f"{_LIST} | grep {level}"
    return f"{_CONDITIONS} | grep {kind.name}" if kind.name in CONDITIONS else _LIST


def _describe(place: Place) -> str:
    return f"kubectl describe {place.kind} {place.name} -n {place.namespace}"


def _request(place: Place) -> str:
    return (
        f"kubectl annotate baileystenant {place.name} -n {place.namespace} "
        f'{EMERGENCY_ANNOTATION}="$(date +%s)" --overwrite'
    )


_COMMANDS: dict[str, Callable[[Place], str]] = {"TenantCritical": _request}
