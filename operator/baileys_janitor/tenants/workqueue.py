"""When each record is due next."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from baileys_janitor.tenants.record import AnyRecord, Key

R = TypeVar("R", bound=AnyRecord)


class WorkQueue(Generic[R]):
    """The due times of `records`, a mapping that may change meanwhile. Times are Unix seconds."""

    def __init__(self, records: Mapping[Key, R]) -> None:
        self._records = records
        self._heap: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        """Return the number of entries, including obsolete ones."""
        return len(self._heap)

    def schedule(self, record: R, when: float | None) -> None:
        """Schedule this record, so that `due` yields it at `when`. Only the last call for a record counts."""
        if when == record.queue.due:
            return
        record.queue.schedule(when)
        if when is not None:
            heapq.heappush(self._heap, (when, record.key))
            self._tidy()

    def due(self, now: float) -> Iterator[R]:
        """Yield the records that are due, the longest overdue first. The caller must schedule each of them again."""
        while self._heap and self._heap[0][0] <= now:
            when, key = heapq.heappop(self._heap)
            record = self._records.get(key)
            if record is not None and record.queue.due == when:
                record.queue.schedule(None)
                yield record

    def next_due(self) -> float | None:
        """Return when the next record is due; drop obsolete entries on the way."""
        while self._heap:
            when, key = self._heap[0]
            record = self._records.get(key)
            if record is not None and record.queue.due == when:
                return when
            heapq.heappop(self._heap)
        return None

    def shift(self, step: float) -> None:
        """Move the due times with the clock, which was set by `step` seconds. Each record moves its own times."""
        self._heap = [(when + step, key) for when, key in self._heap]

    def _tidy(self) -> None:
        # Obsolete entries stay until their time; they must not pile up.
        if len(self._heap) > 64 + 4 * len(self._records):
            self._heap = sorted(
                (record.queue.due, key)
                for key, record in self._records.items()
                if record.queue.due is not None
            )
