"""The slots of a tenant's timers, and the handled requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baileys_janitor.api.values.timestamps import from_rfc3339

Object = dict[str, Any]

REQUESTS_AT_ONCE = 3
REQUESTS_WITHIN_SECONDS = 600.0
"""At most this many requested cleanups of a tenant begin within this many seconds; a further one waits."""


@dataclass(slots=True)
class Timers:
    """The timers of one tenant. Slots are Unix seconds."""

    trigger_slot: float | None = None
    daily_slot: float | None = None
    handled_request: str | None = None
    asked_at: tuple[float, ...] = ()
    """When the last requested cleanups began."""

    def begin(self, now: float, daily_delay: float) -> None:
        """Start the timers of a tenant that is seen for the first time: nothing was missed before.

        `daily_delay` (seconds) is the delay of its daily cleanup after the cron time. A tenant that is applied between
        the two gets its cleanup the same day.
        """
        self.trigger_slot = now if self.trigger_slot is None else self.trigger_slot
        self.daily_slot = now - daily_delay if self.daily_slot is None else self.daily_slot

    def settle(
        self, trigger_slot: float | None, daily_slot: float | None, request: str | None
    ) -> None:
        """Record the slots and the request that a decision handles."""
        self.trigger_slot = trigger_slot or self.trigger_slot
        self.daily_slot = daily_slot or self.daily_slot
        self.handled_request = request or self.handled_request

    def requested(self, now: float) -> None:
        """Record that a requested cleanup begins."""
        self.asked_at = (*self.asked_at, now)[-REQUESTS_AT_ONCE:]

    @property
    def request_time(self) -> float:
        """The earliest time (Unix seconds) for a requested cleanup: a flood of requests is spread."""
        if len(self.asked_at) < REQUESTS_AT_ONCE:
            return 0.0
        return self.asked_at[-REQUESTS_AT_ONCE] + REQUESTS_WITHIN_SECONDS

    def load(self, status: Object) -> None:
        """Load the slots and the request of a stored status."""
        slots = status["timers"] or {}
        self.trigger_slot = from_rfc3339(slots.get("trigger"))
        self.daily_slot = from_rfc3339(slots.get("daily"))
        self.handled_request = status["lastHandledRequest"]

    def shift(self, step: float) -> None:
        """Move the requests with the clock; slots belong to the calendar and stay."""
        self.asked_at = tuple(when + step for when in self.asked_at)

    def cut(self, now: float) -> None:
        """Cut times in the future: a wrong clock has written them."""
        self.trigger_slot = None if self.trigger_slot is None else min(self.trigger_slot, now)
        self.daily_slot = None if self.daily_slot is None else min(self.daily_slot, now)
        self.asked_at = tuple(min(when, now) for when in self.asked_at)
