"""Requests of the store's library whose answers cannot fill the memory.

The library reads an answer whole before it looks at it, and has no bound for that: a listing, or the text of an error,
that never ends takes gigabytes within the seconds that a request may last. So a request runs beside a look at how much
memory this process has taken, and is given up when that grows too far: that closes the connection and frees what was
read.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")

GROWTH_MOST: Final = 128 << 20
"""Bytes by which the process may grow while one request lasts: many times the largest page of a listing."""
LOOK_SECONDS: Final = 0.02
_STATUS: Final = Path("/proc/self/status")
_UNIT: Final = 1 if sys.platform == "darwin" else 1024


class TooMuch(Exception):  # noqa: N818 - what was answered
    """An answer has grown too large, and was given up."""


def bounded(request: Callable[[], Awaitable[Result]]) -> Result:
    """Return what a request brings; TooMuch where it takes too much memory. Raises what the request raises."""
    return asyncio.run(_watched(request))


async def _watched(request: Callable[[], Awaitable[Result]]) -> Result:
    most = peak_bytes() + GROWTH_MOST
    waiting = asyncio.ensure_future(request())
    try:
        while True:
            await asyncio.wait({waiting}, timeout=LOOK_SECONDS)
            if waiting.done():
                return waiting.result()
            if peak_bytes() > most:
                raise TooMuch
    finally:
        waiting.cancel()
        await asyncio.wait({waiting})


def peak_bytes() -> int:
    """Return the most memory that this process has had.

    From Linux's own count for this program where there is one: what getrusage tells begins with the peak of the process
    that started this one, and below a large one nothing would count as growth for long.
    """
    with suppress(OSError, LookupError, ValueError):
        return int(_STATUS.read_bytes().split(b"VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
