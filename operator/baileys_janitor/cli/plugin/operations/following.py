"""Follows operations to their end: by a watch, or, with the right to get alone, one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from baileys_janitor.cli.kubectl.refusals import FORBIDDEN, NOT_FOUND, Request
from baileys_janitor.cli.kubectl.resources import OPERATIONS
from baileys_janitor.cli.plugin.operations.documents import has_ended, operation_document
from baileys_janitor.cli.plugin.watching import WatchedList

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.kubectl.resources import Query
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument

    Key = tuple[str, str]

_LOOKED_SECONDS: Final = 2.0
"""Pause between two looks where nothing tells of changes."""
_LATE_SECONDS: Final = 5.0
"""Seconds after which a watch has surely told of what was created."""


class Seeing(Protocol):
    """Sees the operations of a namespace."""

    def get(self, namespace: str, name: str) -> OperationDocument | None:
        """Return an operation as it is known now; None for one that is not there."""

    def wait(self, seconds: float) -> None:
        """Wait until something may have changed, at most so long."""

    def end(self) -> None:
        """See no more."""


class _OneByOne:
    """Gets each operation when somebody asks for it."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def get(self, namespace: str, name: str) -> OperationDocument | None:
        try:
            return operation_document(self._kubectl.get(OPERATIONS, namespace, name))
        except Request as refused:
            if refused.code != NOT_FOUND:
                raise
            return None

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, _LOOKED_SECONDS))

    def end(self) -> None:
        """Hold nothing."""


class Follower:
    """Follows operations, however many, with one list and one watch a namespace. Close it by `end`.

    `query` selects the operations that are followed, `rests` are phases at which one is followed no more.
    """

    def __init__(self, kubectl: Kubectl, query: Query, rests: Collection[str] = ()) -> None:
        self._kubectl = kubectl
        self._query = query
        self.rests = rests
        self._one_by_one = _OneByOne(kubectl)
        self._seeing: dict[str, Seeing] = {}
        self._open: dict[Key, OperationDocument] = {}
        self._unseen: dict[Key, float] = {}

    def add(self, operation: OperationDocument) -> None:
        """Follow an operation from now on."""
        key = operation["namespace"], operation["name"]
        self._open[key] = operation
        self._unseen[key] = time.monotonic()

    @property
    def open(self) -> list[OperationDocument]:
        """Return those that have not ended, as they are known now."""
        return list(self._open.values())

    def changes(self, seconds: float) -> Iterator[tuple[OperationDocument, bool]]:
        """Wait at most so long; yield what has changed, and whether it is there. What has ended is followed no more."""
        if not self._open:
            return
        self._see(next(iter(self._open))[0]).wait(seconds)
        for key, known in list(self._open.items()):
            found = self._see(key[0]).get(*key)
            if found is None and key in self._unseen:
                # The list may be older than the operation.
                if time.monotonic() - self._unseen[key] < _LATE_SECONDS:
                    continue
                found = self._one_by_one.get(*key)
            if found is None:
                del self._open[key]
                yield known, False
                continue
            self._unseen.pop(key, None)
            if found != known:
                self._open[key] = found
                if has_ended(found, self.rests):
                    del self._open[key]
                yield found, True

    def end(self) -> None:
        """Follow no more."""
        for each in self._seeing.values():
            each.end()

    def _see(self, namespace: str) -> Seeing:
        if namespace not in self._seeing:
            watched = WatchedList(
                self._kubectl, OPERATIONS, namespace, operation_document, self._query
            )
            try:
                watched.start()
                self._seeing[namespace] = watched
            except Request as refused:
                if refused.code != FORBIDDEN:
                    raise
                self._seeing[namespace] = self._one_by_one
        return self._seeing[namespace]


def follow_all(
    follower: Follower,
    begin: Iterable[Callable[[], OperationDocument | None]],
    *,
    parallel: int,
    until: float,
    told: Callable[[OperationDocument], None],
) -> Iterator[tuple[OperationDocument, bool]]:
    """Begin operations, no more than `parallel` at a time; yield each as it ended, and whether it was still there.

    One that could not be begun is None. Ends at `until`, in seconds of the monotonic clock; what is open then is in
    `follower.open`. `told` is called with whatever changes.
    """
    waiting = iter(begin)
    exhausted = False
    while True:
        while not exhausted and len(follower.open) < parallel:
            one = next(waiting, None)
            if one is None:
                exhausted = True
                break
            operation = one()
            if operation is None:
                continue
            if has_ended(operation, follower.rests):
                yield operation, True
                continue
            follower.add(operation)
            told(operation)
        left = until - time.monotonic()
        if not follower.open or left <= 0:
            return
        for changed, there in follower.changes(min(left, _LOOKED_SECONDS)):
            if there:
                told(changed)
            if not there or has_ended(changed, follower.rests):
                yield changed, there
