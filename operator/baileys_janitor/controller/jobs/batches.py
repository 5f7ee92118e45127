"""Groups tenants whose scans share a pod. Pure.

A batch shares a namespace, a place and an identity. Its size is limited by its most limited member: after a batch got
stuck, its tenants are tried in halves, or a tenant whose claim is the cause alone, and each success allows a larger
batch again. A Job for due tenants also includes tenants at the same place that are due soon: that adds no Job and
aligns later scans. A tenant that can as well share the next Job there is not scanned early. A first scan also returns a
memory of running time, so half as many share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.record import TenantRecord

EARLY_SHARE = 0.5
"""Share of its interval by which a scan may be early to share a Job with a due one."""


@dataclass(slots=True, eq=False)
class Spot:
    """The tenants of a namespace, by name, whose volumes were last at the same place."""

    where: tuple[str, Place]
    tenants: dict[str, TenantRecord]


class SoonDue:
    """Tenants by the last place of their volumes and the user that scans them there."""

    def __init__(self) -> None:
        self._spots: dict[tuple[str, Place], Spot] = {}
        self._of: dict[str, Spot] = {}

    def note(self, tenant: TenantRecord, place: Place) -> None:
        """Remember where a tenant's volume is."""
        where = tenant.namespace, place
        spot = self._spots.get(where)
        if spot is None or self._of.get(tenant.text) is not spot:
            self.forget(tenant)
            spot = self._of[tenant.text] = self._spots.setdefault(where, Spot(where, {}))
        spot.tenants[tenant.name] = tenant

    def forget(self, tenant: TenantRecord) -> None:
        """Forget a tenant that is gone."""
        spot = self._of.pop(tenant.text, None)
        if spot is not None:
            spot.tenants.pop(tenant.name)
            if not spot.tenants:
                del self._spots[spot.where]

    def spot(self, tenant: TenantRecord) -> Spot | None:
        """Return the last place of a tenant's volume; None while unknown."""
        return self._of.get(tenant.text)


def scanned_early(
    due: Sequence[TenantRecord],
    near: SoonDue,
    of_namespace: Iterable[TenantRecord],
    soon: Callable[[TenantRecord], float | None],
    again: Callable[[TenantRecord], float],
    largest: int,
) -> list[TenantRecord]:
    """Return the tenants of one namespace to scan early, together with those that are due.

    At each place these are the tenants that are due next, before one of the tenants due now is due `again`, as many as
    fit the Jobs that are needed anyway. If the place of one of the due tenants is unknown, return all tenants with an
    unknown place: their cost is known once they are placed.

    `soon` returns when a tenant is due, or None if that is not soon. `again` returns when a tenant that is scanned now
    is due after that (Unix seconds). A Job holds up to `largest` tenants.
    """
    taken = {tenant.name for tenant in due}
    drivers: dict[Spot, list[TenantRecord]] = {}
    for tenant in due:
        if (spot := near.spot(tenant)) is not None:
            drivers.setdefault(spot, []).append(tenant)
    found: list[TenantRecord] = []
    for spot, there in drivers.items():
        next_job = min(again(tenant) for tenant in there)
        coming = [
            (when, name, other)
            for name, other in spot.tenants.items()
            if name not in taken and (when := soon(other)) is not None and when < next_job
        ]
        found += [other for _, _, other in sorted(coming)[: -len(there) % largest]]
    if sum(map(len, drivers.values())) < len(due):
        found += [
            other
            for other in of_namespace
            if other.name not in taken and near.spot(other) is None and soon(other) is not None
        ]
    return found


@dataclass(frozen=True, slots=True)
class Placed:
    """A tenant with the place at which its volume can be mounted; `used`: a pod uses its claim."""

    tenant: TenantRecord
    place: Place
    used: bool
    generation: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Tenants whose scan shares a Job, placed at `when` (Unix seconds)."""

    namespace: str
    place: Place
    members: tuple[Placed, ...]
    when: float


def make_batches(namespace: str, placed: Iterable[Placed], largest: int, now: float) -> list[Batch]:
    """Group tenants of one namespace into as few batches as their places and limits allow."""
    grouped: dict[tuple[Place, str], list[Placed]] = {}
    for one in placed:
        effective = one.tenant.effective
        resources = repr(effective.job.resources) if effective is not None else ""
        grouped.setdefault((one.place, resources), []).append(one)
    return [
        Batch(namespace, place, tuple(members), now)
        for (place, _), group in grouped.items()
        for members in _cut(group, largest)
    ]


def halves(batch: Batch) -> tuple[Batch, Batch]:
    """Return a batch of several members as two."""
    middle = len(batch.members) // 2
    first, second = batch.members[:middle], batch.members[middle:]
    return replace(batch, members=first), replace(batch, members=second)


def _cut(group: list[Placed], largest: int) -> list[list[Placed]]:
    found: list[list[Placed]] = []
    # Most limited tenants first, so that they limit only each other.
    for one in sorted(group, key=lambda p: _limit(p.tenant, largest)):
        most = _limit(found[-1][0].tenant, largest) if found else 0
        if found and len(found[-1]) < most:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _limit(tenant: TenantRecord, largest: int) -> int:
    first = tenant.scan.look is None and tenant.scan.running is None
    most = max(1, largest // 2) if first else largest
    return min(most, tenant.jobs.max_batch or largest)


def part(tenants: Sequence[TenantRecord], culprits: frozenset[str]) -> None:
    """Record that a batch got stuck: the tenant whose claim is the cause is tried alone, or all in halves."""
    for tenant in tenants:
        if culprits:
            tenant.jobs.limit_batch(1 if tenant.name in culprits else tenant.jobs.max_batch)
        else:
            tenant.jobs.limit_batch(max(1, len(tenants) // 2))


def crowded(tenant: TenantRecord, members: int) -> None:
    """Record that the result of this many members had room only for the tenant's counts."""
    tenant.jobs.limit_batch(max(1, members // 2))


def reunite(tenant: TenantRecord, largest: int) -> None:
    """Record a successful scan: the next batch may be a quarter larger."""
    if tenant.jobs.max_batch is not None:
        grown = tenant.jobs.max_batch + max(1, tenant.jobs.max_batch // 4)
        tenant.jobs.limit_batch(grown if grown < largest else None)
