"""One installation of the chart and the tenants that it looks after."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from baileys_janitor.controller.jobs.manifest import SELECTOR
from tests.e2e.cluster import ROOT, Cluster, Object, until
from tests.real import sessions
from tests.real.directory import UNTOUCHABLE
from tests.running_time import remember

CHART = str(ROOT / "charts" / "baileys-janitor")
EMERGENCY = "janitor.baileys.dev/emergency-cleanup"
OWNER = 10_001
"""The user of the workloads and their files; not the image's own."""

LOOK = """
import hashlib, json, os, sys
found = {}
for entry in os.scandir(sys.argv[1]):
    if entry.is_file(follow_symlinks=False):
        about = entry.stat()
        with open(entry.path, 'rb') as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        found[hashlib.sha256(entry.name.encode()).hexdigest()[:12]] = [
            digest, about.st_mtime_ns, about.st_mode, about.st_uid, about.st_gid,
            entry.name.startswith(tuple(sys.argv[2:]))]
journal = os.path.join(sys.argv[1], '.janitor~journal')
runs = [line.split()[1] for line in open(journal)] if os.path.exists(journal) else []
print(json.dumps({'files': found, 'begun': runs.count('begin'), 'ended': runs.count('end')}))
"""
UNPACK = """
import os, sys, tarfile
os.chown('/data', int(sys.argv[1]), int(sys.argv[1]))
tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('/data', filter='fully_trusted')
"""


class Seen:
    """A session directory at one moment."""

    def __init__(self, told: Object) -> None:
        self.files: dict[str, list[Any]] = told["files"]
        self.begun: int = told["begun"]
        self.ended: int = told["ended"]

    @property
    def protected(self) -> dict[str, list[Any]]:
        """What no cleanup may touch, with content, times, mode and owners."""
        return {name: file for name, file in self.files.items() if file[5]}


