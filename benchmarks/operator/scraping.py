"""Plays Prometheus for the operator: a scrape each thirty seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp

EVERY = 30.0
"""Seconds between scrapes, as in the chart's ServiceMonitor."""


@dataclass(slots=True)
class Scrapes:
    """The longest scrape in seconds, the largest in bytes."""

    times: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


@contextlib.asynccontextmanager
async def scraped(port: int) -> AsyncIterator[Scrapes]:
    """Scrape until the end of the context, which raises the error of a failed scrape."""
    seen = Scrapes()

    async def scrape() -> None:
        headers = {"Accept": "text/plain;version=0.0.4", "User-Agent": "Prometheus/3"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while True:
                begun = time.monotonic()
                async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    response.raise_for_status()
                    seen.sizes.append(len(await response.read()))
                seen.times.append(time.monotonic() - begun)
                await asyncio.sleep(max(0.0, begun + EVERY - time.monotonic()))

    task = asyncio.ensure_future(scrape())
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
