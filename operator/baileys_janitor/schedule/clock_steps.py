"""Detects that a machine's clock was set."""

from __future__ import annotations

STEP_SECONDS = 2.0
"""Difference in seconds between Unix time and the monotonic clock that counts as a set clock."""


class ClockSteps:
    """Compares Unix time with the monotonic clock."""

    def __init__(self, now: float, monotonic: float) -> None:
        self._offset = now - monotonic

    def step(self, now: float, monotonic: float) -> float:
        """Return by how many seconds the clock was set since the last call; 0 if it was not."""
        offset = now - monotonic
        step = offset - self._offset
        if abs(step) < STEP_SECONDS:
            return 0.0
        self._offset = offset
        return step
