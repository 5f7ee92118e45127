"""Rendering the chart, with each Helm there is: 4 from `make setup`, 3 from `make chart`."""

from __future__ import annotations

import functools
import json
import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "baileys-janitor"
POLICIES = "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy"
RELEASE, NAMESPACE = "janitor", "baileys-janitor"


def helms() -> list[str]:
    """The Helm binaries to test with, $HELM alone if it is set."""
    if named := os.environ.get("HELM"):
        return [named]
    tools = (ROOT / ".tools" / "helm", ROOT / ".tools" / "helm3" / "helm")
    found = [str(tool) for tool in tools if tool.exists()] or [shutil.which("helm") or ""]
    assert found != [""], "Helm is needed: run make setup, or set HELM"
    return found


class Refused(Exception):  # noqa: N818 - what Helm does
    """Helm refuses the values; its message."""


@functools.cache
def _rendered(helm: str, values: str, chart: Path, policies: bool) -> str:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "values.yaml"
        file.write_text(values)
        command = [helm, "template", RELEASE, str(chart), "-n", NAMESPACE, "-f", str(file)]
        command += ["--api-versions", POLICIES] if policies else ["--kube-version", "1.29.0"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def text(helm: str = "", chart: Path = CHART, *, policies: bool = True, **values: Any) -> str:
    """What Helm writes for these values, given as keywords of the first level.

    `policies`: whether the cluster has ValidatingAdmissionPolicies.
    """
    written = json.dumps(values, sort_keys=True)
    return _rendered(helm or helms()[0], written, chart, policies)


def render(
    helm: str = "", chart: Path = CHART, *, policies: bool = True, **values: Any
) -> list[Object]:
    """The rendered objects, ordered by kind, namespace and name."""
    return list(pickle.loads(_parsed(text(helm, chart, policies=policies, **values))))


@functools.cache
def _parsed(written: str) -> bytes:
    """The objects in a rendering, so that whoever asks has some of its own: reading YAML takes longer than Helm."""
    objects = [each for each in parsed(written) if each]
    return pickle.dumps(sorted(objects, key=identity))


def parsed(written: str) -> Iterator[Object]:
    """Read YAML by the library in C, which is ten times as fast."""
    return yaml.load_all(written, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # type: ignore[no-any-return]


def identity(found: Object) -> tuple[str, str, str]:
    """Kind, namespace and name."""
    meta = found["metadata"]
    return found["kind"], meta.get("namespace", ""), meta["name"]


def only(objects: list[Object], kind: str) -> Object:
    """The one object of a kind."""
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def operator_file(objects: list[Object]) -> str:
    """The operator's configuration file among rendered objects."""
    (content,) = (
        each["data"]["operator.yaml"]
        for each in objects
        if each["kind"] == "ConfigMap" and "operator.yaml" in each.get("data", {})
    )
    return str(content)


RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
VARIANTS: dict[str, Object] = {
    "default": {"crds": {"enabled": False}},
    "namespaces": {"crds": {"enabled": False}, "watchNamespaces": ["shop", "support"]},
    "all-granted": {
        "crds": {"enabled": False},
        "image": {
            "repository": "registry.example/team/baileys-janitor",
            "digest": "sha256:" + "0123456789abcdef" * 4,
            "pullPolicy": "IfNotPresent",
            "pullSecrets": ["registry"],
        },
        "config": {
            "modeCeiling": "DryRun",
            "defaults": {
                "mode": "Enforce",
                "thresholds": {"warning": 160, "danger": 200},
                "retention": {"sessionMaxAge": "21d"},
                "schedule": {"timeZone": "America/Sao_Paulo", "dailyCleanup": "30 2 * * *"},
                "job": {"resources": {"limits": {"memory": "96Mi"}}},
            },
            "job": {"nodeSelector": {"pool": "chat"}, "tolerations": [{"operator": "Exists"}]},
            "diskPressure": {"freeBytes": "256Mi", "freeInodes": 5_000_000},
            "networkPolicy": {"manage": True},
            "pullSecrets": {"copy": True},
            "probes": {"port": 8081},
            "leaderElection": {"name": "the-janitor"},
            "notifications": {
                "channels": [
                    {
                        "name": "pager",
                        "webhook": {"urlKey": "pager-url", "signingKey": "pager-key"},
                    },
                    {"name": "chat", "telegram": {"tokenKey": "bot", "chatId": "-1001234567890"}},
                ],
                "routes": [
                    {"name": "night", "channels": ["pager"], "level": "Emergency"},
                    {"name": "shop", "channels": ["chat"], "match": {"namespaces": ["shop-*"]}},
                ],
                "repeatInterval": "12h",
            },
        },
        "notifications": {
            "existingSecret": "janitor-notifications",
            "caBundle": {"configMap": "company-ca", "key": "bundle.pem"},
        },
        "replicas": 3,
        "priorityClassName": "system-cluster-critical",
        "commonLabels": {"team": "platform"},
        "podLabels": {"tier": "operators"},
        "podAnnotations": {"example.com/scrape": "true"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "operators", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
        "topologySpreadConstraints": [],
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        "serviceAccount": {"annotations": {"example.com/role": "janitor"}},
        "fullnameOverride": "janitor",
    },
    "equipped": {
        "crds": {"enabled": False},
        "global": {
            "imageRegistry": "mirror.example:5000",
            "imagePullSecrets": ["mirror", {"name": "other"}],
            "storageClass": "of another chart",
        },
        "image": {"repository": "registry.example/team/baileys-janitor", "pullSecrets": ["mirror"]},
        "env": [{"name": "TZ", "value": "UTC"}],
        "envFrom": [{"secretRef": {"name": "proxy"}}],
        "extraVolumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "16Mi"}}],
        "extraVolumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
        "extraInitContainers": [
            {
                "name": "wait",
                "image": "busybox:1",
                "command": ["true"],
                "securityContext": RESTRICTED,
            }
        ],
        "extraContainers": [{"name": "proxy", "image": "proxy:1", "securityContext": RESTRICTED}],
        "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["chat.example"]}],
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["192.0.2.53"], "options": [{"name": "ndots", "value": "2"}]},
        "runtimeClassName": "gvisor",
        "schedulerName": "own",
        "terminationGracePeriodSeconds": 10,
        "revisionHistoryLimit": 1,
        "deploymentAnnotations": {"reloader.example/auto": "true"},
        "podAnnotations": {"example.com/scrape": "true"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
            }
        ],
    },
    "monitored": {
        "crds": {"enabled": False},
        "serviceMonitor": {
            "enabled": True,
            "labels": {"release": "monitoring"},
            "interval": "15s",
            "scrapeTimeout": "",
        },
        "prometheusRule": {
            "enabled": True,
            "labels": {"release": "monitoring"},
            "runbookBaseUrl": "https://wiki.example/janitor",
        },
        "networkPolicy": {
            "metricsFrom": [
                {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": "monitoring"}
                    }
                }
            ]
        },
        "config": {"metrics": {"port": 9091, "perTenant": "Brief"}},
    },
    "least": {
        "crds": {"enabled": False},
        "jobPriorityClass": {"create": False},
        "admissionPolicy": {"enabled": False},
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "own"},
        "networkPolicy": {"operator": False, "jobs": False},
        "config": {"metrics": {"enabled": False}},
        "podDisruptionBudget": {"enabled": False},
        "watchNamespaces": ["shop"],
        "replicas": 1,
    },
}
"""Values whose rendering is kept in `snapshots/` and checked against Kubernetes' schemas."""