class Installation:
    """A release, its own namespace and the one of its tenants."""

    def __init__(self, cluster: Cluster, release: str, namespace: str, tenants: str) -> None:
        self.cluster = cluster
        self.release = release
        self.namespace = namespace
        self.tenants = tenants
        self.fullname = f"{release}-baileys-janitor"

    # The release

    def install(self, values: Object) -> None:
        """`helm install --wait`."""
        self._helm("install", values)

    def upgrade(self, values: Object) -> None:
        """`helm upgrade --wait` on top of what is installed."""
        self._helm("upgrade", values, "--reset-then-reuse-values")

    def _helm(self, verb: str, values: Object, *options: str) -> None:
        repository, _, tag = self.cluster.image.rpartition(":")
        image = {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({"image": image} | values, file)
            file.flush()
            where = ("-n", self.namespace, "--wait", "--timeout", "120s", "-f", file.name)
            self.cluster.helm(verb, self.release, CHART, *where, *options)

    def uninstall(self) -> None:
        """`helm uninstall --wait`; nothing if it is not installed."""
        where = ("-n", self.namespace, "--wait", "--timeout", "120s", "--ignore-not-found")
        self.cluster.helm("uninstall", self.release, *where)

    def leader(self) -> str:
        """The pod that holds the Lease; empty when nobody does."""
        lease = self.cluster.find("lease", self.fullname, self.namespace) or {"spec": {}}
        return str(lease["spec"].get("holderIdentity") or "").rpartition("_")[0]

    def logs(self) -> str:
        """What all replicas have logged."""
        chosen = ("-l", f"app.kubernetes.io/instance={self.release}", "--tail=-1")
        return self.cluster.kubectl("logs", "-n", self.namespace, *chosen)

    # Tenants

    def claim(self, name: str, storage_class: str | None = None) -> None:
        """A claim in the tenants' namespace."""
        spec: Object = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "64Mi"}},
        }
        if chosen := storage_class or self.cluster.storage_class:
            spec["storageClassName"] = chosen
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}}
        self.cluster.apply(self.tenants, claim | {"spec": spec})

    def _pod(self, name: str, claim: str, context: Object, **spec: Any) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "containers": [
                    {
                        "name": "bot",
                        "image": self.cluster.image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["python3", "-c", "import time; time.sleep(86400)"],
                        "securityContext": context,
                        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    }
                ],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
                **spec,
            },
        }

    def _running(self, name: str) -> None:
        self.cluster.kubectl(
            "wait", "-n", self.tenants, f"pod/{name}", "--for=condition=Ready", "--timeout=120s"
        )

    @contextlib.contextmanager
    def as_root(self, claim: str) -> Iterator[str]:
        """A pod of root's on a claim, as an administrator would prepare a volume; gone afterwards."""
        enforced = "pod-security.kubernetes.io/enforce"
        self.cluster.label_namespace(self.tenants, {enforced: "privileged"})
        name = f"root-{claim}"
        self.cluster.apply(self.tenants, self._pod(name, claim, {"runAsUser": 0, "runAsGroup": 0}))
        self.cluster.label_namespace(self.tenants, {enforced: "restricted"})
        self._running(name)
        try:
            yield name
        finally:
            self.cluster.kubectl("delete", "pod", "-n", self.tenants, name, "--now")

    def python(self, pod: str, code: str, *arguments: str, stdin: bytes | None = None) -> str:
        """Run Python in a pod."""
        where = ("exec", "-i", "-n", self.tenants, pod, "--", "python3", "-c", code)
        return self.cluster.kubectl(*where, *arguments, stdin=stdin)

    def session(self, claim: str, scenario: str, owner: int = OWNER, mode: int = 0o700) -> None:
        """Put a genuine session into `company` on a claim's volume, its owner's, with modes as Baileys has them."""
        with self.as_root(claim) as pod:
            self.python(pod, UNPACK, str(OWNER), stdin=_archive(scenario, owner, mode))

    def workload(self, claim: str) -> str:
        """Run what uses the claim, restricted as the namespace demands; its name."""
        name = f"bot-{claim}"
        context = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": OWNER,
            "runAsGroup": OWNER,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        self.cluster.apply(self.tenants, self._pod(name, claim, context))
        self._running(name)
        return name

    def declare(self, name: str, **spec: Any) -> None:
        """Declare a tenant on the claim of the same name."""
        volume = {"claimName": name, "path": "company"}
        tenant = {
            "apiVersion": "janitor.baileys.dev/v1alpha1",
            "kind": "BaileysTenant",
            "metadata": {"name": name},
            "spec": {"volume": volume, **spec},
        }
        self.cluster.apply(self.tenants, tenant)

    def onboard(self, name: str, scenario: str, **spec: Any) -> Seen:
        """A tenant with all that belongs to it; what its directory held before."""
        self.claim(name)
        self.session(name, scenario)
        self.workload(name)
        before = self.look(name)
        self.declare(name, **spec)
        return before

    def look(self, name: str) -> Seen:
        """What the workload of a tenant sees in its session directory."""
        return Seen(json.loads(self.python(f"bot-{name}", LOOK, "/data/company", *UNTOUCHABLE)))

    def status(self, name: str) -> Object:
        """A tenant's status."""
        found: Object = self.cluster.get("bt", name, self.tenants).get("status") or {}
        return found

    def condition(self, name: str, kind: str = "Ready") -> Object:
        """One of a tenant's conditions; empty when it has none of this type."""
        listed = self.status(name).get("conditions") or []
        return next((each for each in listed if each["type"] == kind), {})

    def ask(self, name: str, token: str) -> None:
        """Ask for an emergency cleanup."""
        marks = ("annotate", "-n", self.tenants, "baileystenant", name, "--overwrite")
        self.cluster.kubectl(*marks, f"{EMERGENCY}={token}")

    def scanned(self, name: str) -> Object:
        """Wait until a tenant is counted; its status."""

        def counted() -> Object:
            status = self.status(name)
            return status if status.get("files") else {}

        return until(counted, f"{name} is counted")

    def cleaned(self, name: str, runs: int = 1) -> list[Object]:
        """Wait until so many cleanups are over; the history, newest first."""

        def done() -> list[Object]:
            status = self.status(name)
            history: list[Object] = status.get("history") or []
            return history if len(history) >= runs and not status.get("run") else []

        return until(done, f"{name} has been cleaned {runs} times")

    def jobs(self, kind: str = "jobs") -> list[Object]:
        """The janitor's Jobs, or their pods."""
        return self.cluster.listed(kind, "-n", self.tenants, "-l", SELECTOR)


def _archive(scenario: str, owner: int, mode: int) -> bytes:
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(fileobj=buffer, mode="w") as tar:
        session = remember(sessions.unpack(scenario, Path(scratch) / "company"))

        def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
            info.uid = info.gid = owner
            info.uname = info.gname = ""
            info.mode = mode if info.isdir() else 0o600
            return info

        tar.add(session, "company", filter=owned)
    return buffer.getvalue()
