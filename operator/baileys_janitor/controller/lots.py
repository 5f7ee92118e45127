"""Which tenants share a scan's pod. Pure.

A lot shares a namespace, a place and an identity, and is no larger than its most troubled member allows: tenants
of a lot that got stuck are tried in halves, a tenant whose claim was named as the culprit alone, and each
success lets them into larger company again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from baileys_janitor.controller.placement import Place
from baileys_janitor.controller.tenant import Tenant

AHEAD = 0.5
"""Share of its interval by which a scan may be early to share a Job with one that is due."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A tenant with the place where its volume can be mounted; `used`: a pod uses its claim."""

    tenant: Tenant
    place: Place
    used: bool
    generation: int


@dataclass(frozen=True, slots=True)
class Lot:
    """Tenants whose scan shares a Job, placed at `when` (Unix seconds)."""

    namespace: str
    place: Place
    members: tuple[Placed, ...]
    when: float


def lots(namespace: str, placed: Iterable[Placed], largest: int, now: float) -> list[Lot]:
    """Group tenants of one namespace into as few lots as their places and their company allow."""
    grouped: dict[tuple[Place, str], list[Placed]] = {}
    for one in placed:
        effective = one.tenant.effective
        resources = repr(effective.job.resources) if effective is not None else ""
        grouped.setdefault((one.place, resources), []).append(one)
    return [
        Lot(namespace, place, tuple(members), now)
        for (place, _), group in grouped.items()
        for members in _cut(group, largest)
    ]


def _cut(group: list[Placed], largest: int) -> list[list[Placed]]:
    found: list[list[Placed]] = []
    # The least companionable first, so that they hold back each other and nobody else.
    for one in sorted(group, key=lambda p: p.tenant.company or largest):
        most = min(largest, found[-1][0].tenant.company or largest) if found else 0
        if found and len(found[-1]) < most:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def part(tenants: Sequence[Tenant], culprits: frozenset[str]) -> None:
    """Note that a lot got stuck: whose claim is named is tried alone, or all in halves if none is."""
    for tenant in tenants:
        if culprits:
            tenant.company = 1 if tenant.name in culprits else tenant.company
        else:
            tenant.company = max(1, len(tenants) // 2)


def reunite(tenant: Tenant, largest: int) -> None:
    """Note that a tenant's scan went well: next time it may have a quarter more company."""
    if tenant.company is not None:
        grown = tenant.company + max(1, tenant.company // 4)
        tenant.company = grown if grown < largest else None


class Neighbours:
    """Tenants by where their volumes were last: those who are due soon ride along with one who is due."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}
        self._there: dict[str, dict[str, Tenant]] = {}

    def note(self, tenant: Tenant, place: Place) -> None:
        """Remember where a tenant's volume is."""
        where = f"{tenant.namespace}/{place.node}/{place.volume}"
        if self._places.get(tenant.text) != where:
            self.forget(tenant)
            self._places[tenant.text] = where
        self._there.setdefault(where, {})[tenant.name] = tenant

    def forget(self, tenant: Tenant) -> None:
        """Forget a tenant that is gone."""
        there = self._there.get(self._places.pop(tenant.text, ""), {})
        there.pop(tenant.name, None)

    def knows(self, tenant: Tenant) -> bool:
        """Whether it is known where a tenant's volume was last."""
        return tenant.text in self._places

    def of(self, tenant: Tenant) -> Iterable[Tenant]:
        """Return the tenants whose volumes were last where this one's was, itself among them."""
        return self._there.get(self._places.get(tenant.text, ""), {}).values()
