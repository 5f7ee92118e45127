"""Kubernetes' quantities, such as 100m or 64Mi."""

from __future__ import annotations

import re
from typing import Final

QUANTITY: Final = re.compile(r"([0-9]+(?:[.][0-9]*)?|[.][0-9]+)(m|[kMGTPE]|[KMGTPE]i)?")
_SUFFIXES: Final = {
    "": 0,
    "k": 1,
    "M": 2,
    "G": 3,
    "T": 4,
    "P": 5,
    "E": 6,
    **{f"{s}i": n for n, s in enumerate("KMGTPE", 1)},
}


def amount(text: str) -> float:
    """Return the amount of a quantity.

    Raises:
        ValueError: it is not a quantity.
    """
    found = QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no quantity")
    number, suffix = float(found[1]), found[2] or ""
    if suffix == "m":
        return number / 1000
    return float(number * (1024 if suffix.endswith("i") else 1000) ** _SUFFIXES[suffix])
