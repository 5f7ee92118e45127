"""The chart's checks of its values, so that Helm refuses values that the operator would refuse at its start.

A JSON schema reports a text of the wrong form with a regular expression, and cannot compare two values. Checks that
need a sentence or a comparison are therefore listed in files/checks.json, which templates/_checks.tpl processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from baileys_janitor.api.config.cross_field_rules import FORBIDDEN_ZONES
from baileys_janitor.api.config.defaults import BUILT_IN
from baileys_janitor.api.values.durations import seconds_of
from baileys_janitor.api.values.patterns import (
    CRON,
    CRON_NEVER_COMES,
    CRON_NEVER_SENTENCE,
    CRON_WAY_OUT,
    DURATION,
    IN_WORDS,
    LABEL,
    QUANTITY,
    TIME_ZONE,
)

Node = dict[str, Any]

KUBERNETES_QUANTITY = r"^[+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
DIGEST = "^(sha256:[0-9a-f]{64})?$"
INTERVAL = "^([0-9]+(s|m))?$"
SECRET_KEY = r"^[-._a-zA-Z0-9]{1,253}$"  # noqa: S105 - a form, no secret
TAG = r"^([A-Za-z0-9_][A-Za-z0-9_.-]*)?$"
REPOSITORY = r"^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?[a-z0-9][a-z0-9._/-]*$"
OBJECT = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$"
IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$"

WORDS = IN_WORDS | {
    DIGEST: "give sha256: and 64 hexadecimal digits in small letters, or leave it empty",
    INTERVAL: "write it in seconds or minutes, such as 30s or 1m",
    SECRET_KEY: 'give a key: letters, digits, "_", "." and "-"',
    TAG: "give a tag, in quotes where it is a number",
    REPOSITORY: "give it without https:// and without a tag or digest, which go into image.tag and image.digest",
    OBJECT: 'use lower-case letters and digits, and "-" between them',
    IMAGE: "give the name of an image, such as registry.example/team/baileys-janitor",
}

_CRON: tuple[Node, ...] = (
    {"form": f"^Never$|{CRON}", "words": CRON_WAY_OUT},
    {"form": ".*", "never": CRON_NEVER_COMES, "words": CRON_NEVER_SENTENCE},
)
_MORE = (
    *(
        {"path": path, **check}
        for path in (
            "config.defaults.backup.drill.schedule",
            "config.defaults.backup.schedule",
            "config.defaults.schedule.dailyCleanup",
            "config.notifications.summary.schedule",
        )
        for check in _CRON
    ),
    {"path": "config.defaults.schedule.timeZone", "zone": True, "words": IN_WORDS[TIME_ZONE]},
    {"path": "config.notifications.timeZone", "zone": True, "words": IN_WORDS[TIME_ZONE]},
    {"path": "watchNamespaces.*", "form": LABEL, "words": IN_WORDS[LABEL]},
    {
        "path": "resources.requests.*",
        "form": KUBERNETES_QUANTITY,
        "number": True,
        "words": IN_WORDS[QUANTITY],
    },
    {
        "path": "resources.limits.*",
        "form": KUBERNETES_QUANTITY,
        "number": True,
        "words": IN_WORDS[QUANTITY],
    },
)

ALIASES = {
    "replicaCount": "replicas",
    "replica": "replicas",
    "autoscaling": "replicas",
    "keyStores": "config.keyStores",
    "keystores": "config.keyStores",
    "tenantSets": "config.tenantSets",
    "livenessProbe": "config.probes",
    "readinessProbe": "config.probes",
    "httpsProxy": "env, with HTTPS_PROXY",
    "proxy": "env, with HTTPS_PROXY",
    "service": "serviceMonitor or podMonitor",
    "resource": "resources",
    "mode": "config.defaults.mode, or config.modeCeiling for all tenants",
    "modeCeiling": "config.modeCeiling",
    "defaults": "config.defaults",
    "thresholds": "config.defaults.thresholds",
    "retention": "config.defaults.retention",
    "schedule": "config.defaults.schedule",
    "limits": "config.limits, or resources.limits",
    "logging": "config.logging",
    "logLevel": "config.logging.level",
    "metrics": "config.metrics, or serviceMonitor",
    "job": "config.job",
    "jobs": "config.job",
    "leaderElection": "config.leaderElection",
    "leaderElect": "config.leaderElection",
    "shards": "config.shards",
    "namespaces": "watchNamespaces",
    "watchNamespace": "watchNamespaces",
    "imagePullSecrets": "image.pullSecrets",
    "imagePullPolicy": "image.pullPolicy",
    "containerSecurityContext": "securityContext",
    "podSecurityPolicy": "podSecurityContext",
    "annotations": "podAnnotations, or deploymentAnnotations",
    "labels": "commonLabels, or podLabels",
    "commonAnnotations": "podAnnotations",
    "extraEnvVars": "env",
    "extraEnv": "env",
    "extraEnvFrom": "envFrom",
    "sidecars": "extraContainers",
    "initContainers": "extraInitContainers",
    "volumes": "extraVolumes",
    "volumeMounts": "extraVolumeMounts",
    "toleration": "tolerations",
    "nodeSelectors": "nodeSelector",
    "topologySpread": "topologySpreadConstraints",
    "priorityClass": "priorityClassName, or jobPriorityClass",
    "pdb": "podDisruptionBudget",
    "installCRDs": "crds.enabled",
    "crd": "crds",
    "prometheusRules": "prometheusRule",
    "monitoring": "serviceMonitor, podMonitor or prometheusRule",
    "alerts": "prometheusRule",
    "grafana": "dashboard",
    "dashboards": "dashboard",
    "notification": "notifications",
    "image.repo": "image.repository",
    "image.name": "image.repository",
    "image.registry": "image.repository, which holds the registry too, or global.imageRegistry",
    "image.version": "image.tag",
    "image.imagePullPolicy": "image.pullPolicy",
    "image.imagePullSecrets": "image.pullSecrets",
    "crds.install": "crds.enabled",
    "crds.create": "crds.enabled",
    "serviceAccount.enabled": "serviceAccount.create",
    "rbac.enabled": "rbac.create",
    "serviceMonitor.create": "serviceMonitor.enabled",
    "serviceMonitor.additionalLabels": "serviceMonitor.labels",
    "serviceMonitor.tolerations": "tolerations",
    "podMonitor.additionalLabels": "podMonitor.labels",
    "prometheusRule.additionalLabels": "prometheusRule.labels",
    "podDisruptionBudget.minAvailable": "podDisruptionBudget.maxUnavailable",
    "networkPolicy.enabled": "networkPolicy.operator and networkPolicy.jobs",
    "notifications.channels": "config.notifications.channels",
    "notifications.routes": "config.notifications.routes",
    "notifications.secret": "notifications.existingSecret",
    "config.logLevel": "config.logging.level",
    "config.keyStore": "config.keyStores",
    "config.tenantSet": "config.tenantSets",
    "backup": "config.defaults.backup, or config.backup for the Secrets of drills",
    "backups": "config.defaults.backup, or config.backup for the Secrets of drills",
    "config.backups": "config.defaults.backup, or config.backup for the Secrets of drills",
    "config.backup.schedule": "config.defaults.backup.schedule",
    "config.backup.recipients": "config.defaults.backup.recipients",
    "config.backup.repositories": "config.defaults.backup.repositories",
    "config.backup.retention": "config.defaults.backup.retention",
    "config.backup.drill.schedule": "config.defaults.backup.drill.schedule",
    "config.defaults.backup.drill.identitySecretName": "config.backup.drill.identitySecretName",
    "config.defaults.backup.drill.readSecretNames": "config.backup.drill.readSecretNames",
    "config.leaderElection.leaseDuration": "config.leaderElection.duration",
    "config.leaderElection.enabled": "replicas, since one of them leads anyway",
    "config.mode": "config.defaults.mode, or config.modeCeiling for all tenants",
    "config.thresholds": "config.defaults.thresholds",
    "config.retention": "config.defaults.retention",
    "config.schedule": "config.defaults.schedule",
    "config.cooldown": "config.defaults.cooldown",
    "config.tolerations": "tolerations, or config.job.tolerations for the Jobs",
    "config.nodeSelector": "nodeSelector, or config.job.nodeSelector for the Jobs",
    "config.resources": "resources, or config.defaults.job.resources for the Jobs",
    "config.watchNamespaces": "watchNamespaces",
    "config.job.resources": "config.defaults.job.resources",
    "config.job.pullSecrets": "config.job.imagePullSecrets",
    "config.job.pullPolicy": "config.job.imagePullPolicy",
}
"""Names that people try, and the right ones. The schema accepts them, so that Helm can answer in a sentence."""


def checked(node: Node, path: str = "") -> Iterator[Node]:
    """Yield a check for each text of a schema with a pattern, and remove the pattern from the schema."""
    pattern = node.pop("pattern", None)
    if pattern is not None:
        node.pop("minLength", None)
        found: Node = {"path": path, "form": pattern, "words": WORDS[pattern]}
        if node.get("type") == "string":
            # A number without quotes gets the same message.
            node["type"] = ["string", "number"]
        else:
            found["number"] = True
        for bound in node.get("x-kubernetes-validations", []) if pattern == DURATION else []:
            least, most = bound["message"].removeprefix("choose between ").split(" and ")
            found |= {"least": seconds_of(least), "most": seconds_of(most)}
            found["bounds"] = bound["message"]
        yield found
    for name, child in node.get("properties", {}).items():
        yield from checked(child, f"{path}.{name}".lstrip("."))
    for child in node.get("patternProperties", {}).values():
        # Values under names that the user chooses are only checked by the operator itself.
        child.pop("pattern", None)
    if isinstance(node.get("items"), dict):
        yield from checked(node["items"], f"{path}.*")


def with_aliases(schema: Node, names: dict[str, str]) -> None:
    """Let the schema accept the names that the templates report."""
    for path, meant in names.items():
        *above, name = path.split(".")
        node = schema
        for part in above:
            node = node["properties"][part]
        assert name not in node["properties"], path
        node["properties"][name] = {"description": f"Not a value of this chart: it is {meant}."}


def aliases(schema: Node) -> dict[str, str]:
    """Return all names that are reported: the usual mistakes, and each value's name in lower case."""
    small = {name.lower(): name for name in schema["properties"] if name != name.lower()}
    return ALIASES | {low: name for low, name in small.items() if low not in schema["properties"]}


def checks_json(forms: list[Node], names: dict[str, str]) -> str:
    """Return files/checks.json."""
    found = {
        "forms": [*forms, *_MORE],
        "aliases": [{"path": path, "meant": meant} for path, meant in names.items()],
        "defaults": BUILT_IN.model_dump(mode="json", by_alias=True, exclude_none=True),
        "noZones": sorted(FORBIDDEN_ZONES),
    }
    return json.dumps(found, indent=1) + "\n"
