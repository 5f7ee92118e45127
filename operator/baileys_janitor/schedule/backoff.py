"""Exponential back-off: the one formula for all retries of this project."""

from __future__ import annotations

_DOUBLINGS_MAX = 20


def backoff_seconds(failures: int, first: float, longest: float) -> float:
    """Return how long to wait after `failures` earlier failures (0: none): `first` seconds, doubled each time."""
    return min(longest, first * 2.0 ** min(max(failures, 0), _DOUBLINGS_MAX))
