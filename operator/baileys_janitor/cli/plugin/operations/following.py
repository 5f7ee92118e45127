"""Follows operations to their end: with a watch, or with single reads if only `get` is allowed."""

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
"""The pause between two reads without a watch."""
_LATE_SECONDS: Final = 5.0
"""Seconds within which a watch shows a created object."""


class Seeing(Protocol):
    """A source of the operations in a namespace."""

    def get(self, namespace: str, name: str) -> OperationDocument | None:
        """Return the current state of an operation; None if it does not exist."""

    def wait(self, seconds: float) -> None:
        """Wait at most this many seconds for a change."""

    def end(self) -> None:
        """Stop watching."""


class _OneByOne:
    """Reads each operation at every call."""

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
        """Do nothing: there is no watch."""


class Follower:
    """Follows any number of operations, with one list and one watch for each namespace. Call `end` at the end.

    `query` selects the operations; an operation in one of the phases `rests` is no longer followed.
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
        """Return the last known state of the operations that have not ended."""
        return list(self._open.values())

    def changes(self, seconds: float) -> Iterator[tuple[OperationDocument, bool]]:
        """Wait at most this many seconds; yield each changed operation, and whether it still exists."""
        if not self._open:
            return
        self._see(next(iter(self._open))[0]).wait(seconds)
        for key, known in list(self._open.items()):
            found = self._see(key[0]).get(*key)
            if found is None and key in self._unseen:
                # The watch may not show the new operation yet.
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
        """Stop all watches."""
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
    """Create operations, at most `parallel` at a time; yield each that has ended, and whether it still exists.

    A function in `begin` returns None if its operation could not be created. The iteration ends at `until` (seconds of
    the monotonic clock); `follower.open` then holds the rest. `told` is called with each changed operation.
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
