"""Tenants of a cluster for the plugin to look at."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.api.statuses import FULL_STATUS

GROUP = "janitor.baileys.dev"
TENANTS = f"{GROUP}/v1alpha1/baileystenants"
RBAC = "rbac.authorization.k8s.io/v1"
NUMBER = "4915112345678"
"""A tenant that is called by its phone number."""
ESCAPES = "\x1b]0;owned\x07\x1b[2J"


class Tenant(NamedTuple):
    """One tenant, and what its status says."""

    namespace: str
    name: str
    level: str
    counted: int
    attention: str | None = None
    next: str = "A Daily cleanup runs tonight."
    suspended: bool = False


FLEET = (
    Tenant("shop", "acme", "Critical", 176, "ThresholdUnreachable", "Raise spec.thresholds."),
    Tenant("shop", NUMBER, "Emergency", 188, "DiskPressure", f"Make room.{ESCAPES}"),
    Tenant("shop", "quiet", "Healthy", 90, suspended=True),
    Tenant("support", "a-very-long-tenant-name-of-some-company-in-moscow", "Warning", 155),
)


class Fleet:
    """A cluster's kubectl."""

    def __init__(self, home: Path, programs: Path) -> None:
        config = yaml.safe_load((home / "config").read_text())
        self._url = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"].get("token", "")
        self.home = home
        self.programs = programs
        self.variables = {
            "KUBECONFIG": str(home / "config"),
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(home),
        }

    def kubectl(self, *words: str, body: object = None) -> str:
        """Run kubectl and return what it printed."""
        done = subprocess.run(
            [str(self.programs / "kubectl"), *words],
            input=None if body is None else json.dumps(body),
            env={**os.environ, **self.variables},
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, resource: str, namespace: str, body: Mapping[str, Any]) -> None:
        """Create an object of `group/version/plural`."""
        self._send("POST", path_of(resource, namespace), body)

    def add(self, tenant: Tenant) -> None:
        """Create a tenant with its status."""
        self.create(TENANTS, tenant.namespace, resource(tenant))
        self.patch(tenant.namespace, tenant.name, status(tenant))

    def select(self, resource: str, namespace: str) -> list[dict[str, Any]]:
        """The objects of a resource in a namespace."""
        found: list[dict[str, Any]] = self._send("GET", path_of(resource, namespace), None)["items"]
        return found

    def patch(
        self, namespace: str, name: str, changed: Mapping[str, Any], resource: str = TENANTS
    ) -> None:
        """Change the status of an object, a tenant's unless another resource is named."""
        path = f"{path_of(resource, namespace)}/{name}/status"
        self._send("PATCH", path, {"status": changed})

    def remove(self, namespace: str, name: str, resource: str = TENANTS) -> None:
        """Delete an object, a tenant unless another resource is named."""
        self._send("DELETE", f"{path_of(resource, namespace)}/{name}", {})

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """Send a request as the cluster's owner; kubectl would cost a hundred times more."""
        kind = "merge-patch+json" if method == "PATCH" else "json"
        asked = urllib.request.Request(
            f"{self._url}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": f"application/{kind}", "Authorization": f"Bearer {self._token}"},
            method=method,
        )
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def at_terminal(self, columns: int, *words: str, lines: int = 24) -> tuple[int, str]:
        """Run `kubectl baileys` at a terminal; the exit code and what it showed, without colours."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {**os.environ, **self.variables, "NO_COLOR": "1", "TERM": "xterm"}
        environment.pop("COLUMNS", None)
        process = subprocess.Popen(
            [str(self.programs / "kubectl"), "baileys", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 1 << 16):
                shown += part
        except OSError:  # Linux ends a terminal that nobody holds any more with EIO
            pass
        finally:
            os.close(ours)
        return process.wait(timeout=60), shown.decode()


def resource(tenant: Tenant) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "BaileysTenant",
        "metadata": {"name": tenant.name, "namespace": tenant.namespace},
        "spec": {
            "volume": {"claimName": "data", "path": tenant.name},
            **({"suspend": True} if tenant.suspended else {}),
        },
    }


def status(tenant: Tenant) -> dict[str, Any]:
    """A status as of now."""
    found = copy.deepcopy(FULL_STATUS)
    for name in ("attention", "run"):
        found.pop(name)
    found |= {"level": tenant.level, "next": tenant.next, "levelSince": ago(7_200)}
    found |= {"attention": tenant.attention} if tenant.attention else {}
    found["files"]["counted"] = tenant.counted
    found["forecast"] = {"emergencyTime": ago(-80_000)}
    found["lastCleanup"] |= {"time": ago(3_600), "run": "r0"}
    found["history"] = [{**found["history"][0], "run": f"r{n}"} for n in range(6)]
    found["backup"]["lastSuccessTime"] = ago(1_500)
    told = tenant.attention or "Ready"
    levels = ("Healthy", "Warning", "Critical", "Emergency")
    found["conditions"] = [
        condition("Ready", "True", "Observing", "Counted the files."),
        condition("BackedUp", "False", "Forbidden", "The store eu refuses to put objects."),
        *(condition(each, str(each == tenant.level), each, f"It is {each}.") for each in levels),
        *([condition(told, "True", told, f"{told} holds.")] if tenant.attention else []),
    ]
    return found


def condition(kind: str, holds: str, reason: str, message: str) -> dict[str, Any]:
    said = {"reason": reason, "message": message, "lastTransitionTime": ago(3_600)}
    return {"type": kind, "status": holds, **said}


def ago(seconds: float) -> str:
    return datetime.fromtimestamp(int(time.time() - seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account(fleet: Fleet, namespace: str, name: str, rules: Mapping[str, str]) -> None:
    """Make a ServiceAccount with rights in one namespace: verbs by resource."""
    fleet.create("v1/serviceaccounts", namespace, {"metadata": {"name": name}})
    if not rules:
        return
    listed = []
    for resource_name, verbs in rules.items():
        plural, _, group = resource_name.partition(".")
        listed.append({"apiGroups": [group], "resources": [plural], "verbs": verbs.split(",")})
    meta = {"name": name}
    binding = {
        "metadata": meta,
        "roleRef": {"apiGroup": RBAC.partition("/")[0], "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    fleet.create(f"{RBAC}/roles", namespace, {"metadata": meta, "rules": listed})
    fleet.create(f"{RBAC}/rolebindings", namespace, binding)


def path_of(resource: str, namespace: str) -> str:
    """The path of a resource on the API server."""
    version, _, plural = resource.rpartition("/")
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/{'apis' if '/' in version else 'api'}/{version}{scope}/{plural}"


def acting(name: str) -> str:
    """The option by which a command is run as an account."""
    return f"--as=system:serviceaccount:shop:{name}"
