"""A small API client for the sandbox's own controllers and node."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from sandbox.kubeconfig import Access

Object = dict[str, Any]
_PATCHES: Final = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
_METADATA: Final = "application/json;as={};g=meta.k8s.io;v=v1,application/json"


class ApiError(Exception):
    """The API server refused: `status` is the HTTP status, `reason` metav1.StatusReason."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def path(resource: str, namespace: str = "", name: str = "", sub: str = "") -> str:
    """Return the URL path of a resource such as `v1/pods` or `batch/v1/jobs`."""
    *version, plural = resource.split("/")
    parts = ["api" if len(version) == 1 else "apis", *version]
    parts += ["namespaces", namespace] if namespace else []
    parts += [part for part in (plural, name, sub) if part]
    return "/" + "/".join(map(quote, parts))


class Client:
    """Requests to one API server, sent as `agent`. Use as an async context manager."""

    def __init__(self, access: Access, agent: str = "sandbox") -> None:
        self._access = access
        self._agent = agent
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        headers = {"User-Agent": self._agent}
        if self._access.token:
            headers["Authorization"] = f"Bearer {self._access.token}"
        connector = aiohttp.TCPConnector(limit=0, ssl=self._access.tls or False)
        self._session = aiohttp.ClientSession(
            self._access.url,
            connector=connector,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        body: Any = None,
        content: str = "application/json",
        params: dict[str, str] | None = None,
        accept: str = "application/json",
    ) -> Object:
        """Send one request; return the decoded answer.

        Raises:
            ApiError: it was refused.
            aiohttp.ClientError: it was not answered.
        """
        assert self._session is not None
        headers = {"Accept": accept, "Content-Type": content}
        data = None if body is None else json.dumps(body).encode()
        timeout = aiohttp.ClientTimeout(total=60)
        async with self._session.request(
            method, url, data=data, headers=headers, params=params, timeout=timeout
        ) as response:
            answer = await response.read()
            if response.status >= 400:
                raise _error(response.status, answer)
            found: Object = json.loads(answer)
            return found

    async def get(self, resource: str, namespace: str, name: str) -> Object:
        return await self.request("GET", path(resource, namespace, name))

    async def select(self, resource: str, namespace: str = "", **params: str) -> Object:
        return await self.request("GET", path(resource, namespace), params=params)

    async def create(self, resource: str, namespace: str, body: Object, sub: str = "") -> Object:
        name = body["metadata"]["name"] if sub else ""
        return await self.request("POST", path(resource, namespace, name, sub), body)

    async def patch(
        self,
        resource: str,
        namespace: str,
        name: str,
        body: Any,
        *,
        sub: str = "",
        kind: str = "merge",
    ) -> Object:
        url = path(resource, namespace, name, sub)
        return await self.request("PATCH", url, body, _PATCHES[kind])

    async def delete(
        self, resource: str, namespace: str, name: str, *, uid: str = "", **options: Any
    ) -> Object:
        """Delete an object; with a uid, only the object with that uid."""
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        if uid:
            body["preconditions"] = {"uid": uid}
        return await self.request("DELETE", path(resource, namespace, name), body)

    async def snapshot(self, resource: str, *, metadata_only: bool) -> tuple[list[Object], str]:
        """Return all objects of a resource, and the revision to watch from."""
        as_ = "PartialObjectMetadataList"
        accept = _METADATA.format(as_) if metadata_only else "application/json"
        found = await self.request("GET", path(resource), accept=accept)
        return found["items"] or [], found["metadata"]["resourceVersion"]

    async def watch(
        self, resource: str, revision: str, *, metadata_only: bool
    ) -> AsyncIterator[Object]:
        """Yield the events after a revision, until the server ends the watch.

        Raises:
            ApiError: such as 410, when the revision is too old.
        """
        assert self._session is not None
        accept = _METADATA.format("PartialObjectMetadata") if metadata_only else "application/json"
        params = {"watch": "1", "resourceVersion": revision, "allowWatchBookmarks": "true"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with self._session.get(
            path(resource), params=params, headers={"Accept": accept}, timeout=timeout
        ) as response:
            if response.status >= 400:
                raise _error(response.status, await response.read())
            async for line in _lines(response.content):
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status["code"], status["reason"], status["message"])
                yield event


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length; the reader's own iteration limits them."""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _error(status: int, answer: bytes) -> ApiError:
    try:
        body = json.loads(answer)
        return ApiError(status, body.get("reason", ""), body.get("message", ""))
    except ValueError:
        return ApiError(status, "", answer.decode(errors="replace"))


RETRIED: Final = (ApiError, aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)
