"""Keeps the tenants of a cluster up to date: by one list and a watch, or by lists where watching is not allowed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from baileys_janitor.api.bounded import part, text
from baileys_janitor.cli.kubectl.refusals import FORBIDDEN, Expired, Request
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin.tenants import brief, tenant_document
from baileys_janitor.cli.terminal.problems import Problem

if TYPE_CHECKING:
    from baileys_janitor.cli.kubectl.client import Kubectl, Watch
    from baileys_janitor.cli.plugin.tenants import TenantDocument

_WATCH_SECONDS: Final = 300
"""How long one watch lasts; the list is read again after it."""
_PAUSE_SECONDS: Final = 5.0
"""Pause after a failure, and between lists where watching is not allowed."""


class WatchedFleet:
    """Tenants that a thread keeps up to date. `trouble` is what is wrong with that at present, None for nothing."""

    def __init__(self, kubectl: Kubectl, namespace: str | None) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._tenants: dict[tuple[str, str], TenantDocument] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._changed = threading.Event()
        self._may_watch = True
        self._watching: Watch | None = None
        self.trouble: str | None = None
        self.read_at = 0.0

    def tenants(self) -> list[TenantDocument]:
        """Return the tenants as they are known now."""
        with self._lock:
            return list(self._tenants.values())

    def start(self) -> None:
        """Read the list once, raising a Problem where that cannot be done, and keep it up to date from then on."""
        version = self._list()
        threading.Thread(target=self._keep, args=(version,), daemon=True).start()

    def end(self) -> None:
        """Stop reading."""
        self._ended.set()
        if self._watching is not None:
            self._watching.end()

    def wait(self, seconds: float) -> bool:
        """Wait until something changes, at most so long; return whether something did."""
        changed = self._changed.wait(seconds)
        self._changed.clear()
        return changed

    def _keep(self, version: str) -> None:
        while not self._ended.is_set():
            try:
                if self._may_watch:
                    self._watch(version)
                else:
                    self._ended.wait(_PAUSE_SECONDS)
                version = self._list()
                self.trouble = None if self._may_watch else self.trouble
            except Expired:
                version = ""
            except Request as refused:
                self._refused(refused)
            except Problem as problem:
                self.trouble = problem.message
                self._changed.set()
                self._ended.wait(_PAUSE_SECONDS)

    def _refused(self, refused: Request) -> None:
        if refused.code == FORBIDDEN and self._may_watch:
            self._may_watch = False
            self.trouble = f"Read every {_PAUSE_SECONDS:.0f} seconds: it takes the right {refused.right} to be sooner."
        else:
            self.trouble = refused.message
            self._ended.wait(_PAUSE_SECONDS)
        self._changed.set()

    def _list(self) -> str:
        """Read the list; return the version of the cluster that it shows."""
        found: dict[tuple[str, str], TenantDocument] = {}
        version = ""
        for page in self._kubectl.pages(TENANTS, self._namespace):
            version = text(part(page, "metadata").get("resourceVersion"))
            for each in page["items"]:
                self._put(found, each)
        with self._lock:
            self._tenants = found
        self.read_at = time.time()
        self._changed.set()
        return version

    def _watch(self, version: str) -> None:
        query = {"resourceVersion": version} if version else {}
        with self._kubectl.watch(TENANTS, self._namespace, _WATCH_SECONDS, query) as watch:
            self._watching = watch
            if self._ended.is_set():
                return
            for kind, found in watch:
                with self._lock:
                    if kind == "DELETED":
                        self._tenants.pop(_key(found), None)
                    else:
                        self._put(self._tenants, found)
                self.read_at = time.time()
                self._changed.set()

    @staticmethod
    def _put(tenants: dict[tuple[str, str], TenantDocument], found: dict[str, Any]) -> None:
        tenants[_key(found)] = brief(tenant_document(found))


def _key(found: dict[str, Any]) -> tuple[str, str]:
    meta = part(found, "metadata")
    return text(meta.get("namespace")), text(meta.get("name"))
