"""Percentiles, and the growth of a figure with the number of tenants. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile; None without values."""
    if not values:
        return None
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


def exponent(figures: Mapping[int, float]) -> float | None:
    """Return the slope of a least-squares line through log(figure) over log(size); 1 is linear.

    Returns None if fewer than two sizes have a positive figure.
    """
    points = [(math.log(size), math.log(y)) for size, y in figures.items() if size > 0 and y > 0]
    if len(points) < 2:
        return None
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    if not spread:
        return None
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread
