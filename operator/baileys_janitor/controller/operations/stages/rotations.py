"""The rotations that wait for a pairing: which were rolled back, and what is to be said of the others."""

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
    """That a rotation was rolled back is stored before the answer of whoever did it, so that it is never forgotten."""

    def __init__(self, cache: OperationCache) -> None:
        self._cache = cache
        self._undone: set[str] = set()
        """Uids of rotations that were rolled back, until that is stored."""
        self._untold: set[Key] = set()
        """Tenants of which it has changed whether a pairing is due, until their statuses are written."""

    def undo(self, rollback: OperationRecord) -> None:
        """Take in that an operation has rolled a rotation back."""
        for each in self._cache.of_tenant(rollback.tenant_key):
            if pairing.is_rolled_back_by(each, rollback):
                self._undone.add(each.uid)

    def is_undone(self, operation: OperationRecord) -> bool:
        """Return whether a rotation was rolled back, and that is not stored."""
        return operation.uid in self._undone and pairing.is_awaiting(operation)

    def verdict(self, operation: OperationRecord) -> Verdict | None:
        """Return that a rotation ends which was rolled back."""
        return Verdict(Do.COMPLETE, ROLLED_BACK) if self.is_undone(operation) else None

    def stored(self, operation: OperationRecord) -> None:
        """Take in that an operation is over."""
        self._undone.discard(operation.uid)

    def keeps(self, operation: OperationRecord, others: Iterable[OperationRecord]) -> bool:
        """Return whether the answer of a rollback is not to be stored yet."""
        return pairing.rolls_back(operation) and any(self.is_undone(each) for each in others)

    def tell(self, tenant: Key) -> None:
        """Have a tenant's status say whether a pairing is due."""
        self._untold.add(tenant)

    def look(
        self,
        find: Callable[[Key], TenantRecord | None],
        writer: StatusWriter[TenantRecord],
        spawn: Spawn,
    ) -> None:
        """Have the statuses written of tenants with which nothing else is busy."""
        for key in list(self._untold):
            tenant = find(key)
            if tenant is not None and tenant.queue.busy:
                continue
            self._untold.discard(key)
            if tenant is not None and writer.is_due(tenant):
                spawn(writer.write(tenant), tenant)

    def due(self, tenant: Key, now: float) -> str:
        """Return what is to be said of a pairing that is due for a tenant; empty where none is."""
        waiting = [each for each in self._cache.of_tenant(tenant) if pairing.is_awaiting(each)]
        return pairing.due(waiting[-1], now) if waiting else ""
