"""Holds every request of a client after a 429: the API server's "too many" applies to all of them, not to one.

A server under load (API Priority and Fairness, or etcd behind it) refuses with 429 and `Retry-After`. Sixteen steps
that each wait for their own request, and continue with the next, would keep it under load.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

LEAST_SECONDS, MOST_SECONDS = 1.0, 60.0
"""Seconds: the pause after a 429 without a time, and the maximum time that any one request is held. Without a maximum a
request could wait forever, always behind another one's refusal, and never use up its attempts."""
SPREAD = 0.5
"""Held requests are sent over half a pause, not all at the same moment."""


class Pause:
    """How long no request may be sent; times are those of a monotonic clock, in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = self._length = 0.0

    def ask(self, seconds: float | None) -> None:
        """Begin or prolong the pause: the server asked for `seconds`, or gave no time."""
        length = min(max(seconds or LEAST_SECONDS, LEAST_SECONDS), MOST_SECONDS)
        until = self._now() + length
        if until > self._until:
            self._until, self._length = until, length

    def left(self) -> float:
        """Return for how many seconds from now no request may be sent; 0 for none."""
        return max(0.0, self._until - self._now())

    async def over(self) -> None:
        """Return when a request may be sent; those that waited return one after another."""
        end = self._now() + MOST_SECONDS
        while (
            left := self.left()
        ) > 0 and self._now() < end:  # it may have been prolonged meanwhile
            late = random.uniform(0.0, SPREAD) * self._length  # noqa: S311  # no secret
            await asyncio.sleep(left + late)
