"""A cluster as kubectl shows it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sandbox.tools import kubectl_path

Object = dict[str, Any]
T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
"""Seconds until what does not come true fails its test."""


def until(what: Callable[[], T], told: str, patience: float = PATIENCE) -> T:
    """Wait until a call gives something true, and return it."""
    end = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < end, f"it never came to pass: {told}"
        time.sleep(0.2)
    return found


class CommandFailed(Exception):  # noqa: N818 - it is told as such
    """A command's exit code and what it said."""


class Cluster:
    """kubectl and helm against one cluster."""

    def __init__(self, kubeconfig: Path, image: str, storage_class: str | None) -> None:
        self.kubeconfig = kubeconfig
        self.image = image
        self.storage_class = storage_class
        own = ROOT / ".tools" / "helm"
        kept = str(own) if own.exists() else shutil.which("helm") or "helm"
        self._helm = os.environ.get("HELM") or kept
        self._environment = os.environ | {"KUBECONFIG": str(kubeconfig)}

    def _run(self, *command: str, stdin: bytes | None = None, timeout: float = 170) -> str:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            env=self._environment,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(f"{' '.join(command)}: {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()

    def kubectl(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run kubectl; CommandFailed unless its exit code is 0."""
        return self._run(str(kubectl_path()), *arguments, stdin=stdin)

    def helm(self, *arguments: str) -> str:
        """Run helm."""
        return self._run(self._helm, *arguments)

    def apply(self, namespace: str, *objects: Object) -> None:
        """`kubectl apply`."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(listed).encode())

    def find(self, kind: str, name: str, namespace: str = "default") -> Object | None:
        """An object, None when there is none."""
        said = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        return json.loads(said) if said.strip() else None

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """An object that must be there."""
        found = self.find(kind, name, namespace)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def listed(self, kinds: str, *arguments: str) -> list[Object]:
        """Objects, as `kubectl get KINDS ARGUMENTS` selects them."""
        items: list[Object] = json.loads(self.kubectl("get", kinds, "-o", "json", *arguments))[
            "items"
        ]
        return items

    @contextlib.contextmanager
    def namespace(self, name: str, labels: Mapping[str, str]) -> Iterator[str]:
        """A namespace that is gone afterwards."""
        self.apply("default", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.label_namespace(name, labels)
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--timeout=120s", "--ignore-not-found")

    def label_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """Label a namespace."""
        for key, value in labels.items():
            self.kubectl("label", "namespace", name, f"{key}={value}", "--overwrite")
