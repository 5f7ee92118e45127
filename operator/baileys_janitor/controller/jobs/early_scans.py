"""Who rides along: a Job that is made for a tenant that is due takes up those who are due soon at the same place. Pure.

To be scanned early makes no Job more, and from then on they are due together. But it is a scan, and its claim is
mounted: so nobody rides who can as well ride with the next Job there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.tenants.record import TenantRecord

AHEAD = 0.5
"""Share of its interval by which a scan may be early to share a Job with one that is due."""


@dataclass(slots=True, eq=False)
class Spot:
    """A namespace's tenants by name whose volumes were last at the same place."""

    where: tuple[str, Place]
    tenants: dict[str, TenantRecord]


class SoonDue:
    """Tenants by where their volumes were last, and as whom they are scanned there."""

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
        """Return where a tenant's volume was last; None while that is not known."""
        return self._of.get(tenant.text)


def riders(
    due: Sequence[TenantRecord],
    near: SoonDue,
    of_namespace: Iterable[TenantRecord],
    soon: Callable[[TenantRecord], float | None],
    again: Callable[[TenantRecord], float],
    largest: int,
) -> list[TenantRecord]:
    """Return who rides along with tenants of one namespace.

    At each place these are the next ones who are due, before one of those who are due now is so `again`, as many as
    fit into the Jobs that are needed anyway. If the place of one of the tenants is not known yet, they are all whose
    place is not known: what they cost is known once they are placed.

    `soon` and `again` tell when a tenant is due, and when one that is scanned now is due after that (Unix seconds);
    `soon` is None where that is not soon. A Job takes up to `largest`.
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
