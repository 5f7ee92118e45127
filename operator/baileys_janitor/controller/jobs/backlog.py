"""What waits for its turn, namespace by namespace: one large namespace never holds up a small one. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from baileys_janitor.controller.jobs.batches import Batch
from baileys_janitor.controller.tenants.record import TenantRecord


class NamespaceQueues:
    """Cleanups that are due, scans that are wanted, and scans that are placed and only lack a free slot.

    `next` gives one piece of work at a time and moves on to another namespace. In a namespace urgent cleanups come
    first, then others, then scans. A namespace that has no room keeps its place. What is given is no longer held.
    """

    def __init__(self) -> None:
        self._urgent: dict[str, dict[str, TenantRecord]] = {}
        self._cleanups: dict[str, dict[str, TenantRecord]] = {}
        self._wanted: dict[str, dict[str, TenantRecord]] = {}
        self._batches: dict[str, deque[Batch]] = {}
        self._order: deque[str] = deque()
        self._listed: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._order)

    def __len__(self) -> int:
        """How many tenants wait."""
        tables = (self._urgent, self._cleanups, self._wanted)
        waiting = sum(len(held) for table in tables for held in table.values())
        return waiting + sum(
            len(batch.members) for held in self._batches.values() for batch in held
        )

    def want(self, tenant: TenantRecord) -> None:
        """Have a tenant scanned in its namespace's turn."""
        self._wanted.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def clean(self, tenant: TenantRecord, *, urgent: bool = False) -> None:
        """Have a tenant's cleanup decided on again in its namespace's turn."""
        table = self._urgent if urgent else self._cleanups
        table.setdefault(tenant.namespace, {})[tenant.name] = tenant
        self._list(tenant.namespace)

    def put(self, batches: Iterable[Batch]) -> None:
        """Have lots sent in their namespace's turn."""
        for batch in batches:
            self._batches.setdefault(batch.namespace, deque()).append(batch)
            self._list(batch.namespace)

    def forget(self, tenant: TenantRecord) -> None:
        """Forget a tenant that is gone; of a lot it is left out when that is sent."""
        for held in (self._wanted, self._cleanups, self._urgent):
            held.get(tenant.namespace, {}).pop(tenant.name, None)

    def next(
        self, has_room: Callable[[str, bool], bool]
    ) -> TenantRecord | list[TenantRecord] | Batch | None:
        """Return a tenant whose cleanup is due, all tenants of a namespace that want a scan, or a lot.

        `has_room` says of a namespace, and of what is urgent or not, whether there is room for a Job.
        """
        for _ in range(len(self._order)):
            namespace = self._order.popleft()
            self._listed.discard(namespace)
            found = self._of(namespace, has_room)
            if self._holds(namespace):
                self._list(namespace)
            if found is not None:
                return found
        return None

    def _of(
        self, namespace: str, has_room: Callable[[str, bool], bool]
    ) -> TenantRecord | list[TenantRecord] | Batch | None:
        urgent = self._urgent.get(namespace)
        if urgent and has_room(namespace, True):
            return urgent.pop(next(iter(urgent)))
        cleanups, batches = self._cleanups.get(namespace), self._batches.get(namespace)
        waits = cleanups or batches or self._wanted.get(namespace)
        if not waits or not has_room(namespace, False):
            return None
        if cleanups:
            return cleanups.pop(next(iter(cleanups)))
        if batches:
            return batches.popleft()
        wanted = self._wanted.pop(namespace, None)
        return list(wanted.values()) if wanted else None

    def _holds(self, namespace: str) -> bool:
        for held in (self._urgent, self._cleanups, self._wanted, self._batches):
            if held.get(namespace):
                return True
            held.pop(namespace, None)
        return False

    def _list(self, namespace: str) -> None:
        if namespace not in self._listed:
            self._listed.add(namespace)
            self._order.append(namespace)
