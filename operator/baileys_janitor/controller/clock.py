"""Time as an argument: the controller asks a clock, and tests bring their own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Unix time in seconds, and waiting for it."""

    def now(self) -> float:
        """Return the Unix time in seconds."""

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or the time `until` (Unix seconds; None: never) has come."""


class WallClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    async def wait(self, event: asyncio.Event, until: float | None) -> None:
        """Return when `event` is set or `until` has come."""
        timeout = None if until is None else max(0.0, until - self.now())
        # Not `wait_for`: Python 3.11's loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await event.wait()


def machine_time() -> float:
    """Return what this machine's clock shows: for a comparison with another machine's, whatever clock was injected."""
    return time.time()


def to_rfc3339(when: float) -> str:
    """Write Unix seconds as the API server writes times: UTC, whole seconds, `Z`."""
    return _text(int(when))


@lru_cache(4096)
def _text(seconds: int) -> str:
    # The members of a scan share most of their times.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: object) -> float | None:
    """Read an RFC 3339 time into Unix seconds; None for None or for what cannot be read."""
    if not isinstance(text, str) or not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
