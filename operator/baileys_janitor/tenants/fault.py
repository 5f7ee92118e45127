"""Why a tenant cannot be looked after: a reason, and a sentence with the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass

CODE = re.compile("[A-Z][A-Za-z]{0,62}")
"""What a code looks like: it becomes a condition's reason."""
RETRY = "The janitor tries again by itself."
WHEN_WRITING = frozenset(
    {
        "LockRefused",
        "JanitorRefused",
        "ReadOnly",
        "DiskFull",
        "PutBackUnsupported",
        "TooManyOwnFiles",
    }
)
"""Faults of cleanups that a scan, which only reads, cannot meet and so cannot take back either."""


OF_CLAIMS = frozenset(
    {
        *("ClaimMissing", "ClaimDeleting", "ClaimLost", "ClaimUnbound", "ClaimExclusive"),
        "DuplicateDirectory",
    }
)
"""Faults of a claim, which is looked at again without a Job."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the janitor cannot act: `reason` is a condition's reason, `message` names the way out.

    `stalled` False marks a state that is nobody's fault (Ready stays True).
    """

    reason: str
    message: str
    stalled: bool = True


INTERNAL_ERROR = Fault(
    "InternalError",
    "The operator met something unforeseen; its log says what. It tries again by itself.",
)
