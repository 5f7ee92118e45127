"""The clock of the watch; tests replace it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Unix time, and monotonic seconds that include the machine's sleep."""

    def now(self) -> float:
        """Return the Unix time in seconds."""

    def monotonic(self) -> float:
        """Return monotonic seconds."""


class MachineClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since the machine's start, including its sleep."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
