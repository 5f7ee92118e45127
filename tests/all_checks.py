"""What the ordinary run leaves out, and how: with `ALL_CHECKS=1` every test takes every case.

What is left out is not always the same: each day the ordinary run takes other cases, and says at its end which
day's they were. `SAMPLE_DAY=20785` takes those of that day again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

ALL_CHECKS = bool(os.environ.get("ALL_CHECKS"))
SAMPLE_DAY = int(os.environ.setdefault("SAMPLE_DAY", str(int(time.time() // 86400))))
"""Days since 1970; set before the workers start, so that midnight is for all of them at once."""


def one_in(share: int, cases: Iterable[T]) -> list[T]:
    """Return one of so many cases, evenly spread, beginning with another one each day; with ALL_CHECKS all."""
    found = list(cases)
    return found if ALL_CHECKS else found[SAMPLE_DAY % min(share, len(found) or 1) :: share]


def steps(share: int) -> range:
    """Return at which steps a test has something killed: one in so many, or each with ALL_CHECKS.

    It ends by itself when it has got through without a kill.
    """
    return range(1, 1000) if ALL_CHECKS else range(1 + SAMPLE_DAY % share, 1000, share)


def examples(number: int) -> int:
    """Return how many examples a property is tried with: half of them in the ordinary run."""
    return number if ALL_CHECKS else number // 2
