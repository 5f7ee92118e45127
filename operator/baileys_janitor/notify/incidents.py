"""Derive the incidents of a tenant from its status. Pure: a status in, incidents out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from baileys_janitor.api.conditions.backup_conditions import BACKED_UP, RESTORABLE, incident_of
from baileys_janitor.api.conditions.condition_kinds import CONDITIONS, Family, Group, IncidentKind
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS, STALLED_SECONDS
from baileys_janitor.api.names import SINGULAR, STORE_SINGULAR
from baileys_janitor.schedule.cleanup_times import UNDONE, are_failing

Object = Mapping[str, Any]

TENANT, KEY_STORE = SINGULAR, STORE_SINGULAR
DIRECTORY = "directory"
"""The resource kind of a directory under `baileys-janitor watch`, without a cluster."""


@dataclass(frozen=True, slots=True)
class Place:
    """Identifies a tenant; all empty for the fleet as a whole."""

    namespace: str = ""
    name: str = ""
    company: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Only the labels that a route matches."""
    kind: str = TENANT
    """The kind of the resource, in kubectl's spelling."""

    @property
    def fleet(self) -> bool:
        """Whether it is the whole fleet."""
        return not self.name


@dataclass(frozen=True, slots=True)
class Incident:
    """One active state. `since` is its beginning (Unix seconds), `begins` the time from which it may be sent."""

    id: int
    kind: IncidentKind
    place: Place
    since: float
    begins: float
    weight: float = 0.0
    """The severity among incidents of its kind: higher is worse."""


@dataclass(frozen=True, slots=True)
class State:
    """The state of one family of a tenant: the active kind, or None; and since when."""

    family: int
    kind: IncidentKind | None
    since: float | None
    weight: float = 0.0
    delay: float = 0.0


FAMILIES = 0xF
"""The bits of an incident's number that identify its family."""


def identify(*parts: str) -> int:
    """Return the number of a tenant (namespace, name, uid): 44 bits, the lowest four left free."""
    digest = hashlib.blake2b("/".join(parts).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") & ~FAMILIES


def states(status: Object, kind: str = TENANT) -> Iterator[State]:
    """Yield the states in a status of that kind of resource; uncertain families are left out."""
    conditions = {c["type"]: c for c in status.get("conditions") or () if "type" in c}
    if kind == KEY_STORE:
        yield from _cleanups(status, INCIDENT_KINDS["KeyStoreCleanupFailing"])
        yield from _scans(conditions, INCIDENT_KINDS["KeyStoreStalled"])
        yield from _backups(conditions)
        return
    yield from _level(status, conditions)
    yield from _advice(conditions)
    yield from _cleanups(status, INCIDENT_KINDS["CleanupFailing"])
    yield from _scans(conditions, INCIDENT_KINDS["ScanStale"])
    yield from _backups(conditions)


def _level(status: Object, conditions: Mapping[str, Object]) -> Iterator[State]:
    level = status.get("level") or "Unknown"
    if level == "Healthy":
        yield State(Family.LEVEL, None, _since(conditions.get("Healthy")))
    elif level == "Unknown":
        # While the count is too old, the sent incident stands: there is no evidence of an improvement.
        healthy = conditions.get("Healthy") or {}
        if healthy.get("reason") == "NotPaired":
            yield State(Family.LEVEL, None, _since(healthy))
    else:
        unreachable = conditions.get("ThresholdUnreachable") or {}
        kind, said = CONDITIONS[level].incident, conditions.get(level)
        if unreachable.get("status") == "True":
            # Do not page anybody for a level that no cleanup can change.
            kind, said = INCIDENT_KINDS["ThresholdUnreachable"], unreachable
        files = status.get("files") or {}
        share = (files.get("counted") or 0) / max(1, files.get("limit") or 1)
        yield State(Family.LEVEL, kind, _since(said), share)


_OF_ADVICE = {
    kind.type: kind.incident
    for kind in CONDITIONS.values()
    if kind.group == Group.ADVICE and kind.incident and kind.incident.family != Family.LEVEL
}


def _advice(conditions: Mapping[str, Object]) -> Iterator[State]:
    found: dict[Family, State] = {}
    for name, kind in _OF_ADVICE.items():
        said = conditions.get(name)
        holds = said is not None and said.get("status") == "True"
        state = State(kind.family, kind if holds else None, _since(said))
        before = found.setdefault(kind.family, state)
        if before.kind is None and (holds or (state.since or 0.0) > (before.since or 0.0)):
            # Of two kinds in one family the active one counts; if none is active, the one that ended last.
            found[kind.family] = state
    yield from found.values()


def _cleanups(status: Object, failing: IncidentKind) -> Iterator[State]:
    since = None
    history = status.get("history") or ()
    for entry in history:
        if entry.get("outcome") not in UNDONE:
            break
        since = moment(entry.get("time"))
    if since is not None and are_failing([str(entry.get("outcome")) for entry in history]):
        yield State(Family.CLEANUP, failing, since)
    else:
        yield State(Family.CLEANUP, None, moment(history[0].get("time")) if history else None)


def _scans(conditions: Mapping[str, Object], stale: IncidentKind) -> Iterator[State]:
    ready, healthy = conditions.get("Ready") or {}, conditions.get("Healthy") or {}
    if healthy.get("reason") == "ScansMissed":
        yield State(Family.SCAN, stale, _since(healthy))
    elif ready.get("status") == "False":
        yield State(Family.SCAN, stale, _since(ready), delay=STALLED_SECONDS)
    elif ready.get("status") == "True":
        yield State(Family.SCAN, None, _since(ready))


def _backups(conditions: Mapping[str, Object]) -> Iterator[State]:
    for type_, family in ((BACKED_UP.type, Family.BACKUP), (RESTORABLE.type, Family.DRILL)):
        said = conditions.get(type_) or {}
        if said.get("status") == "False":
            kind = INCIDENT_KINDS[incident_of(str(said.get("reason")))]
            yield State(family, kind, _since(said))
        elif said.get("status") == "True" or not said:
            # If nobody backs it up any more, the incident is over, too.
            yield State(family, None, _since(said))


def incidents(status: Object, base: int, place: Place, now: float) -> list[Incident]:
    """Return the active incidents of one tenant; `base` is its number from `identify`."""
    found = []
    for state in states(status, place.kind):
        if state.kind is None:
            continue
        since = now if state.since is None else min(state.since, now)
        begins = since + state.delay
        found.append(Incident(base | state.family, state.kind, place, since, begins, state.weight))
    return found


def _since(condition: Object | None) -> float | None:
    return moment(condition.get("lastTransitionTime")) if condition is not None else None


def moment(text: Any) -> float | None:
    """Parse an RFC 3339 time into Unix seconds; None for an invalid one."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return None
