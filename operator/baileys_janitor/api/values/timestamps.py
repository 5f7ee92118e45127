"""Times as the API server writes them, and as seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

LAST = 253_402_300_799
"""The last second of the year 9999, in Unix seconds: no later time is written or read, and none before 1970."""


def to_rfc3339(when: float) -> str:
    """Write Unix seconds as the API server writes times: UTC, whole seconds, `Z`; within 1970 and 9999."""
    return _text(int(max(0, min(when, LAST))))


@lru_cache(4096)
def _text(seconds: int) -> str:
    # The results of a scan's members share most of their times.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: object) -> float | None:
    """Read an RFC 3339 time into Unix seconds, within 1970 and 9999; None for an invalid text."""
    return _seconds(text) if isinstance(text, str) and 10 <= len(text) <= 40 else None


@lru_cache(4096)
def _seconds(text: str) -> float | None:
    try:
        read = datetime.fromisoformat(text)
        when = (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, min(when, float(LAST)))
