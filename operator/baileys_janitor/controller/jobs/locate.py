"""Finds where a tenant's claim can be mounted, from the lists of its namespace. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.placement import (
    ANYBODY,
    Claim,
    Place,
    Users,
    owner_of,
)
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Claims by name, the pods that use them, and the node of each attached volume.

    `waiting` has the storage classes whose claims wait for a first consumer, `lost` the nodes that are gone or not
    ready; `edition` distinguishes one list of claims from the next.
    """

    claims: Mapping[str, Claim]
    users: Users
    attached: Mapping[str, str]
    waiting: frozenset[str]
    lost: frozenset[str] = frozenset()
    edition: int = 0

    def place(self, tenant: TenantRecord) -> tuple[Place | None, Fault | None, bool]:
        """Return the place of this tenant's Job, or why it cannot run; and whether a pod uses the claim."""
        assert tenant.effective is not None
        name = tenant.effective.claim_name
        claim, users = self.claims.get(name), self.users.of(name)
        fault = faults.of_claim(claim, name, claim is not None and self._waits(claim))
        if fault is None and claim is not None:
            fault = faults.exclusive_claim(claim, name, bool(users))
        if fault is not None or claim is None:
            return None, fault, bool(users)
        tenant.scan.run_as(owner_of(users, tenant.scan.owner))
        identity = (tenant.scan.owner or ANYBODY).overridden(tenant.effective.job)
        nodes = [user.node for user in users] or [self.attached.get(claim.volume, "")]
        node = next((name for name in nodes if name and name not in self.lost), None)
        tolerations = next((user.tolerations for user in users if user.node == node), "[]")
        if users and node is None:
            tolerations = users[0].tolerations
        volume = "" if node else claim.volume
        place = Place(node, volume, identity, tolerations, pinned=not claim.shared)
        return place, None, bool(users)

    def _waits(self, claim: Claim) -> bool:
        return claim.phase == "Pending" and claim.storage_class in self.waiting
