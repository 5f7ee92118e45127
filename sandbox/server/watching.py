"""Watches: changes since a revision, then new changes, and bookmarks between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from sandbox.server.failures import expired
from sandbox.server.selectors import Matches
from sandbox.server.store import Change, Collection, Record, Store

INITIAL_END: Final = "k8s.io/initial-events-end"
BOOKMARKS: Final = 10.0
# A client with a longer backlog is disconnected, as a real server does.
BACKLOG: Final = 65536


@dataclass(frozen=True, slots=True)
class Wanted:
    """The parameters of a watch; `seconds` is its longest duration."""

    namespace: str | None
    matches: Matches | None
    revision: int | None
    initial: bool
    bookmarks: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """An event for a watcher: `record` is None for a bookmark."""

    type: str
    record: Record | None
    revision: int
    initial_end: bool = False


def _visible(change: Change, wanted: Wanted) -> Seen | None:
    """Return a change as seen through a selector: entering is ADDED, leaving is DELETED."""
    record = change.record
    if wanted.namespace is not None and record.key[0] != wanted.namespace:
        return None
    if wanted.matches is None:
        return Seen(change.type, record, record.revision)
    now = change.type != "DELETED" and wanted.matches(record.object)
    before = change.previous is not None and wanted.matches(change.previous.object)
    if now:
        return Seen("MODIFIED" if before else "ADDED", record, record.revision)
    return Seen("DELETED", record, record.revision) if before else None


class Watches:
    """All open watches of a server, so that they can be ended."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[asyncio.Event] = set()

    def __len__(self) -> int:
        return len(self._open)

    def drop(self) -> int:
        """End every watch at once, as a load balancer does. Return how many there were."""
        count = len(self._open)
        for ended in tuple(self._open):
            ended.set()
        return count

    async def follow(self, collection: Collection, wanted: Wanted) -> AsyncIterator[Seen]:
        """Yield the events of one watch, until its time is over.

        Raises:
            RefusedError: 410, before the first event, when the revision is compacted.
        """
        queue: asyncio.Queue[Change] = asyncio.Queue()
        ended = asyncio.Event()

        def listener(change: Change) -> None:
            queue.put_nowait(change)
            if queue.qsize() > BACKLOG:
                ended.set()

        past, start = self._start(collection, wanted)
        stop = collection.listen(listener)
        self._open.add(ended)
        try:
            for seen in past:
                yield seen
            if wanted.initial:
                yield Seen("BOOKMARK", None, start, initial_end=True)
            async for seen in self._live(queue, ended, wanted):
                yield seen
        finally:
            stop()
            self._open.discard(ended)

    def _start(self, collection: Collection, wanted: Wanted) -> tuple[list[Seen], int]:
        if wanted.revision and wanted.revision > self._store.revision:
            # A revision from before a restart that discarded it.
            raise expired(self._store.revision, wanted.revision)
        if wanted.initial or not wanted.revision:
            records = collection.scan(wanted.namespace)
            found = [r for r in records if wanted.matches is None or wanted.matches(r.object)]
            return [Seen("ADDED", r, r.revision) for r in found], self._store.revision
        changes = collection.since(wanted.revision)
        return [s for c in changes if (s := _visible(c, wanted))], wanted.revision

    async def _live(
        self, queue: asyncio.Queue[Change], ended: asyncio.Event, wanted: Wanted
    ) -> AsyncIterator[Seen]:
        loop = asyncio.get_running_loop()
        end = loop.time() + wanted.seconds
        over = asyncio.ensure_future(ended.wait())
        getting: asyncio.Future[Change] | None = None
        try:
            while not ended.is_set() and (left := end - loop.time()) > 0:
                if not queue.empty():
                    if seen := _visible(queue.get_nowait(), wanted):
                        yield seen
                    continue
                getting = getting or asyncio.ensure_future(queue.get())
                both: set[asyncio.Future[Any]] = {getting, over}
                await asyncio.wait(
                    both,
                    timeout=min(left, BOOKMARKS),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if getting.done():
                    change, getting = getting.result(), None
                    if seen := _visible(change, wanted):
                        yield seen
                elif wanted.bookmarks and not ended.is_set():
                    yield Seen("BOOKMARK", None, self._store.revision)
        finally:
            over.cancel()
            if getting is not None:
                getting.cancel()
