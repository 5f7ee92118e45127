"""Keeps a list of the cluster's objects up to date: by list and watch, or by lists if watching is forbidden."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from baileys_janitor.api.bounded import part, text
from baileys_janitor.cli.kubectl.refusals import FORBIDDEN, Expired, Request
from baileys_janitor.cli.kubectl.resources import NO_QUERY
from baileys_janitor.cli.terminal.problems import Problem

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl, Watch
    from baileys_janitor.cli.kubectl.resources import Query, Resource

Document = TypeVar("Document")
Key = tuple[str, str]
"""Namespace and name."""

WATCH_SECONDS: Final = 300
"""The length of one watch; the list is read again after it."""
PAUSE_SECONDS: Final = 5.0
"""Pause after a failure, and between lists if watching is forbidden."""


class WatchedList(Generic[Document]):
    """Objects that a thread keeps up to date. `trouble` is the current failure, or None.

    `shape` converts an object into the form that is stored.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        resource: Resource,
        namespace: str | None,
        shape: Callable[[dict[str, Any]], Document],
        query: Query = NO_QUERY,
    ) -> None:
        self._kubectl = kubectl
        self._resource = resource
        self._namespace = namespace
        self._shape = shape
        self._query = query
        self._found: dict[Key, Document] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._changed = threading.Event()
        self._may_watch = True
        self._watching: Watch | None = None
        self.trouble: str | None = None
        self.read_at = 0.0

    def all(self) -> list[Document]:
        """Return the objects as currently known."""
        with self._lock:
            return list(self._found.values())

    def get(self, namespace: str, name: str) -> Document | None:
        """Return one object as currently known; None if it does not exist."""
        with self._lock:
            return self._found.get((namespace, name))

    def start(self) -> None:
        """Read the list once, raising a Problem if that fails, and keep it up to date from then on."""
        version = self._list()
        threading.Thread(target=self._keep, args=(version,), daemon=True).start()

    def end(self) -> None:
        """Stop the thread."""
        self._ended.set()
        if self._watching is not None:
            self._watching.end()

    def wait(self, seconds: float) -> None:
        """Wait until an object changes, at most `seconds`."""
        self._changed.wait(seconds)
        self._changed.clear()

    def _keep(self, version: str) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                if self._may_watch:
                    self._watch(version)
                self._pause_after(began)
                version = self._list()
                self.trouble = None if self._may_watch else self.trouble
            except Expired:
                version = ""
                self._pause_after(began)
            except Request as refused:
                self._refused(refused)
            except Problem as problem:
                self.trouble = problem.message
                self._changed.set()
                self._ended.wait(PAUSE_SECONDS)

    def _pause_after(self, began: float) -> None:
        """Wait if a watch ended at once, as behind a proxy that blocks watches, so that the loop does not spin."""
        self._ended.wait(max(0.0, PAUSE_SECONDS - (time.monotonic() - began)))

    def _refused(self, refused: Request) -> None:
        if refused.code == FORBIDDEN and self._may_watch:
            self._may_watch = False
            self.trouble = f"Read every {PAUSE_SECONDS:.0f} seconds: it takes the right {refused.right} to be sooner."
        else:
            self.trouble = refused.message
            self._ended.wait(PAUSE_SECONDS)
        self._changed.set()

    def _list(self) -> str:
        """Read the list; return its resource version."""
        found: dict[Key, Document] = {}
        version = ""
        for page in self._kubectl.pages(self._resource, self._namespace, self._query):
            version = text(part(page, "metadata").get("resourceVersion"))
            for each in page["items"]:
                found[_key(each)] = self._shape(each)
        with self._lock:
            self._found = found
        self.read_at = time.time()
        self._changed.set()
        return version

    def _watch(self, version: str) -> None:
        query = {**self._query, **({"resourceVersion": version} if version else {})}
        with self._kubectl.watch(self._resource, self._namespace, WATCH_SECONDS, query) as watch:
            self._watching = watch
            if self._ended.is_set():
                return
            for kind, found in watch:
                with self._lock:
                    if kind == "DELETED":
                        self._found.pop(_key(found), None)
                    else:
                        self._found[_key(found)] = self._shape(found)
                self.read_at = time.time()
                self._changed.set()


def _key(found: dict[str, Any]) -> Key:
    meta = part(found, "metadata")
    return text(meta.get("namespace")), text(meta.get("name"))
