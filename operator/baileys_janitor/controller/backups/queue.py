"""When resources are due for a backup or a drill, and which of them have one under way. Pure."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from baileys_janitor.backup.job.task import BACKUP, DRILL
from baileys_janitor.controller.clock import Clock
from baileys_janitor.schedule import backup_reasons, backup_times
from baileys_janitor.schedule.backup_times import BackupSchedule
from baileys_janitor.tenants.backup_state import FAILED
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import AnyRecord, Key

R = TypeVar("R", bound=AnyRecord)

GAP_SECONDS = 1.0
"""Least seconds between two decisions on one resource."""
AGAIN_SECONDS = 10.0
"""Seconds until something that could not begin now is tried again."""
GATHER_SECONDS = 10.0
"""First backups begin at multiples of this many seconds."""


class BackupQueue(Generic[R]):
    """The workqueue of backups for one kind of resource.

    `find` returns the record of a key while the operator manages it, `schedule` its schedules in force.
    """

    def __init__(
        self,
        clock: Clock,
        find: Callable[[Key], R | None],
        schedule: Callable[[R], BackupSchedule | None],
        started: float,
    ) -> None:
        self._clock = clock
        self._find = find
        self._schedule = schedule
        self._started = started
        self._heap: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._generations: dict[Key, tuple[str, int]] = {}
        self._considered: dict[Key, float] = {}
        self._not_before: dict[Key, float] = {}
        self._under_way: Counter[Key] = Counter()

    def observe(self, record: R) -> bool:
        """Process a resource that may have changed; return whether it is seen for the first time."""
        before = self._generations.get(record.key)
        now = record.uid, record.resource.generation
        if before == now:
            return False
        self._generations[record.key] = now
        if before is not None:
            # Somebody may have corrected the cause of a failure.
            for each in record.backup.repositories.values():
                each.hurry()
                each.drill.hurry()
        self._not_before.pop(record.key, None)
        self.again(record)
        return before is None or before[0] != record.uid

    def forget(self, key: Key) -> None:
        """Drop a resource that was deleted."""
        tables: tuple[dict[Key, Any], ...] = (
            *(self._due, self._generations, self._considered),
            *(self._not_before, self._under_way),
        )
        for table in tables:
            table.pop(key, None)

    def shift(self, step: float) -> None:
        """Move all times with the clock, which was set by `step` seconds."""
        self._started += step
        for table in (self._due, self._considered, self._not_before):
            for key in table:
                table[key] += step
        self._heap = [(when + step, key) for when, key in self._heap]

    def wait(self, record: R, until: float) -> None:
        """Do not consider a resource again before a time (Unix seconds)."""
        self._not_before[record.key] = until

    def hurry(self, record: R) -> None:
        """Consider a resource again as soon as possible."""
        self._not_before.pop(record.key, None)
        self.again(record)

    def again(self, record: R) -> None:
        """Put a resource into the queue for its next due time."""
        when = None
        if not self._under_way[record.key] and (schedule := self._schedule(record)) is not None:
            due = backup_times.upcoming(
                record.backup.repositories, schedule, self._clock.now(), self._started
            )
            when = due[0].time if due else None
        if when is None:
            self._due.pop(record.key, None)
            return
        considered = self._considered.get(record.key, 0.0) + GAP_SECONDS
        when = max(when, considered, self._not_before.get(record.key, 0.0))
        if _is_new(record):
            # Resources that were applied together share Jobs.
            when = math.ceil(max(when, self._clock.now()) / GATHER_SECONDS) * GATHER_SECONDS
        if self._due.get(record.key) != when:
            self._due[record.key] = when
            heapq.heappush(self._heap, (when, record.key))

    def next_due(self) -> float | None:
        """Return when the next resource is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> Iterator[R]:
        """Take out the resources that are due, one after another."""
        while (when := self.next_due()) is not None and when <= now:
            _, key = heapq.heappop(self._heap)
            del self._due[key]
            record = self._find(key)
            if record is not None:
                yield record

    def claim(self, record: R, now: float) -> tuple[str, tuple[str, ...]] | None:
        """Claim the due work of a resource: an action, and the names of the repositories.

        Return None if nothing is due now; the resource is then in the queue for later.
        """
        self._considered[record.key] = now
        schedule = self._schedule(record)
        if schedule is None:
            return None
        if record.stored.stale or record.backoff.crashes or record.new:
            self.wait(record, now + AGAIN_SECONDS)
            self.again(record)
            return None
        due = backup_times.due_now(record.backup.repositories, schedule, now, self._started)
        # A drill waits for the backup: it restores the newest archive.
        action, reason = (
            (BACKUP, backup_reasons.BACKUP)
            if backup_reasons.BACKUP in due
            else (DRILL, backup_reasons.DRILL)
        )
        names = due.get(reason)
        if not names:
            self.again(record)
            return None
        self._begin(record, action, names, now)
        return action, tuple(names)

    def take_up(self, record: R, action: str, names: Iterable[str], since: float) -> None:
        """Record that an earlier operator has begun an action for a resource at a time (Unix seconds)."""
        self._begin(record, action, names, since)
        self.again(record)

    def _begin(self, record: R, action: str, names: Iterable[str], since: float) -> None:
        for name in names:
            state = record.backup.repositories.get(name)
            if state is not None:
                (state.drill if action == DRILL else state).claim(since)
        self._under_way[record.key] += 1

    def release(self, record: R) -> None:
        """Record that the claimed work is over, or was not begun."""
        self._under_way[record.key] -= 1
        if self._under_way[record.key] <= 0:
            del self._under_way[record.key]
        record.backup.release()
        if self._find(record.key) is record:
            self.again(record)


def _is_new(record: AnyRecord) -> bool:
    """Return whether a first backup waits that nobody has requested."""
    states = record.backup.repositories.values()
    return any(each.tried_at is None for each in states) and not any(
        each.is_asked or each.drill.is_asked for each in states
    )


def fail(record: AnyRecord, action: str, names: Iterable[str], fault: Fault, now: float) -> None:
    """Record that an action for a resource, in the repositories with these names, cannot begin."""
    for name in names:
        state = record.backup.repositories.get(name)
        if state is not None and action == DRILL:
            state.drill.fail(now, fault.reason, fault.message)
        elif state is not None:
            state.fail(now, fault.reason, fault.message)
            state.ended(FAILED, None)
    record.stored.want_write()
