"""The HTTP server: requests, answers, and the faults between them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from sandbox.server import discovery, failures, routing, selectors, service_accounts
from sandbox.server.access import Access, Attempt, User
from sandbox.server.established import Established
from sandbox.server.failures import RefusedError
from sandbox.server.faults import Faults
from sandbox.server.lifecycle import Lifecycle, Options
from sandbox.server.reading import Reader
from sandbox.server.resources import REVIEWS, Registry, Resource
from sandbox.server.routing import Target
from sandbox.server.store import HISTORY, Object, Store, encode
from sandbox.server.watching import Watches
from sandbox.server.writing import APPLY, Writer, decode

_log = logging.getLogger(__name__)


class ApiServer:
    """A Kubernetes API server in memory, on a loopback port.

    Attributes:
        store: the objects, for tests that bypass the API.
        faults: requests to refuse or delay.
        access: authentication and RBAC.
        requests: how many requests came, by method and resource.
        calls: how many came, by the program that sent them (the product of its User-Agent), verb
            (get, list, watch, create, update, patch, delete) and resource or `resource/subresource`.
        logs: the output of a container, by namespace, pod and container, and whether it still runs; None while
            there are no nodes.
    """

    def __init__(self, history: int = HISTORY) -> None:
        self.store = Store(history)
        self.registry = Registry()
        self.faults = Faults()
        self.access = Access(self.store)
        self.watches = Watches(self.store)
        self.requests: dict[tuple[str, str], int] = {}
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self.logs: Callable[[str, str, str], tuple[str, bool]] | None = None
        self._lifecycle = Lifecycle(self.store)
        self._reader = Reader(self.store, self.watches)
        self._writer = Writer(self.store, self._lifecycle, self._reader)
        self._established = Established(self.store, self.registry, self._lifecycle)
        self._web: web.Server | None = None
        self._socket: asyncio.Server | None = None
        self.host = "127.0.0.1"
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def seed(self) -> None:
        """Create the namespaces of every cluster."""
        namespaces = self.registry.find("", "v1", "namespaces")
        assert namespaces is not None
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self._lifecycle.create(namespaces, "", {"metadata": {"name": name}}, Options())

    def create(self, api_version: str, plural: str, namespace: str, body: Object) -> Object:
        """Store a new object as a POST would, for code that sets up a cluster.

        Raises:
            RefusedError: it is not valid, or its name is taken.
        """
        group, _, version = api_version.rpartition("/")
        resource = self.registry.find(group, version, plural)
        if resource is None:
            raise failures.no_such_path()
        return self._lifecycle.create(resource, namespace, body, Options())

    async def start(self, port: int = 0) -> None:
        """Listen on a port; 0 takes a free one."""
        self._web = web.Server(self._handle, access_log=None)
        loop = asyncio.get_running_loop()
        self._socket = await loop.create_server(
            self._web, self.host, port or self.port, backlog=1024, reuse_address=True
        )
        self.port = self._socket.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and cut every connection."""
        if self._socket is None or self._web is None:
            return
        self._socket.close()
        self.watches.drop()
        await self._web.shutdown(timeout=0.5)
        self._socket = self._web = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            agent = request.headers.get("User-Agent", "")
            fault = self.faults.meet(request.method, request.path_qs, agent)
            if fault is not None:
                await fault.strike()
            if fault is not None and fault.cut:
                return await self._cut(request)
            return await self._answer(request)
        except RefusedError as failure:
            headers = {}
            if failure.retry_after is not None:
                headers["Retry-After"] = str(failure.retry_after)
            return _json(encode(failure.status()), failure.code, headers)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug here is a 500, as in any server
            _log.exception("%s %s", request.method, request.path_qs)
            return _json(
                encode(RefusedError(500, f"{type(error).__name__}: {error}").status()), 500
            )

    async def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out a request, and send half of the answer; for a watch, half of an event."""
        if routing.flag(request.query, "watch"):
            return web.Response(body=b'{"type":"ADDED","object":{"met', content_type=_JSON)
        answer = await self._answer(request)
        assert isinstance(answer, web.Response)
        assert isinstance(answer.body, bytes)
        half = answer.body[: len(answer.body) // 2]
        return web.Response(body=half, status=answer.status, content_type=_JSON)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        target = routing.target(request.path)
        if target is None:
            return self._plain(request)
        user = self.access.user(request.headers)
        if (target.group, target.plural) in REVIEWS:
            kind = REVIEWS[target.group, target.plural]
            asked = decode(await request.content.read())
            version = f"{target.group}/{target.version}"
            status = self.access.review(kind, asked, user)
            answer = {"spec": {}, **asked, "kind": kind, "apiVersion": version, "status": status}
            return _json(encode(answer), 201)
        resource = self.registry.find(target.group, target.version, target.plural)
        if resource is not None and not user.unbounded:
            self._authorize(user, request, resource, target)
        if resource and (target.group, target.plural, target.sub) == ("", "pods", "log"):
            self._count(request, resource, target)
            return await self._log(request, resource, target)
        if resource is None or (target.sub and target.sub not in resource.subresources):
            raise failures.no_such_path()
        self._count(request, resource, target)
        if request.method == "GET":
            return await self._read(request, resource, target)
        return await self._write(request, resource, target)

    def _authorize(
        self, user: User, request: web.BaseRequest, resource: Resource, target: Target
    ) -> None:
        verb, name = routing.verb(request.method, target, request.query), target.name
        if not name and verb == "delete":
            verb = "deletecollection"
        if not name and request.method == "GET":
            name = selectors.one_name(request.query.get("fieldSelector", ""))
        about = f"{resource.plural}/{target.sub}" if target.sub else resource.plural
        namespace = target.namespace or ""
        if resource.collection == ("", "namespaces"):
            namespace = target.name
        attempt = Attempt(verb, resource.group, about, namespace, name)
        self.access.check(user, attempt)
        content = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if content in APPLY and not target.sub:
            # An apply that creates an object needs the right to create, too.
            key = (target.namespace or "", target.name)
            if self.store.collection(*resource.collection).get(key) is None:
                self.access.check(user, replace(attempt, verb="create"))

    def _count(self, request: web.BaseRequest, resource: Resource, target: Target) -> None:
        counted = (request.method, resource.plural)
        self.requests[counted] = self.requests.get(counted, 0) + 1
        agent = request.headers.get("User-Agent", "").partition("/")[0] or "unknown"
        verb = routing.verb(request.method, target, request.query)
        about = f"{resource.plural}/{target.sub}" if target.sub else resource.plural
        self.calls[agent, verb, about] += 1

    async def _read(
        self, request: web.BaseRequest, resource: Resource, target: Target
    ) -> web.StreamResponse:
        query, as_ = request.query, routing.shape(request.headers.get("Accept", ""))
        if routing.flag(query, "watch"):
            return await self._stream(request, resource, target, as_)
        if target.name:
            return _json(self._reader.one(resource, target, query, as_))
        return _json(self._reader.many(resource, target, query, as_))

    async def _stream(
        self, request: web.BaseRequest, resource: Resource, target: Target, as_: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        lines = self._reader.watch(resource, target, request.query, as_)
        prepared = False
        try:
            # The headers are sent before there is an event, but a refusal must come first.
            first = asyncio.ensure_future(anext(lines, None))
            await asyncio.sleep(0)
            if first.done() and _is_refusal(first.exception()):
                await first
            await response.prepare(request)
            prepared = True
            line = await first
            while line is not None:
                await response.write(line)
                line = await anext(lines, None)
            await response.write_eof()
        except ConnectionError:
            pass
        except RefusedError as failure:
            if not prepared:
                raise
            event = {"type": "ERROR", "object": failure.status()}
            await response.write(encode(event) + b"\n")
        finally:
            await lines.aclose()  # type: ignore[attr-defined]
        return response

    async def _log(
        self, request: web.BaseRequest, resource: Resource, target: Target
    ) -> web.StreamResponse:
        """Send a container's output, and with `follow` continue until it ends."""
        pod = self._reader.find(resource, target).object
        spec = pod["spec"]
        names = [each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])]
        name = request.query.get("container") or spec["containers"][0]["name"]
        if name not in names:
            raise RefusedError(400, f"container {name} is not valid for pod {target.name}")
        if self.logs is None:
            raise RefusedError(501, "this sandbox has no nodes, so no pod has logged anything")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        text, goes_on = self.logs(target.namespace or "", target.name, name)
        await response.prepare(request)
        await response.write(_tail(text, request.query.get("tailLines", "")).encode())
        while goes_on and routing.flag(request.query, "follow"):
            await asyncio.sleep(_FOLLOW_SECONDS)
            sent = len(text)
            text, goes_on = self.logs(target.namespace or "", target.name, name)
            await response.write(text[sent:].encode())
        await response.write_eof()
        return response

    async def _write(
        self, request: web.BaseRequest, resource: Resource, target: Target
    ) -> web.StreamResponse:
        body = await request.content.read()
        query = request.query
        content = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if content.endswith("cbor"):
            raise RefusedError(415, "the body of the request was in an unknown format")
        value = decode(body) if body else None
        options = routing.options(query, request.headers.get("User-Agent", ""), value)
        self._lifecycle.warnings.clear()
        if (resource.plural, target.sub) == ("serviceaccounts", "token"):
            status, answer = 201, self._token(resource, target, value)
        elif request.method == "POST":
            status, answer = self._writer.post(resource, target, value, options)
        elif request.method == "PUT":
            status, answer = self._writer.put(resource, target, value, options)
        elif request.method == "PATCH":
            status, answer = self._writer.patch(resource, target, content, value, options)
        elif request.method == "DELETE":
            deletion = _deletion(query, value)
            if target.name:
                status, answer = self._writer.delete(resource, target, deletion, options)
            else:
                status, answer = self._writer.delete_all(resource, target, query, deletion, options)
        else:
            raise RefusedError(
                405, "the server does not allow this method on the requested resource"
            )
        headers = {}
        if self._lifecycle.warnings:
            escaped = [w.replace('"', '\\"') for w in self._lifecycle.warnings]
            headers["Warning"] = ", ".join(f'299 - "{text}"' for text in escaped)
        if answer.get("kind") in ("Status", "TokenRequest") or answer.get("items") is not None:
            return _json(encode(answer), status, headers)
        as_ = routing.shape(request.headers.get("Accept", ""))
        return _json(self._reader.answer(resource, answer, query, as_), status, headers)

    def _token(self, resource: Resource, target: Target, asked: Any) -> Object:
        """Answer a TokenRequest."""
        if target.name != service_accounts.DEFAULT:
            self._reader.find(resource, target)
        seconds = ((asked or {}).get("spec") or {}).get("expirationSeconds") or 3600
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        token = self.access.issue(target.namespace or "", target.name)
        status = {"token": token, "expirationTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
        kind = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
        metadata = {"name": target.name, "namespace": target.namespace}
        return {"spec": {}, **(asked or {}), **kind, "metadata": metadata, "status": status}

    def _plain(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer requests without a resource: health, version, discovery."""
        path = request.path.rstrip("/")
        accept = request.headers.get("Accept", "")
        found: Object | None = None
        parts = path.split("/")[1:]
        if path in ("/healthz", "/readyz", "/livez"):
            return web.Response(text="ok")
        if path == "/version":
            found = discovery.VERSION
        elif path in ("/api", "/apis"):
            if "APIGroupDiscoveryList" in accept:
                return self._aggregated(core=path == "/api")
            found = discovery.groups(self.registry) if path == "/apis" else _CORE
        elif path == "/openapi/v2":
            # An empty document in protobuf: kubectl then uses its built-in types.
            kind = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
            return web.Response(body=b"", content_type=kind)
        elif path == "/openapi/v3":
            found = discovery.openapi_index(self.registry)
        elif path.startswith("/openapi/v3/api"):
            group, version = (parts[3], parts[4]) if len(parts) == 5 else ("", parts[3])
            found = discovery.openapi(self.registry, group, version)
        elif len(parts) == 2 and parts[0] == "api":
            found = discovery.resources(self.registry, "", parts[1])
        elif len(parts) == 2 and parts[0] == "apis":
            found = discovery.group(self.registry, parts[1])
            found = found and {"kind": "APIGroup", "apiVersion": "v1", **found}
        elif len(parts) == 3 and parts[0] == "apis":
            found = discovery.resources(self.registry, parts[1], parts[2])
        if found is None:
            raise failures.no_such_path()
        return _json(encode(found))

    def _aggregated(self, *, core: bool) -> web.StreamResponse:
        body = encode(discovery.aggregated(self.registry, core=core))
        kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        return web.Response(body=body, headers={"Content-Type": kind})


def _is_refusal(error: BaseException | None) -> bool:
    """Return whether a watch fails with a status; an expired version is an event of the stream."""
    return error is not None and not (isinstance(error, RefusedError) and error.code == 410)


def _tail(text: str, lines: str) -> str:
    """Return the last lines of a log; all of it without a number."""
    kept = text.splitlines(keepends=True)
    return "".join(kept[max(0, len(kept) - int(lines)) :]) if lines.isdigit() else text


_FOLLOW_SECONDS: Final = 0.2
_JSON = "application/json"
_CORE: Object = {
    "kind": "APIVersions",
    "versions": ["v1"],
    "serverAddressByClientCIDRs": [],
}


def _json(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    kind = {"Content-Type": "application/json"}
    return web.Response(body=body, status=status, headers={**kind, **(headers or {})})


def _deletion(query: Mapping[str, str], body: Any) -> Object:
    """Return DeleteOptions; the query supplies options that the body omits."""
    request: Object = dict(body) if isinstance(body, dict) else {}
    for name in ("propagationPolicy", "gracePeriodSeconds"):
        if name in query and name not in request:
            request[name] = int(query[name]) if name.endswith("Seconds") else query[name]
    return request
