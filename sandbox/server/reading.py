"""GET: an object, a list in chunks, a watch; as objects, as metadata only, or as a Table."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping
from itertools import islice

from sandbox.server import failures, occurrences, routing, scales, selectors, tables
from sandbox.server.failures import RefusedError
from sandbox.server.resources import Resource
from sandbox.server.routing import Target
from sandbox.server.store import Key, Object, Record, Store, encode
from sandbox.server.watching import INITIAL_END, Seen, Wanted, Watches

# A real server ends a watch after 30 to 60 minutes unless told otherwise.
WATCH_SECONDS = 1800.0


def show(resource: Resource, value: Object) -> Object:
    """Return a stored object in the form of this resource."""
    if resource.stored is not None:
        value = occurrences.outward(resource.group, value)
    return resource.typed(value)


def typed_bytes(resource: Resource, record: Record) -> bytes:
    """Return the same, encoded; readers share the stored encoding."""
    if resource.stored is not None and resource.group:
        return encode(show(resource, record.object))
    head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
    return head.encode() + record.encoded[1:]


class Reader:
    """Answers reads from a store."""

    def __init__(self, store: Store, watches: Watches) -> None:
        self._store = store
        self._watches = watches

    def find(self, resource: Resource, target: Target) -> Record:
        """Return the object of a path.

        Raises:
            RefusedError: 404.
        """
        key = (target.namespace or "", target.name)
        record = self._store.collection(*resource.collection).get(key)
        if record is None:
            raise failures.not_found(resource.group, resource.plural, target.name)
        return record

    def one(self, resource: Resource, target: Target, query: Mapping[str, str], as_: str) -> bytes:
        """Return one object, encoded."""
        record = self.find(resource, target)
        value = scales.of(record.object) if target.sub == scales.SUB else record.object
        return self.answer(resource, value, query, as_)

    def answer(
        self, resource: Resource, value: Object, query: Mapping[str, str], as_: str
    ) -> bytes:
        """Return an object in the requested form."""
        shown = show(resource, value)
        if as_ == "Table":
            metadata = {"resourceVersion": value["metadata"].get("resourceVersion", "")}
            include = query.get("includeObject") or "Metadata"
            return encode(tables.table(resource, [shown], metadata, include))
        return encode(tables.partial(shown) if as_ == "PartialObjectMetadata" else shown)

    def selection(
        self, resource: Resource, target: Target, query: Mapping[str, str]
    ) -> selectors.Matches | None:
        """Return the filter of a query's selectors and the path's name."""
        labels, fields = query.get("labelSelector"), query.get("fieldSelector")
        if target.name:
            fields = f"metadata.name={target.name}"
        if fields and resource.stored is not None:
            fields = occurrences.selector(resource.group, fields)
        return selectors.both(
            selectors.by_labels(labels) if labels else None,
            selectors.by_fields(fields, resource.collection, resource.selectable)
            if fields
            else None,
        )

    def many(self, resource: Resource, target: Target, query: Mapping[str, str], as_: str) -> bytes:
        """Return all matches, or up to `limit` of them with a token for the rest."""
        matches = self.selection(resource, target, query)
        collection = self._store.collection(*resource.collection)
        limit = routing.number(query, "limit")
        revision, after = self._store.revision, None
        if token := query.get("continue"):
            revision, after = _read(token)
            collection.check(revision)
        elif query.get("resourceVersionMatch") == "Exact":
            collection.check(revision := routing.number(query, "resourceVersion"))
        records = collection.scan(target.namespace, after)
        found = (r for r in records if matches is None or matches(r.object))
        page = list(islice(found, limit or None))
        metadata: Object = {"resourceVersion": str(revision)}
        if limit and len(page) == limit and next(found, None) is not None:
            metadata["continue"] = _token(revision, page[-1].key)
            if matches is None:
                # A real server does not report the remaining number for a selection.
                metadata["remainingItemCount"] = 1 + sum(1 for _ in found)
        return self._page(resource, page, metadata, query, as_)

    def _page(
        self,
        resource: Resource,
        page: list[Record],
        metadata: Object,
        query: Mapping[str, str],
        as_: str,
    ) -> bytes:
        if as_ == "Table":
            include = query.get("includeObject") or "Metadata"
            shown = (resource.typed(r.object) for r in page)
            return encode(tables.table(resource, shown, metadata, include))
        head: Object
        if as_ == "PartialObjectMetadataList":
            head = {"kind": as_, "apiVersion": "meta.k8s.io/v1"}
            items = [encode(tables.partial(r.object)) for r in page]
        else:
            head = {"kind": resource.list_kind, "apiVersion": resource.api_version}
            # As in the real API, only custom resources repeat their kind in a list.
            items = [_item(resource, record) for record in page]
        start = encode({**head, "metadata": metadata})[:-1]
        return start + b',"items":[' + b",".join(items) + b"]}\n"

    async def watch(
        self, resource: Resource, target: Target, query: Mapping[str, str], as_: str
    ) -> AsyncIterator[bytes]:
        """Yield the events of a watch, one line each."""
        wanted = Wanted(
            namespace=target.namespace,
            matches=self.selection(resource, target, query),
            revision=routing.number(query, "resourceVersion") or None,
            initial=routing.flag(query, "sendInitialEvents"),
            bookmarks=routing.flag(query, "allowWatchBookmarks"),
            seconds=routing.seconds(query, WATCH_SECONDS),
        )
        include = query.get("includeObject") or "Metadata"
        collection = self._store.collection(*resource.collection)
        first = True
        async for seen in self._watches.follow(collection, wanted):
            head = f'{{"type":"{seen.type}","object":'.encode()
            yield head + _event(resource, seen, as_, include, first=first) + b"}\n"
            first = False


def _item(resource: Resource, record: Record) -> bytes:
    if resource.custom:
        return typed_bytes(resource, record)
    if resource.stored is not None:
        return encode(occurrences.outward(resource.group, record.object))
    return record.encoded


def _event(resource: Resource, seen: Seen, as_: str, include: str, *, first: bool) -> bytes:
    if seen.record is None:
        return _bookmark(resource, seen, as_)
    if as_ == "Table":
        shown = [resource.typed(seen.record.object)]
        metadata = {"resourceVersion": str(seen.revision)}
        return encode(tables.table(resource, shown, metadata, include, header=first))
    if as_.startswith("PartialObjectMetadata"):
        return encode(tables.partial(seen.record.object))
    return typed_bytes(resource, seen.record)


def _bookmark(resource: Resource, seen: Seen, as_: str) -> bytes:
    metadata: Object = {"resourceVersion": str(seen.revision)}
    if seen.initial_end:
        metadata["annotations"] = {INITIAL_END: "true"}
    if as_ == "Table":
        row = {"cells": [], "object": tables.partial({"metadata": metadata})}
        empty = tables.table(resource, (), {"resourceVersion": str(seen.revision)}, "None")
        return encode({**empty, "rows": [row]})
    return encode(resource.typed({"metadata": metadata}))


def _token(revision: int, key: Key) -> str:
    return base64.urlsafe_b64encode(encode([revision, *key])).decode()


def _read(token: str) -> tuple[int, Key]:
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token))
        return int(revision), (str(namespace), str(name))
    except (ValueError, binascii.Error) as error:
        raise RefusedError(400, "continue key is not valid") from error
