"""Endpoints on loopback that take what channels send: as they are told to, or at random."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Object = dict[str, Any]


@dataclass
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: int

    @property
    def json(self) -> Object:
        found: Object = json.loads(self.body)
        return found


@dataclass
class Answer:
    """What is answered; `after` holds it back until the event is set."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: asyncio.Event | None = None
    hang_up: bool = False


@dataclass
class Receiver:
    """An HTTP server. `answers` are used up one by one; after them `then` says what is answered."""

    answers: list[Answer] = field(default_factory=list)
    then: Callable[[Request], Answer] = lambda _: Answer()
    requests: list[Request] = field(default_factory=list)
    url: str = ""

    @property
    def taken(self) -> list[Request]:
        """The requests that were answered with success."""
        return [request for request in self.requests if 200 <= request.answer < 300]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        came = Request(request.path, dict(request.headers), await request.read(), 0)
        answer = self.answers.pop(0) if self.answers else self.then(came)
        came.answer = 0 if answer.hang_up else answer.status
        self.requests.append(came)
        if answer.after is not None:
            await answer.after.wait()
        if answer.hang_up:
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    @contextlib.asynccontextmanager
    async def served(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


class Pauses(list[float]):
    """Sleeps that take no time and are remembered."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
