"""A namespace of a cluster as the live tests see it: claims, workloads, tenants, and what becomes of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from baileys_janitor.controller.jobs.manifest import SELECTOR
from baileys_janitor.schedule.slots import spread
from sandbox import Cluster
from sandbox.client import RETRIED, ApiError
from tests.real import sessions
from tests.real.directory import Written, snapshot, untouchable
from tests.running_time import SLEPT, remember

Object = dict[str, Any]

TENANTS = "janitor.baileys.dev/v1alpha1/baileystenants"
STORES = "janitor.baileys.dev/v1alpha1/baileyskeystores"
OPERATIONS = "janitor.baileys.dev/v1alpha1/baileysoperations"
SETS = "janitor.baileys.dev/v1alpha1/baileystenantsets"
CLAIMS, PODS, JOBS = "v1/persistentvolumeclaims", "v1/pods", "batch/v1/jobs"
EMERGENCY = "janitor.baileys.dev/emergency-cleanup"
PATIENCE = 120.0
"""Seconds until a condition that does not come true fails its test; far above what it takes beside any load."""


async def until(what: Callable[[], Any], told: str, patience: float = PATIENCE) -> Any:
    """Wait until a call (or coroutine function) gives something true, and return it."""
    end, pause = time.monotonic() + patience, 0.02
    while True:
        try:
            found = what()
            if asyncio.iscoroutine(found):
                found = await found
        except (*RETRIED, LookupError):
            found = None
        if found:
            return found
        assert time.monotonic() < end, f"it never came to pass: {told}"
        await asyncio.sleep(pause)
        # Each look is a request that this machine answers, too: it is busy enough with what is waited for.
        pause = min(0.1, pause * 1.2)


class World:
    """One namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.client = cluster.client
        self.namespace = namespace
        self._sessions: dict[Path, dict[str, Written]] = {}

    # What users make

    async def claim(
        self, name: str, storage_class: str = "standard", mode: str = "ReadWriteOnce"
    ) -> Path:
        """Make a claim and return its directory, whether it is bound or not."""
        spec = {
            "accessModes": [mode],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        await self.client.create(CLAIMS, self.namespace, {"metadata": {"name": name}, "spec": spec})
        if storage_class == "standard":
            await until(lambda: self.bound(name), f"claim {name} is bound")
        return self.cluster.volumes / self.namespace / name

    async def bound(self, name: str) -> bool:
        found = await self.client.get(CLAIMS, self.namespace, name)
        return bool(found.get("status", {}).get("phase") == "Bound")

    def session(self, directory: Path, scenario: str) -> Path:
        """Unpack a session; what may never change in it is compared when the test is over."""
        sessions.unpack(scenario, directory)
        if scenario not in SLEPT:
            remember(directory)
        self._sessions[directory] = untouchable(snapshot(directory))
        return directory

    def check_sessions(self) -> None:
        """Fail if a protected file of any session is not byte for byte what it was."""
        for directory, before in self._sessions.items():
            after = untouchable(snapshot(directory))
            changed = sum(after.get(name) != written for name, written in before.items())
            assert not changed, f"{changed} protected files have changed"

    async def workload(self, *claims: str) -> str:
        """Run a pod that uses these claims, as their owner's."""
        name = f"bot-{claims[0]}"
        pod = {
            "metadata": {"name": name},
            "spec": {
                "containers": [
                    {
                        "name": "bot",
                        "image": "bot:1",
                        "securityContext": {"runAsUser": 1000},
                        "volumeMounts": [
                            {"name": claim, "mountPath": f"/data/{claim}"} for claim in claims
                        ],
                    }
                ],
                "volumes": [
                    {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
                    for claim in claims
                ],
            },
        }
        await self.client.create(PODS, self.namespace, pod)

        async def running() -> bool:
            found = await self.client.get(PODS, self.namespace, name)
            return bool(found.get("status", {}).get("phase") == "Running")

        await until(running, f"the workload {name} runs")
        return name

    async def tenant(
        self, name: str, claim: str, path: str = ".", request: str | None = None, **spec: Any
    ) -> None:
        """Declare a tenant."""
        meta: Object = {"name": name}
        if request is not None:
            meta["annotations"] = {EMERGENCY: request}
        body = {
            "apiVersion": "janitor.baileys.dev/v1alpha1",
            "kind": "BaileysTenant",
            "metadata": meta,
            "spec": {"volume": {"claimName": claim, "path": path}, **spec},
        }
        await self.client.create(TENANTS, self.namespace, body)

    async def company(self, name: str, scenario: str, **spec: Any) -> Path:
        """A tenant with all that belongs to it: claim, session, running workload. Returns its directory."""
        directory = self.session(await self.claim(name), scenario)
        await self.workload(name)
        await self.tenant(name, name, **spec)
        return directory

    async def edit(self, name: str, **spec: Any) -> None:
        """Change a tenant's spec."""
        await self.client.patch(TENANTS, self.namespace, name, {"spec": spec})

    async def ask(self, name: str, token: str) -> None:
        """Ask for an emergency cleanup."""
        body = {"metadata": {"annotations": {EMERGENCY: token}}}
        await self.client.patch(TENANTS, self.namespace, name, body)

    # What is there

    async def get(self, name: str) -> Object:
        return await self.client.get(TENANTS, self.namespace, name)

    async def status(self, name: str) -> Object:
        found: Object = (await self.get(name)).get("status") or {}
        return found

    async def condition(self, name: str, kind: str) -> Object:
        conditions = (await self.status(name)).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {})

    async def jobs(self) -> list[Object]:
        """The janitor's Jobs."""
        found = await self.client.select(JOBS, self.namespace, labelSelector=SELECTOR)
        return list(found["items"])

    async def job_pods(self) -> list[Object]:
        """The pods of the janitor's Jobs."""
        found = await self.client.select(PODS, self.namespace, labelSelector=SELECTOR)
        return list(found["items"])

    def early_name(self) -> str:
        """A tenant's name whose first scan comes right after an operator's start."""
        names = (f"acme-{number}" for number in range(1000))
        return next(n for n in names if spread(f"{self.namespace}/{n}", "start", 10.0) < 0.3)

    async def delete_jobs(self) -> None:
        """Delete the janitor's Jobs, as a careless user does."""
        for job in await self.jobs():
            name = job["metadata"]["name"]
            await self.client.delete(JOBS, self.namespace, name, propagationPolicy="Background")

    # Waiting

    async def scanned(self, name: str) -> Object:
        """Wait until the tenant's status has a count; return the status."""

        async def counted() -> Object | None:
            status = await self.status(name)
            return status if status.get("files") else None

        found: Object = await until(counted, f"{name} is counted")
        return found

    async def ready(self, name: str, reason: str) -> Object:
        """Wait until Ready has this reason; return the condition."""

        async def said() -> Object | None:
            found = await self.condition(name, "Ready")
            return found if found.get("reason") == reason else None

        found: Object = await until(said, f"{name} is Ready with {reason}")
        return found

    async def cleaned(self, name: str, outcome: str = "Completed", runs: int = 1) -> Object:
        """Wait until so many cleanups are in the history, the last with this outcome; return the status."""

        async def recorded() -> Object | None:
            status = await self.status(name)
            history = status.get("history") or []
            done = len(history) >= runs and history[0]["outcome"] == outcome
            return status if done and not status.get("run") else None

        found: Object = await until(recorded, f"{name} has {runs} cleanups, the last {outcome}")
        return found

    async def quiet(self) -> None:
        """Wait until no Job of the janitor is left."""

        async def none() -> bool:
            return not await self.jobs() and not await self.job_pods()

        await until(none, "no Job is left")

    async def gone(self, resource: str, name: str) -> None:
        """Wait until an object does not exist."""

        async def missing() -> bool:
            try:
                await self.client.get(resource, self.namespace, name)
            except ApiError as error:
                return error.status == 404
            return False

        await until(missing, f"{name} is gone")


def completed_runs(directory: Path) -> list[str]:
    """The runs that the volume's journal calls ended, in order; a run that ended twice is there twice."""
    journal = directory / ".janitor~journal"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [
        words[3].split(",")[0]
        for words in (line.split(" ", 3) for line in lines)
        if words[1] == "end"
    ]


def begun_runs(directory: Path) -> int:
    """How many runs the volume's journal has seen begin."""
    journal = directory / ".janitor~journal"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return sum(line.split(" ", 3)[1] == "begin" for line in lines)
