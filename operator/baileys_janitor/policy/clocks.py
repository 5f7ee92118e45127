"""Whether a time can be right: clocks differ, and anybody who can write somewhere can write any time there."""

from __future__ import annotations

#: A time that lies further in the future was written by a clock that was wrong.
AHEAD_SECONDS = 3600.0


def is_ahead(time: float, now: float) -> bool:
    """Return whether a time lies so far in the future that no clock that was right wrote it."""
    return time - now > AHEAD_SECONDS
