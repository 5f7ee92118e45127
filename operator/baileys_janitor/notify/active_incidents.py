"""The active incidents of the fleet, updated as statuses change; nothing is stored for healthy tenants.

Changes name the tenants to evaluate again; a slow round over all of them finds the rest. Pure: no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from baileys_janitor.api.conditions.condition_kinds import Family
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.notify.delivery_state import Fate, Over
from baileys_janitor.notify.incidents import (
    FAMILIES,
    Incident,
    Place,
    identify,
    incidents,
    states,
)
from baileys_janitor.notify.routes import Target
from baileys_janitor.schedule.circuit_breaker import Hold, named
from baileys_janitor.tenants.record import AnyRecord, Key

Object = dict[str, Any]

ROUND = 60
"""Number of passes for one round over all tenants."""
AT_LEAST = 100
"""The least number of tenants evaluated in a pass."""
KNOWN_AFTER_SECONDS = 120.0
"""Seconds after its start within which an operator has certainly seen every tenant."""
FORGOTTEN_AFTER_SECONDS = 7 * 86_400.0
"""Seconds for which the time of a tenant's deletion is remembered."""
FLEET = Place()


class Records(Protocol):
    """All records of one kind."""

    @property
    def kind(self) -> str:
        """The kind of the resources, as in `Place.kind`."""

    @property
    def records(self) -> Mapping[Key, Any]:
        """The records by (namespace, name)."""


_FLEET_ID = identify("fleet") | Family.BREAKER


def place_of(record: AnyRecord) -> Place:
    """Return the place that identifies a tenant or a key store in messages."""
    labels = record.resource.labels or {}
    return Place(record.namespace, record.name, record.company, labels, record.kind.lower())


def _differ(before: Incident, after: Incident) -> bool:
    """Return whether there may be something to send. The weight is ignored: it changes at every scan."""
    return (before.kind, before.since, before.place) != (after.kind, after.since, after.place)


def _message(hold: Hold) -> str:
    """Describe which cleanups are held, until when, and who opened the circuit breaker."""
    spaces = "namespace" if len(hold.namespaces) == 1 else "namespaces"
    who = f"{spaces} {named(hold.namespaces)}"
    if hold.tenants:
        who += f" (tenant{'s' if len(hold.tenants) > 1 else ''} {named(hold.tenants)})"
    where = "everywhere" if hold.fleet else "there"
    return (
        f"Many cleanups of {who} removed abnormally much in a short time, so automatic ones are held {where} until "
        f"{to_rfc3339(hold.until)}. Emergency ones run and remove a quarter of maxRemovals at most; requested ones run."
    )


