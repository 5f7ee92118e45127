"""Objects in memory: one revision counter, indexed collections, a bounded history for watches."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sandbox.server.failures import expired

Object = dict[str, Any]
Key = tuple[str, str]

HISTORY: Final = 4096


def encode(value: Any) -> bytes:
    """Return compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Record:
    """One stored version of an object, without apiVersion and kind.

    Immutable: a write creates another Record. The encoded bytes are cached, so that many watchers
    and lists share them.
    """

    __slots__ = ("_encoded", "key", "object", "revision")

    def __init__(self, key: Key, value: Object, revision: int) -> None:
        self.key = key
        self.object = value
        self.revision = revision
        self._encoded: bytes | None = None

    @property
    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = encode(self.object)
        return self._encoded


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one object; `type` is ADDED, MODIFIED or DELETED."""

    type: str
    record: Record
    previous: Record | None


class Collection:
    """All objects of one resource, by namespace and name."""

    def __init__(self, store: Store, history: int = HISTORY) -> None:
        self._store = store
        self._namespaces: dict[str, dict[str, Record]] = {}
        self._history: deque[Change] = deque(maxlen=history)
        self._oldest = store.revision
        self._listeners: set[Callable[[Change], None]] = set()

    def __len__(self) -> int:
        return sum(map(len, self._namespaces.values()))

    def get(self, key: Key) -> Record | None:
        return self._namespaces.get(key[0], {}).get(key[1])

    def scan(self, namespace: str | None = None, after: Key | None = None) -> Iterator[Record]:
        """Yield records in the order of their keys; only those after `after`."""
        spaces = sorted(self._namespaces) if namespace is None else [namespace]
        for space in spaces:
            if after is not None and space < after[0]:
                continue
            names = sorted(self._namespaces.get(space, ()))
            for name in names:
                if after is None or (space, name) > after:
                    record = self._namespaces.get(space, {}).get(name)
                    if record is not None:
                        yield record

    def put(self, key: Key, value: Object) -> Record:
        """Store an object under the next revision, which is also written into it."""
        revision = self._store.advance()
        value["metadata"]["resourceVersion"] = str(revision)
        record = Record(key, value, revision)
        space = self._namespaces.setdefault(key[0], {})
        previous = space.get(key[1])
        space[key[1]] = record
        self._publish(Change("MODIFIED" if previous else "ADDED", record, previous))
        return record

    def remove(self, key: Key, last: Object) -> Record:
        """Remove an object; watchers see `last` with the revision of the deletion."""
        revision = self._store.advance()
        last["metadata"]["resourceVersion"] = str(revision)
        record = Record(key, last, revision)
        space = self._namespaces[key[0]]
        previous = space.pop(key[1])
        if not space:
            del self._namespaces[key[0]]
        self._publish(Change("DELETED", record, previous))
        return record

    def since(self, revision: int) -> list[Change]:
        """Return the changes after a revision.

        Raises:
            RefusedError: 410, when the history does not reach back that far.
        """
        if revision < self._oldest:
            raise expired(self._oldest, revision)
        found = []
        for change in reversed(self._history):
            if change.record.revision <= revision:
                break
            found.append(change)
        found.reverse()
        return found

    def check(self, revision: int) -> None:
        """Raise RefusedError 410 when the history does not reach back to a revision."""
        if revision < self._oldest:
            raise expired(self._oldest, revision)

    def compact(self) -> None:
        """Discard all history: every older resourceVersion gets 410 from now on."""
        self._history.clear()
        self._oldest = self._store.revision

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call the listener with each change, at once. Return a function that stops it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def _publish(self, change: Change) -> None:
        if self._history.maxlen == len(self._history) and self._history:
            self._oldest = self._history[0].record.revision
        self._history.append(change)
        for listener in tuple(self._listeners):
            listener(change)


class Store:
    """All collections, under one revision."""

    def __init__(self, history: int = HISTORY) -> None:
        # The revision of a real cluster is never 0, which means "any version" to a client.
        self.revision = 1
        self._history = history
        self._collections: dict[tuple[str, str], Collection] = {}

    def collection(self, group: str, plural: str) -> Collection:
        """Return the collection of a resource, created on first use."""
        key = (group, plural)
        if key not in self._collections:
            self._collections[key] = Collection(self, self._history)
        return self._collections[key]

    def drop(self, group: str, plural: str) -> None:
        """Remove a collection whose definition is gone."""
        self._collections.pop((group, plural), None)

    def advance(self) -> int:
        self.revision += 1
        return self.revision

    def compact(self) -> None:
        """Discard the history of every collection."""
        self.revision += 1
        for collection in self._collections.values():
            collection.compact()
