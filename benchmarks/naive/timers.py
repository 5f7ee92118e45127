"""A naive operator, as in tutorials: three Kopf timers per tenant, a Job per scan, a status write each time.

Run as `python -m benchmarks.naive.timers IMAGE`, with KUBECONFIG set.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kopf

from baileys_janitor.api.names import GROUP, PLURAL, VERSION
from sandbox import kubeconfig
from sandbox.client import Client

JOBS, PODS = "batch/v1/jobs", "v1/pods"
AGENT = "naive-timers"


async def scanned(
    client: Client, name: str, namespace: str, claim: str, image: str
) -> dict[str, Any]:
    """Run a Job on the tenant's claim, poll it each second, and return its pod's result."""
    container: dict[str, Any] = {
        "name": "scan",
        "image": image,
        "command": ["scan", "/data/session"],
        "volumeMounts": [{"name": "session", "mountPath": "/data"}],
    }
    volume = {"name": "session", "persistentVolumeClaim": {"claimName": claim}}
    pod = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    labels = {"app": "scan", "tenant": name}
    made = await client.create(
        JOBS,
        namespace,
        {
            "metadata": {"name": f"scan-{name}-{int(time.time())}", "labels": labels},
            "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
        },
    )
    job = made["metadata"]["name"]
    while not (made.get("status") or {}).get("succeeded"):
        await asyncio.sleep(1.0)
        made = await client.get(JOBS, namespace, job)
    found = await client.select(PODS, namespace, labelSelector=f"job-name={job}")
    ended = found["items"][0]["status"]["containerStatuses"][0]["state"]["terminated"]
    await client.delete(JOBS, namespace, job, propagationPolicy="Background")
    left: dict[str, Any] = json.loads(ended["message"])
    return left


def register(client: Client, image: str) -> None:
    """Register the timers with Kopf."""

    @kopf.on.startup()
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.scanning.disabled = True

    @kopf.timer(GROUP, VERSION, PLURAL, interval=60.0, sharp=True)
    async def scan(
        name: str, namespace: str | None, spec: Any, patch: kopf.Patch, **_: Any
    ) -> None:
        left = await scanned(client, name, namespace or "", spec["volume"]["claimName"], image)
        patch.status["lastScanTime"] = datetime.now(UTC).isoformat(timespec="seconds")
        patch.status["files"] = {"total": left["total"]}

    @kopf.timer(GROUP, VERSION, PLURAL, interval=1800.0, initial_delay=1800.0)
    async def trigger(**_: Any) -> None:
        """Do nothing: in the bench's steady state there is nothing to clean."""

    @kopf.timer(GROUP, VERSION, PLURAL, interval=86_400.0, initial_delay=86_400.0)
    async def daily(**_: Any) -> None:
        """Do nothing: no cell lasts a day."""


async def main(image: str) -> None:
    """Run until a signal arrives."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    access = kubeconfig.read(Path(os.environ["KUBECONFIG"]))
    async with Client(access, AGENT) as client:
        register(client, image)
        await kopf.operator(clusterwide=True, standalone=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
