"""Where the watch takes time from; tests bring their own."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Unix time, and seconds that pass evenly, also while the machine sleeps."""

    def now(self) -> float:
        """Return the Unix time in seconds."""

    def monotonic(self) -> float:
        """Return seconds that pass evenly."""


class MachineClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since the machine's start, those that it slept included."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
