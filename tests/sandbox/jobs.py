"""What the tests of Jobs and their pods share: manifests, and waiting for an end."""

from __future__ import annotations

from typing import Any

from sandbox import Cluster
from tests.sandbox.support import Object, until

JOBS, PODS, CLAIMS = "batch/v1/jobs", "v1/pods", "v1/persistentvolumeclaims"
HOUR = "import time; time.sleep(3600)"


def job(
    code: str, name: str = "run", *, claim: str = "", pod: Object | None = None, **spec: Any
) -> Object:
    """A Job whose container runs Python code."""
    container: Object = {
        "name": "main",
        "image": "baileys-janitor:1",
        "command": ["baileys-janitor", "-c", code],
    }
    template: Object = {"restartPolicy": "Never", "containers": [container]}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        source = {"claimName": claim}
        template["volumes"] = [{"name": "data", "persistentVolumeClaim": source}]
    template |= pod or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": template}, **spec},
    }


def claim(name: str, storage_class: str = "standard", mode: str = "ReadWriteOnce") -> Object:
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": [mode],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def consumer(name: str, claim_name: str, node: str = "") -> Object:
    """A workload's pod that mounts a claim."""
    spec: Object = {
        "containers": [{"name": "app", "image": "bot:1"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}],
    }
    if node:
        spec["affinity"] = pinned(node)
    return {"metadata": {"name": name}, "spec": spec}


def pinned(node: str) -> Object:
    match = {"key": "metadata.name", "operator": "In", "values": [node]}
    required = {"nodeSelectorTerms": [{"matchFields": [match]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


async def finished(cluster: Cluster, namespace: str, name: str = "run") -> Object:
    """The Job once it has ended; `conditions` become a dict by type."""

    async def ended() -> Object | None:
        found = await cluster.client.get(JOBS, namespace, name)
        conditions = {c["type"]: c for c in found.get("status", {}).get("conditions", [])}
        if {"Complete", "Failed"} & set(conditions):
            return {**found, "conditions": conditions}
        return None

    result: Object = await until(ended)
    return result


async def pod_of(cluster: Cluster, namespace: str, name: str = "run") -> Object | None:
    selector = f"batch.kubernetes.io/job-name={name}"
    found = await cluster.client.select(PODS, namespace, labelSelector=selector)
    return found["items"][0] if found["items"] else None


async def pod_in(cluster: Cluster, namespace: str, phase: str, name: str = "run") -> Object:
    async def there() -> Object | None:
        pod = await pod_of(cluster, namespace, name)
        return pod if pod is not None and pod["status"].get("phase") == phase else None

    found: Object = await until(there)
    return found


def terminated(pod: Object) -> Object:
    found: Object = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return found


async def reasons(cluster: Cluster, namespace: str, name: str) -> set[str]:
    found = await cluster.client.select(
        "v1/events", namespace, fieldSelector=f"involvedObject.name={name}"
    )
    return {event["reason"] for event in found["items"]}
