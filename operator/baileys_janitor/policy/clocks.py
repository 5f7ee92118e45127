"""Whether a time is plausible: clocks differ, and anybody who can write to a place can write any time there."""

from __future__ import annotations

#: A time further in the future comes from a wrong clock.
AHEAD_SECONDS = 3600.0


def is_ahead(time: float, now: float) -> bool:
    """Return whether a time lies too far in the future to come from a correct clock."""
    return time - now > AHEAD_SECONDS
