"""Times: seconds as the clock tells them, nanoseconds as files have them."""

from __future__ import annotations

# Far beyond any file's time, and far from where floats overflow.
_MAX_SECONDS = 1e18


def nanoseconds(seconds: float) -> int:
    """Whole nanoseconds; infinities and NaN become the far past or the far future."""
    return int(max(-_MAX_SECONDS, min(_MAX_SECONDS, seconds)) * 1e9)
