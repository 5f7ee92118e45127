"""Finds where a tenant's claim can be mounted, from the lists of its namespace. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.placement import Claim, Place, Users
from baileys_janitor.controller.tenants.fault import Fault
from baileys_janitor.controller.tenants.record import TenantRecord


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Claims by name, the pods that use them, and nodes by the volume that is attached there.

    `waiting` holds the storage classes whose claims wait for a first consumer.
    """

    claims: Mapping[str, Claim]
    users: Users
    attached: Mapping[str, str]
    waiting: frozenset[str]

    def place(self, tenant: TenantRecord) -> tuple[Place | None, Fault | None, bool]:
        """Return where this tenant's Job must run, or why it cannot; and whether a pod uses the claim."""
        assert tenant.effective is not None
        name = tenant.effective.claim_name
        claim, user = self.claims.get(name), self.users.by_claim.get(name)
        fault = faults.of_claim(claim, name, claim is not None and self._waits(claim))
        if fault is None and claim is not None:
            fault = faults.exclusive_claim(claim, name, user is not None)
        if fault is not None or claim is None:
            return None, fault, user is not None
        if user is not None:
            tenant.scan.run_as(user.identity)
            identity = user.identity.overridden(tenant.effective.job)
            return Place(user.node, "", identity, user.tolerations), None, True
        node = self.attached.get(claim.volume)
        identity = tenant.scan.owner.overridden(tenant.effective.job)
        return Place(node, "" if node else claim.volume, identity), None, False

    def _waits(self, claim: Claim) -> bool:
        return claim.phase == "Pending" and claim.storage_class in self.waiting
