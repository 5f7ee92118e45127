"""Why a tenant cannot be scanned or cleaned: a reason, and a sentence that names the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass

CODE = re.compile("[A-Z][A-Za-z]{0,62}")
"""The form of a code: it becomes a condition's reason."""
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
"""Faults of cleanups that a scan, which only reads, cannot meet and so cannot clear."""


OF_CLAIMS = frozenset(
    {
        *("ClaimMissing", "ClaimDeleting", "ClaimLost", "ClaimUnbound", "ClaimExclusive"),
        "DuplicateDirectory",
    }
)
"""Faults of a claim, which is checked again without a Job."""


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
    "The operator met an unexpected error; see its log. It tries again by itself.",
)
