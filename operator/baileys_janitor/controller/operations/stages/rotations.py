"""The rotations that wait for a pairing: those that were rolled back, and the messages about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from baileys_janitor.api.operations.status import ROLLED_BACK
from baileys_janitor.controller.jobs.timeouts import Spawn
from baileys_janitor.controller.operations.cache import OperationCache
from baileys_janitor.controller.operations.record import Key, OperationRecord
from baileys_janitor.controller.operations.stages import pairing
from baileys_janitor.controller.operations.stages.verdict import Do, Verdict
from baileys_janitor.controller.status.writer import StatusWriter
from baileys_janitor.tenants.record import TenantRecord


class Rotations:
    """A rollback is stored in the status of its rotation before its own answer is, so it is never forgotten."""

    def __init__(self, cache: OperationCache) -> None:
        self._cache = cache
        self._undone: set[str] = set()
        """Uids of rotations that were rolled back, until that is stored."""
        self._untold: set[Key] = set()
        """Tenants whose due pairing has begun or ended, until their statuses are written."""

    def undo(self, rollback: OperationRecord) -> None:
        """Record that an operation has rolled a rotation back."""
        for each in self._cache.of_tenant(rollback.tenant_key):
            if pairing.is_rolled_back_by(each, rollback):
                self._undone.add(each.uid)

    def is_undone(self, operation: OperationRecord) -> bool:
        """Return whether a rotation was rolled back, and that is not stored."""
        return operation.uid in self._undone and pairing.is_awaiting(operation)

    def verdict(self, operation: OperationRecord) -> Verdict | None:
        """Return the verdict that ends a rotation which was rolled back."""
        return Verdict(Do.COMPLETE, ROLLED_BACK) if self.is_undone(operation) else None

    def stored(self, operation: OperationRecord) -> None:
        """Record that an operation is stored as finished."""
        self._undone.discard(operation.uid)

    def keeps(self, operation: OperationRecord, others: Iterable[OperationRecord]) -> bool:
        """Return whether the answer of a rollback must not be stored yet."""
        return pairing.rolls_back(operation) and any(self.is_undone(each) for each in others)

    def tell(self, tenant: Key) -> None:
        """Update a tenant's status about a due pairing."""
        self._untold.add(tenant)

    def look(
        self,
        find: Callable[[Key], TenantRecord | None],
        writer: StatusWriter[TenantRecord],
        spawn: Spawn,
    ) -> None:
        """Write the statuses of these tenants, unless another step uses them."""
        for key in list(self._untold):
            tenant = find(key)
            if tenant is not None and tenant.queue.busy:
                continue
            self._untold.discard(key)
            if tenant is not None and writer.is_due(tenant):
                spawn(writer.write(tenant), tenant)

    def due(self, tenant: Key, now: float) -> str:
        """Return the message about a pairing that is due for a tenant; empty if none is."""
        waiting = [each for each in self._cache.of_tenant(tenant) if pairing.is_awaiting(each)]
        return pairing.due(waiting[-1], now) if waiting else ""
