"""Notices that a machine's clock was set."""

from __future__ import annotations

STEP_SECONDS = 2.0
"""Seconds by which the Unix time and the monotonic clock must part before the machine's clock counts as set."""


class ClockSteps:
    """Compares Unix time with seconds that pass evenly."""

    def __init__(self, now: float, monotonic: float) -> None:
        self._offset = now - monotonic

    def step(self, now: float, monotonic: float) -> float:
        """Return by how many seconds the clock was set since it was asked last; 0 where it was not."""
        offset = now - monotonic
        step = offset - self._offset
        if abs(step) < STEP_SECONDS:
            return 0.0
        self._offset = offset
        return step
