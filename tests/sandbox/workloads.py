"""What tests of workloads share: manifests, pods, and who has written the replicas."""

from __future__ import annotations

from typing import Any

from sandbox import Cluster
from sandbox.client import Client, path
from tests.sandbox.jobs import PODS
from tests.sandbox.support import Object

DEPLOYMENTS, STATEFULSETS = "apps/v1/deployments", "apps/v1/statefulsets"


def workload(
    name: str = "bot", *, claim: str = "", code: str = "", replicas: int = 1, **spec: Any
) -> Object:
    """A Deployment or StatefulSet; its container is played, or runs Python code."""
    container: Object = {"name": "main", "image": "bot:1"}
    if code:
        container |= {"image": "baileys-janitor:1", "command": ["baileys-janitor", "-c", code]}
    pod: Object = {"containers": [container], "terminationGracePeriodSeconds": 1}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        source = {"claimName": claim}
        pod["volumes"] = [{"name": "data", "persistentVolumeClaim": source}]
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


async def pods_of(cluster: Cluster, namespace: str, name: str = "bot") -> list[Object]:
    """The pods that have a workload's label."""
    found = await cluster.client.select(PODS, namespace, labelSelector=f"app={name}")
    listed: list[Object] = found["items"] or []
    return listed


async def running(cluster: Cluster, namespace: str, count: int, name: str = "bot") -> bool:
    """Whether so many pods run, and there are no others."""
    found = await pods_of(cluster, namespace, name)
    return len(found) == count and all(
        pod["status"].get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
        for pod in found
    )


async def scale(
    client: Client, namespace: str, scale: Object, manager: str = "", kind: str = DEPLOYMENTS
) -> Object:
    """PUT a Scale."""
    url = path(kind, namespace, scale["metadata"]["name"], "scale")
    query = {"fieldManager": manager} if manager else None
    return await client.request("PUT", url, scale, params=query)


async def scale_of(client: Client, namespace: str, name: str = "bot") -> Object:
    """GET a Deployment's Scale."""
    return await client.request("GET", path(DEPLOYMENTS, namespace, name, "scale"))


def owners(value: Object) -> set[tuple[str, str, str]]:
    """Who owns the replicas: manager, operation and subresource."""
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", ""))
        for entry in value["metadata"].get("managedFields") or ()
        if "f:replicas" in (entry["fieldsV1"].get("f:spec") or {})
    }
