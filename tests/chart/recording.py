"""A proxy before an API server that takes note of what is asked, and can spoil an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


@dataclass(frozen=True, order=True, slots=True)
class Asked:
    """A request as RBAC sees it; `resource` with its subresource after a slash."""

    group: str
    resource: str
    verb: str
    namespace: str = field(default="", compare=False)
    name: str = field(default="", compare=False)


def asked(method: str, path: str, watch: bool) -> Asked | None:
    """What a request asks for; None for discovery, which everybody may use."""
    parts = path.strip("/").split("/")
    group, parts = ("", parts[2:]) if parts[0] == "api" else ("".join(parts[1:2]), parts[3:])
    namespace = ""
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    if not parts:
        return None
    resource, name = "/".join([parts[0], *parts[2:]]), "".join(parts[1:2])
    verb = VERBS.get(method) or ("get" if name else "watch" if watch else "list")
    return Asked(group, resource, verb, namespace, name)


class Proxy:
    """An async context manager; `spoil` may answer in the server's place, or after it."""

    def __init__(self, server: str) -> None:
        self._server = server
        self.seen: set[Asked] = set()
        self.places: set[tuple[str, str, str, str]] = set()
        """Namespace, group, resource and verb of whatever was asked."""
        self.before: Callable[[Asked], int | None] = lambda _: None
        """Gives an HTTP status to answer instead of asking the server."""
        self.after: Callable[[Asked], int | None] = lambda _: None
        """Gives an HTTP status in place of the server's answer: it has done what was asked."""
        self.url = ""

    async def __aenter__(self) -> Proxy:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._session = aiohttp.ClientSession(
            auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        wanted = asked(request.method, request.path, request.query.get("watch") in {"true", "1"})
        if wanted is not None:
            self.seen.add(wanted)
            self.places.add((wanted.namespace, wanted.group, wanted.resource, wanted.verb))
            if status := self.before(wanted):
                return _refusal(status)
        headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
        async with self._session.request(
            request.method,
            self._server + str(request.rel_url),
            headers=headers,
            data=await request.read(),
            allow_redirects=False,
        ) as answer:
            if wanted is not None and (status := self.after(wanted)):
                return _refusal(status)
            response = web.StreamResponse(status=answer.status)
            response.content_type = answer.content_type
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response


def _refusal(status: int) -> web.Response:
    reason = "Conflict" if status == 409 else "InternalError"
    told = {"kind": "Status", "apiVersion": "v1", "code": status, "reason": reason}
    return web.Response(status=status, text=json.dumps(told), content_type="application/json")
