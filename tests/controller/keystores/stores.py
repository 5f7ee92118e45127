"""A namespace as the tests of key stores see it: Secrets, stores, and what becomes of them."""

from __future__ import annotations

import base64
from typing import Any

from baileys_janitor.controller.jobs.manifest import SELECTOR
from sandbox import Cluster
from tests.controller.live.world import EMERGENCY, JOBS, STORES, until

Object = dict[str, Any]

SECRETS, EVENTS = "v1/secrets", "events.k8s.io/v1/events"


class Stores:
    """One namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.client = cluster.client
        self.namespace = namespace

    async def secret(self, name: str, **data: str) -> None:
        """Make a Secret."""
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        body = {"metadata": {"name": name}, "type": "Opaque", "data": encoded}
        await self.client.create(SECRETS, self.namespace, body)

    async def store(self, name: str, url: str | None = None, **spec: Any) -> None:
        """Declare a key store; with a URL, its Secret as well."""
        if url is not None:
            await self.secret(f"{name}-db", url=url)
        body = {
            "apiVersion": "janitor.baileys.dev/v1alpha1",
            "kind": "BaileysKeyStore",
            "metadata": {"name": name},
            "spec": {"connection": {"secretName": f"{name}-db"}} | spec,
        }
        await self.client.create(STORES, self.namespace, body)

    async def ask(self, name: str, token: str) -> None:
        """Ask for a cleanup."""
        body = {"metadata": {"annotations": {EMERGENCY: token}}}
        await self.client.patch(STORES, self.namespace, name, body)

    async def edit(self, name: str, **spec: Any) -> None:
        """Change a store's spec."""
        await self.client.patch(STORES, self.namespace, name, {"spec": spec})

    async def status(self, name: str) -> Object:
        found = await self.client.get(STORES, self.namespace, name)
        status: Object = found.get("status") or {}
        return status

    async def condition(self, name: str, kind: str) -> Object:
        conditions = (await self.status(name)).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {})

    async def jobs(self) -> list[Object]:
        """The janitor's Jobs."""
        found = await self.client.select(JOBS, self.namespace, labelSelector=SELECTOR)
        return list(found["items"])

    async def events(self, name: str) -> list[Object]:
        """The Events on a store."""
        found = await self.client.select(EVENTS, self.namespace)
        return [e for e in found["items"] if e["regarding"]["name"] == name]

    # Waiting

    async def scanned(self, name: str) -> Object:
        """Wait until the keys are counted; return the status."""

        async def counted() -> Object | None:
            status = await self.status(name)
            return status if status.get("keys") else None

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
            return not await self.jobs()

        await until(none, "no Job is left")
