"""The client for writes: it sends none unless the operator may act, and lists only this replica's objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from baileys_janitor.api.names import OPERATION_PLURAL, PLURAL, SET_PLURAL, STORE_PLURAL
from baileys_janitor.controller.kube.client import ATTEMPTS, CHUNK, ApiError, Kube

Object = dict[str, Any]

SHARED_OUT = (
    *(f"/{plural}" for plural in (PLURAL, STORE_PLURAL, SET_PLURAL, OPERATION_PLURAL)),
    "/jobs",
    "/pods",
)
"""URL endings of lists whose objects belong to shards. Other lists are read for one of the own objects."""


def _nothing(_: Object) -> None:
    pass


class FencedKube(Kube):
    """A client that sends no write unless `permitted` returns True at that very moment.

    It stops writes that are about to be sent when a frozen process wakes up after its Lease has expired. The API server
    decides finally: a claim is tested against the resource's version.
    """

    permitted: Callable[[], bool] | None = None
    keeps: Callable[[Object], bool] | None = None
    """Whether an object belongs to this replica's shards; None if it manages the whole fleet."""
    writes: Callable[[str], Callable[[Object], None]] = staticmethod(lambda _url: _nothing)
    """Called with the URL before an object is created or changed; the returned function is called with the new object.
    """

    async def list(
        self, url: str, labels: str = "", fields: str = "", chunk: int = CHUNK
    ) -> AsyncIterator[Object]:
        """Yield the objects of a list, page by page, none of them twice; of managed kinds, only this replica's."""
        keeps = self.keeps if url.endswith(SHARED_OUT) else None
        async for body in super().list(url, labels, fields, chunk):
            if keeps is None or keeps(body):
                yield body

    async def create(self, url: str, body: Object, attempts: int = ATTEMPTS) -> Object:
        """Create an object; ApiError 409 if the name is taken."""
        changed = self.writes(url)
        made = await super().create(url, body, attempts)
        changed(made)
        return made

    async def patch(self, url: str, body: Object, attempts: int = ATTEMPTS) -> Object:
        """Apply a merge patch; with `metadata.resourceVersion` in it, ApiError 409 if it is stale."""
        changed = self.writes(url)
        found = await super().patch(url, body, attempts)
        before = (body.get("metadata") or {}).get("resourceVersion")
        # A patch without effect makes no version, and no event.
        if found["metadata"]["resourceVersion"] != before:
            changed(found)
        return found

    async def _once(
        self,
        verb: str,
        url: str,
        query: dict[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        if verb != "GET" and self.permitted is not None and not self.permitted():
            raise ApiError(-1, "NotLeading", "this operator may not act now; another one may lead")
        return await super()._once(verb, url, query, body, content_type)
