"""Estimates how fast a tenant's counted files grow, and how long its next scan can wait."""

from __future__ import annotations

import math

from baileys_janitor.policy.settings import Thresholds

DAY = 86_400.0
HALF_LIFE_SECONDS = DAY
"""Seconds after which an observation has half its weight: one day's rhythm is forgotten in a few days."""
LEAST_SPAN_SECONDS = 600.0
"""Minimum time between two counts of an observation: shorter ones measure noise."""
SAFETY = 3.0
"""How many times faster than observed a tenant may grow without crossing `warning` unseen."""
QUIET_LIMIT_SECONDS = 600.0
"""The longest time that `adaptive` lets a scan wait."""


def observed(gained: int, seconds: float) -> float:
    """Return the growth a day for `gained` files in `seconds`; shrinking counts as none."""
    return max(0, gained) * DAY / seconds


def smoothed(previous: float | None, gained: int, seconds: float) -> float | None:
    """Fold `gained` files in `seconds` into the growth a day (files); None while unknown.

    Shrinking counts as no growth: cleanups shrink the count, and a tenant that shrinks by itself is not urgent.
    """
    if seconds < LEAST_SPAN_SECONDS:
        return previous
    fresh = observed(gained, seconds)
    if previous is None:
        return fresh
    weight: float = 1.0 - 0.5 ** (seconds / HALF_LIFE_SECONDS)
    return previous + weight * (fresh - previous)


def reach(counted: int, growth: float, limits: Thresholds) -> float:
    """Return the seconds until `counted` could reach `warning` at `SAFETY` times this growth a day."""
    if counted >= limits.warning:
        return 0.0
    return (limits.warning - counted) / (growth * SAFETY) * DAY if growth > 0 else math.inf


def scan_wait(
    interval: float, adaptive: bool, counted: int, growth: float | None, limits: Thresholds
) -> float:
    """Return the seconds until the next scan.

    The configured interval holds from `warning` on, and whenever growth at `SAFETY` times the observed rate
    could reach `warning` before the next scan; a quiet tenant waits up to `QUIET_LIMIT_SECONDS`.
    """
    if not adaptive or counted >= limits.warning or growth is None:
        return interval
    return max(interval, min(QUIET_LIMIT_SECONDS, reach(counted, growth, limits)))
