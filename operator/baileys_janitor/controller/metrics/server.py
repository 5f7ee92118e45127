"""The HTTP server of `/metrics`.

It has a port of its own: a NetworkPolicy can then admit only Prometheus, while the probes' port stays open to the
kubelet. There is no TLS and no login here; the cluster decides who may read.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, gzip_accepted

from baileys_janitor.api.config.config import Metrics
from baileys_janitor.controller.clock import Clock
from baileys_janitor.controller.health.server import listen
from baileys_janitor.controller.metrics.exposition import Contain, let_pass, pages
from baileys_janitor.controller.metrics.process import OperatorMetrics

logger = logging.getLogger("janitor.metrics")

AT_ONCE = 4
"""Scrapes that are answered at the same time; others wait."""
ANSWER_SECONDS = 60.0
"""Seconds for one answer: a slower reader has given up."""
FAST = 1
"""Level of compression: a twentieth of the size at a third of the default's work."""
GZIP = 31
"""zlib's window bits for a gzip header."""


@asynccontextmanager
async def served(metrics: Metrics, process: OperatorMetrics, clock: Clock) -> AsyncIterator[int]:
    """Serve the metrics during the context, at the port that is yielded; raise PortTaken if it is not available."""
    app = web.Application()
    app.router.add_get("/metrics", _Page(metrics.per_tenant, process, clock).answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await listen(runner, "metrics", metrics)
        port = int(runner.addresses[0][1])
        logger.info("Metrics are served on port %d", port)
        yield port
    finally:
        await runner.cleanup()


class _Page:
    def __init__(self, per_tenant: str, process: OperatorMetrics, clock: Clock) -> None:
        self._per_tenant = per_tenant
        self._process = process
        self._clock = clock
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
        # A connection that waits for the next scrape is a task, and Kopf waits five seconds for tasks when it ends.
        response.force_close()
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._limit:
                await self._write(request, response)
        except (ConnectionError, TimeoutError):
            # Break the connection, so that a partial answer does not count as complete.
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse) -> None:
        packer = None
        if gzip_accepted(request.headers.get("Accept-Encoding", "")):
            response.headers["Content-Encoding"] = "gzip"
            packer = zlib.compressobj(FAST, wbits=GZIP)
        await response.prepare(request)
        reconciler = self._process.reconciler
        tenants = list(reconciler.cache.tenants.values()) if reconciler is not None else []
        contain: Contain = let_pass
        now = self._clock.now()
        if reconciler is not None:
            now, contain = reconciler.now(), reconciler.crashes.contain
        for page in pages(self._process.registry, tenants, self._per_tenant, now, contain):
            piece = packer.compress(page) if packer is not None else page
            if piece:
                await response.write(piece)
            # A write returns at once while there is room in the buffers; other tasks of the operator must run in
            # between.
            await asyncio.sleep(0)
        if packer is not None:
            await response.write(packer.flush())
        await response.write_eof()
