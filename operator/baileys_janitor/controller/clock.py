"""Clocks: the controller reads time from one, and tests provide their own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from baileys_janitor.schedule.clock_steps import ClockSteps


class Clock(Protocol):
    """Unix time in seconds, monotonic time, and waiting."""

    def now(self) -> float:
        """Return the Unix time in seconds."""

    def monotonic(self) -> float:
        """Return monotonic seconds, which are independent of changes of the Unix time."""

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or the time `until` (Unix seconds; None: never) has come."""


class WallClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or `until` has come."""
        timeout = None if until is None else max(0.0, until - self.now())
        # Not `wait_for`: Python 3.11's loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await event.wait()


class WatchedClock:
    """A clock that detects when it is set: `on_step` is called with the seconds, before the new time is returned.

    Code that uses only this clock never mixes times from before and after: stored times have been moved.
    """

    def __init__(self, clock: Clock, on_step: Callable[[float], None]) -> None:
        self._clock = clock
        self._on_step = on_step
        self._steps = ClockSteps(clock.now(), clock.monotonic())

    def now(self) -> float:
        """Return the Unix time in seconds."""
        now = self._clock.now()
        step = self._steps.step(now, self._clock.monotonic())
        if step:
            self._on_step(step)
        return now

    def monotonic(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or `until` has come."""
        await self._clock.wait(event, until)


class MonotonicClock:
    """Returns a clock's monotonic seconds in place of its Unix time, to measure durations."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return monotonic seconds; they are no Unix time."""
        return self._clock.monotonic()

    monotonic = now

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or the monotonic time `until` has come."""
        if until is not None:
            until = self._clock.now() + until - self._clock.monotonic()
        await self._clock.wait(event, until)


def machine_time() -> float:
    """Return this machine's clock time, to compare it with another machine's, even if another clock is injected."""
    return time.time()