class ActiveIncidents:
    """The active incidents. `version` increases with every change."""

    def __init__(self, caches: Sequence[Records], started: float) -> None:
        """`caches`: those of the tenants and of the key stores, if any."""
        self._caches = {cache.kind: cache for cache in caches}
        self._started = started
        self.version = 0
        self.incidents: dict[int, Incident] = {}
        self._known: dict[int, tuple[str, Key, str]] = {}
        """(kind, key, uid) of every evaluated record, by its number."""
        self._round: Iterator[AnyRecord] = iter(())
        self._absent: dict[int, float] = {}
        self._gone: dict[int, Place] = {}
        """Places of tenants that were deleted while this operator ran."""
        self._held: tuple[float, Hold] | None = None
        """Since when automatic cleanups are held, and by which circuit breakers."""

    def look(self, tenant: AnyRecord, now: float) -> None:
        """Evaluate one tenant or key store again."""
        base = identify(tenant.namespace, tenant.name, tenant.uid)
        self._known[base] = place_of(tenant).kind, tenant.key, tenant.uid
        found: list[Incident] = []
        if not tenant.resource.muted:
            found = incidents(tenant.stored.status, base, place_of(tenant), now)
        self._replace(base, found)

    def _replace(self, base: int, found: list[Incident]) -> None:
        fresh = {incident.id: incident for incident in found}
        for family in Family:
            id_ = base | family
            before, after = self.incidents.get(id_), fresh.get(id_)
            if before is None and after is None:
                continue
            if after is None:
                del self.incidents[id_]
            else:
                self.incidents[id_] = after
                self._absent.pop(id_, None)
            if before is None or after is None or _differ(before, after):
                self.version += 1

    def go_round(self, now: float) -> None:
        """Evaluate the next few records, and drop some that are gone."""
        count = max(AT_LEAST, sum(len(cache.records) for cache in self._caches.values()) // ROUND)
        for _ in range(count):
            tenant = next(self._round, None)
            if tenant is None:
                self.drop_absent(now)
                self._round = iter(self._all())
                return
            if self._find(place_of(tenant).kind, tenant.key) is tenant:
                self.look(tenant, now)

    def look_at_new(self, now: float) -> Iterator[None]:
        """Evaluate records for the first time, and yield after every few."""
        for number, tenant in enumerate(self._all()):
            if identify(tenant.namespace, tenant.name, tenant.uid) not in self._known:
                self.look(tenant, now)
            if number % AT_LEAST == 0:
                yield

    def drop_absent(self, now: float) -> None:
        """Drop the records that are gone."""
        for base, (kind, key, uid) in list(self._known.items()):
            tenant = self._find(kind, key)
            if tenant is None or tenant.uid != uid:
                del self._known[base]
                self._absent[base] = now
                if any(base | family in self.incidents for family in Family):
                    self._gone[base] = Place(*key, kind=kind)
                self._replace(base, [])
                self.version += 1
        for id_ in [
            i for i, since in self._absent.items() if since < now - FORGOTTEN_AFTER_SECONDS
        ]:
            del self._absent[id_]
            self._gone.pop(id_, None)

    def hold(self, hold: Hold | None, now: float) -> None:
        """Update the hold of the circuit breakers."""
        if hold is None:
            if self._held is not None:
                self._held = None
                self.incidents.pop(_FLEET_ID, None)
                self.version += 1
        elif self._held is None or self._held[1] != hold:
            since = self._held[0] if self._held is not None else now
            self._held = since, hold
            self._absent.pop(_FLEET_ID, None)
            kind = INCIDENT_KINDS["CircuitBreakerOpen"]
            self.incidents[_FLEET_ID] = Incident(_FLEET_ID, kind, FLEET, since, since)
            self.version += 1

    def status(self, place: Place) -> Mapping[str, Any] | None:
        """Return the status of a tenant or key store, None when it is gone; for the fleet, the hold."""
        if not place.fleet:
            tenant = self._find(place.kind, (place.namespace, place.name))
            return None if tenant is None else tenant.stored.status
        if self._held is None:
            return None
        told = _message(self._held[1])
        return {"conditions": [{"type": "CircuitBreakerOpen", "status": "True", "message": told}]}

    def _all(self) -> list[AnyRecord]:
        return [record for cache in self._caches.values() for record in cache.records.values()]

    def _find(self, kind: str, key: Key) -> AnyRecord | None:
        cache = self._caches.get(kind)
        return None if cache is None else cache.records.get(key)

    def is_known(self, record: AnyRecord) -> bool:
        """Return whether a tenant or key store still exists."""
        return self._find(place_of(record).kind, record.key) is record

    def record(self, id_: int) -> AnyRecord | None:
        """Return the tenant or key store with this number."""
        known = self._known.get(id_ & ~FAMILIES)
        if known is None:
            return None
        kind, key, uid = known
        found = self._find(kind, key)
        return found if found is not None and found.uid == uid else None

    def fate(self, id_: int, target: Target, now: float) -> Fate:
        """Return the fate of an incident that was sent to a target and is no longer active for it."""
        if id_ == _FLEET_ID:
            held = self.incidents.get(id_)
            return held is None and Over(self._absent.setdefault(id_, now), FLEET)
        tenant = self.record(id_)
        if tenant is None:
            since = self._absent.setdefault(id_ & ~FAMILIES, now)
            if now < self._started + KNOWN_AFTER_SECONDS:
                return True
            return Over(since, self._gone.get(id_ & ~FAMILIES))
        self._absent.pop(id_ & ~FAMILIES, None)
        place = place_of(tenant)
        if tenant.resource.muted or not target.hears(place):
            return False
        family = id_ & FAMILIES
        state = next(
            (s for s in states(tenant.stored.status, place.kind) if s.family == family), None
        )
        if state is None:
            return True
        if state.kind is not None and target.wants(place, state.kind):
            # It has just come back, and will be listed shortly.
            return True
        since = state.since if state.since is not None else self._absent.setdefault(id_, now)
        return Over(since, place)
