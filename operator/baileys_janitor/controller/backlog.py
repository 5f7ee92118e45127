"""What waits for its turn, namespace by namespace: one large namespace never holds up a small one. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from baileys_janitor.controller.lots import Lot
from baileys_janitor.controller.tenant import Tenant


class Backlog:
    """Cleanups that are due, scans that are wanted, and scans that are placed and only lack a free slot.

    `next` gives one piece of work at a time and moves on to another namespace. In a namespace cleanups come
    before scans. What is given is no longer held.
    """

    def __init__(self) -> None:
        self._cleanups: dict[str, dict[str, Tenant]] = {}
        self._wanted: dict[str, dict[str, Tenant]] = {}
        self._lots: dict[str, deque[Lot]] = {}
        self._order: deque[str] = deque()
        self._listed: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._order)

    def __len__(self) -> int:
        """How many tenants wait."""
        waiting = sum(len(held) for held in (*self._cleanups.values(), *self._wanted.values()))
        return waiting + sum(len(lot.members) for held in self._lots.values() for lot in held)

    def want(self, tenant: Tenant) -> None:
        """Have a tenant scanned in its namespace's turn."""
        self._wanted.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def clean(self, tenant: Tenant) -> None:
        """Have a tenant's cleanup decided on again in its namespace's turn."""
        self._cleanups.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def put(self, lots: Iterable[Lot]) -> None:
        """Have lots sent in their namespace's turn."""
        for lot in lots:
            self._lots.setdefault(lot.namespace, deque()).append(lot)
            self._list(lot.namespace)

    def forget(self, tenant: Tenant) -> None:
        """Forget a tenant that is gone; of a lot it is left out when that is sent."""
        for held in (self._wanted, self._cleanups):
            held.get(tenant.namespace, {}).pop(tenant.name, None)

    def next(self) -> Tenant | list[Tenant] | Lot | None:
        """Return a tenant whose cleanup is due, all tenants of a namespace that want a scan, or a lot."""
        while self._order:
            namespace = self._order.popleft()
            self._listed.discard(namespace)
            found = self._of(namespace)
            if self._holds(namespace):
                self._list(namespace)
            if found is not None:
                return found
        return None

    def _of(self, namespace: str) -> Tenant | list[Tenant] | Lot | None:
        cleanups = self._cleanups.get(namespace)
        if cleanups:
            return cleanups.pop(next(iter(cleanups)))
        lots = self._lots.get(namespace)
        if lots:
            return lots.popleft()
        wanted = self._wanted.pop(namespace, None)
        return list(wanted.values()) if wanted else None

    def _holds(self, namespace: str) -> bool:
        for held in (self._cleanups, self._wanted, self._lots):
            if held.get(namespace):
                return True
            held.pop(namespace, None)
        return False

    def _list(self, namespace: str) -> None:
        if namespace not in self._listed:
            self._listed.add(namespace)
            self._order.append(namespace)
