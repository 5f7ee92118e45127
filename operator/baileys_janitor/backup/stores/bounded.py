"""Requests of the store's library with a bound on the memory of their answers.

The library reads an answer whole before it parses it, without a bound: a listing, or the text of an error,
that never ends takes gigabytes within the time limit of a request. So the memory of this process is watched while a
request runs, and the request is cancelled when it grows too far: that closes the connection and frees the
memory.
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
"""Bytes by which the process may grow during one request: many times the largest page of a listing."""
LOOK_SECONDS: Final = 0.02
_STATUS: Final = Path("/proc/self/status")
_UNIT: Final = 1 if sys.platform == "darwin" else 1024


class TooMuch(Exception):  # noqa: N818 - named after the answer
    """An answer has grown too large, and the request was cancelled."""


def bounded(request: Callable[[], Awaitable[Result]]) -> Result:
    """Return the result of a request; raise TooMuch if it takes too much memory. Its exceptions pass through."""
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
    """Return the peak memory of this process.

    It is Linux's own count for this program, if available: that of getrusage begins with the peak of the parent
    process, and below a large one no growth would be seen for long.
    """
    with suppress(OSError, LookupError, ValueError):
        return int(_STATUS.read_bytes().split(b"VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
