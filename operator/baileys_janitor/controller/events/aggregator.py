"""Aggregates Events that wait to be written: repetitions become a series, and excess Events are dropped. Pure.

As in client-go's recorder (tools/events), a repetition within six minutes increments the count of one object. There are
three further limits: for one tenant, for one reason (an outage of all tenants has one reason), and for the operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass

from baileys_janitor.controller.events.messages import ROUTINE, Draft

FINISH_SECONDS = 360.0
"""Seconds without a repetition that end a series, and seconds between two writes of a series that continues."""
WAITING = 200
"""Maximum number of waiting Events; beyond it the least important is dropped."""
SERIES = 512
"""Maximum number of remembered series; beyond it the one without a repetition for the longest time is dropped."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket: `burst` at once, then one each `every` seconds."""

    burst: float
    every: float


TENANT = RateLimit(10, 60.0)
REASON = RateLimit(50, 5.0)
ROUTINE_REASON = RateLimit(50, 0.5)
OPERATOR = RateLimit(50, 0.2)
ROUNDING = 1e-6
BUCKETS = 2048
"""Maximum number of remembered buckets; full ones are dropped first."""


class Buckets:
    """Token buckets by key, all with the same rate."""

    def __init__(self, pace: RateLimit) -> None:
        self._pace = pace
        self._left: dict[Hashable, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._left)

    def take(self, key: Hashable, now: float) -> bool:
        """Take a token; False when there is none."""
        left = self._filled(key, now)
        if left < 1.0 - ROUNDING:
            return False
        # The latest is last: the first bucket has had the longest time to fill up.
        self._left.pop(key, None)
        self._left[key] = left - 1.0, now
        if len(self._left) > BUCKETS:
            del self._left[next(iter(self._left))]
        return True

    def wait(self, key: Hashable, now: float) -> float:
        """Return the seconds until there is a token."""
        return max(0.0, 1.0 - self._filled(key, now)) * self._pace.every

    def _filled(self, key: Hashable, now: float) -> float:
        left, since = self._left.get(key, (self._pace.burst, now))
        return min(self._pace.burst, left + max(0.0, now - since) / self._pace.every)


@dataclass(slots=True)
class Series:
    """An Event and its repetitions. `written` is the count that the API server has, 0 before the first write."""

    draft: Draft
    first: float
    last: float
    count: int = 1
    written: int = 0
    written_at: float = 0.0
    object_name: str = ""
    tries: int = 0
    number: int = 0
    """Increases from one series to the next, so that simultaneous Events have an order."""


class EventAggregator:
    """Events to be written, in order. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, ...], Series] = {}
        self._waiting: dict[tuple[str, ...], Series] = {}
        """Series that have no object yet, oldest first."""
        self._tenants = Buckets(TENANT)
        self._reasons = {True: Buckets(ROUTINE_REASON), False: Buckets(REASON)}
        self._operator = Buckets(OPERATOR)
        self._paused_until = 0.0
        self._number = 0
        self.left_out: Counter[str] = Counter()
        """Events that were not written, by cause: Tenant, Reason (limits), Full (queue), Refused."""

    def __len__(self) -> int:
        return len(self._series)

    def offer(self, draft: Draft, now: float) -> None:
        """Accept an Event to be written; drop it if there are too many."""
        known = self._series.get(draft.key)
        if known is not None and (now - known.last < FINISH_SECONDS or draft.key in self._waiting):
            known.count += 1
            known.last = now
            return
        if not self._tenants.take(draft.uid, now):
            self.left_out["Tenant"] += 1
        elif not self._reasons[draft.reason in ROUTINE].take(draft.reason, now):
            self.left_out["Reason"] += 1
        else:
            self._begin(Series(draft, now, now))

    def _begin(self, series: Series) -> None:
        key = series.draft.key
        self._number += 1
        series.number = self._number
        self._series.pop(key, None)
        self._series[key] = self._waiting[key] = series
        if len(self._waiting) > WAITING:
            # Of equally important Events the newest is dropped: the beginning of an incident is worth more.
            least = min(reversed(self._waiting.values()), key=lambda s: s.draft.weight)
            self._drop(least, "Full")
        if len(self._series) > SERIES:
            silent = (s for s in self._series.values() if s.draft.key not in self._waiting)
            del self._series[min(silent, key=lambda s: s.last).draft.key]

    def _drop(self, series: Series, cause: str) -> None:
        self.left_out[cause] += 1
        self._waiting.pop(series.draft.key, None)
        if self._series.get(series.draft.key) is series:
            del self._series[series.draft.key]

    def take(self, now: float) -> Series | None:
        """Return the series to write now, the most important first; None if none is due."""
        self._finish(now)
        found = max(self._waiting.values(), key=lambda s: s.draft.weight, default=None)
        found = found or min(self._due(now), key=lambda s: s.written_at, default=None)
        if found is None or now < self._paused_until or not self._operator.take("", now):
            return None
        self._waiting.pop(found.draft.key, None)
        return found

    def next_time(self, now: float) -> float | None:
        """Return when to call `take` again; None if only an offer makes it useful."""
        when = None
        if self._waiting:
            when = now
        elif self._series:
            untold = [_due_time(s) for s in self._series.values() if s.count > s.written > 0]
            when = min(untold, default=None)
        if when is None:
            return None
        return max(when, self._paused_until, now + self._operator.wait("", now))

    def _due(self, now: float) -> list[Series]:
        return [s for s in self._series.values() if s.count > s.written > 0 and _due_time(s) <= now]

    def _finish(self, now: float) -> None:
        over = [
            key
            for key, s in self._series.items()
            if now - s.last >= FINISH_SECONDS and s.written >= s.count
        ]
        for key in over:
            del self._series[key]

    def wrote(self, series: Series, count: int, now: float) -> None:
        """Record that the API server has a series with this count."""
        series.written, series.written_at, series.tries = count, now, 0

    def failed(self, series: Series, now: float, again: float | None) -> None:
        """Record that a write failed: it is tried again after `again` seconds, or never for None."""
        series.tries += 1
        if again is None or series.tries >= TRIES:
            self._drop(series, "Refused")
        elif not series.written and self._series.get(series.draft.key) is series:
            self._waiting[series.draft.key] = series
        if again is not None:
            self._paused_until = max(self._paused_until, now + again)

    def lost(self, series: Series) -> None:
        """Record that a series' object is gone (objects are kept for an hour): it is written again."""
        series.written, series.object_name = 0, ""
        if self._series.get(series.draft.key) is series:
            self._waiting[series.draft.key] = series


def _due_time(series: Series) -> float:
    """Return when to write an increased count: the first repetition at once."""
    return series.last if series.written == 1 else series.written_at + FINISH_SECONDS
