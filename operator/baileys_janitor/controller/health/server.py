"""The probes' HTTP server: `/healthz` requests a restart, `/readyz` reports whether the operator works."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from baileys_janitor.api.config.config import Metrics, Probes
from baileys_janitor.controller.health.checks import HealthChecks

logger = logging.getLogger("janitor.health")


class PortTaken(Exception):  # noqa: N818 - a state of the machine, told to a person
    """A port is not available; the message names the configuration field."""


async def listen(runner: web.AppRunner, field: str, where: Metrics | Probes) -> None:
    """Serve `runner` at the configured address and port; raise PortTaken if it is not available."""
    try:
        await web.TCPSite(runner, where.address or None, where.port).start()
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise PortTaken(
            f"port {where.port} cannot be listened on ({why}): choose another one in {field}.port"
        ) from error


@asynccontextmanager
async def served(probes: Probes, checks: HealthChecks) -> AsyncIterator[None]:
    """Serve the probes during the context; raise PortTaken if the port is not available.

    The server runs in the operator's own event loop: if that is blocked, the probe fails, as it should.
    """
    app = web.Application()
    app.router.add_get("/healthz", _page(checks, checks.liveness_problems))
    app.router.add_get("/readyz", _page(checks, checks.readiness_problems))
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await listen(runner, "probes", probes)
        logger.info("Probes are served on port %d", probes.port)
        yield
    finally:
        await runner.cleanup()


def _page(
    checks: HealthChecks, problems: Callable[[], list[str]]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        found = problems()
        told = {"ok": not found, "state": checks.state, "problems": found}
        # Closed, so that no idle connection of a probe holds up a shutdown.
        closing = {"Connection": "close"}
        return web.json_response(told, status=503 if found else 200, headers=closing)

    return answer
