"""An operator that is played: operations are asked for, and end as a test wants it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.plugin.tenants import Fleet, ago

OPERATIONS = "janitor.baileys.dev/v1alpha1/baileysoperations"


class Played:
    """An operator that carries nothing out: it ends each operation as a test wants it."""

    def __init__(self, fleet: Fleet, namespaces: Sequence[str]) -> None:
        self._fleet = fleet
        self._namespaces = namespaces
        self.phases: dict[str, str] = {}
        self.more: dict[str, Any] = {}
        self.specs: dict[tuple[str, str], dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.owners: dict[str, list[dict[str, Any]]] = {}
        self.most = 0
        self.held = threading.Event()
        self.held.set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.held.set()
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.05):
            found = [one for ns in self._namespaces for one in self._fleet.select(OPERATIONS, ns)]
            open_ = [one for one in found if "phase" not in one.get("status", {})]
            self.most = max(self.most, len(open_))
            self.held.wait()
            for one in open_:
                self._end(one)

    def _end(self, one: dict[str, Any]) -> None:
        meta, spec = one["metadata"], one["spec"]
        where = meta["namespace"], spec["tenant"]
        self.specs[where] = spec
        name = spec.get("restore", {}).get("identitySecretName")
        name = name or spec.get("repairContact", {}).get("contactSecretName")
        for secret in self._fleet.select("v1/secrets", meta["namespace"]):
            if secret["metadata"]["name"] == name:
                self.secrets[meta["namespace"]] = {
                    key: base64.b64decode(text).decode() for key, text in secret["data"].items()
                }
                self.owners[meta["namespace"]] = secret["metadata"].get("ownerReferences", [])
        phase = self.phases.get(spec["tenant"], "Completed")
        status = {"phase": phase, "message": f"{phase}.", "completionTime": ago(0)} | self.more
        self._fleet.patch(meta["namespace"], meta["name"], status, OPERATIONS)


@contextmanager
def played_in(fleet: Fleet, *namespaces: str) -> Iterator[Played]:
    """Play the operator of some namespaces, and remove their operations in the end."""
    operator = Played(fleet, namespaces)
    yield operator
    operator.stop()
    for namespace in namespaces:
        for one in fleet.select(OPERATIONS, namespace):
            fleet.remove(namespace, one["metadata"]["name"], OPERATIONS)
