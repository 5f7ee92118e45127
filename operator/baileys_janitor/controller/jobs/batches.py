"""Which tenants share a scan's pod. Pure.

A lot shares a namespace, a place and an identity, and is no larger than its most troubled member allows: tenants
of a lot that got stuck are tried in halves, a tenant whose claim was named as the culprit alone, and each
success lets them into larger company again. A first scan brings back a memory of running time as well, so it has
half of the company.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.tenants.record import TenantRecord


@dataclass(frozen=True, slots=True)
class Placed:
    """A tenant with the place where its volume can be mounted; `used`: a pod uses its claim."""

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
    """Group tenants of one namespace into as few lots as their places and their company allow."""
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
    """Return a lot of several members as two."""
    middle = len(batch.members) // 2
    first, second = batch.members[:middle], batch.members[middle:]
    return replace(batch, members=first), replace(batch, members=second)


def _cut(group: list[Placed], largest: int) -> list[list[Placed]]:
    found: list[list[Placed]] = []
    # The least companionable first, so that they hold back each other and nobody else.
    for one in sorted(group, key=lambda p: _company(p.tenant, largest)):
        most = _company(found[-1][0].tenant, largest) if found else 0
        if found and len(found[-1]) < most:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def _company(tenant: TenantRecord, largest: int) -> int:
    first = tenant.scan.look is None and tenant.scan.running is None
    most = max(1, largest // 2) if first else largest
    return min(most, tenant.jobs.max_batch or largest)


def part(tenants: Sequence[TenantRecord], culprits: frozenset[str]) -> None:
    """Note that a lot got stuck: whose claim is named is tried alone, or all in halves if none is."""
    for tenant in tenants:
        if culprits:
            tenant.jobs.limit_batch(1 if tenant.name in culprits else tenant.jobs.max_batch)
        else:
            tenant.jobs.limit_batch(max(1, len(tenants) // 2))


def crowded(tenant: TenantRecord, members: int) -> None:
    """Note that the result of so many members had room for the tenant's counts alone."""
    tenant.jobs.limit_batch(max(1, members // 2))


def reunite(tenant: TenantRecord, largest: int) -> None:
    """Note that a tenant's scan went well: next time it may have a quarter more company."""
    if tenant.jobs.max_batch is not None:
        grown = tenant.jobs.max_batch + max(1, tenant.jobs.max_batch // 4)
        tenant.jobs.limit_batch(grown if grown < largest else None)
