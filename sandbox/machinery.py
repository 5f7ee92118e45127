"""Controllers and nodes, run against any API server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sandbox.client import ApiError, Client
from sandbox.controllers.claims import CLASSES, STORAGE_CLASSES, Claims
from sandbox.controllers.deployments import Deployments, ReplicaSets
from sandbox.controllers.garbage import Garbage
from sandbox.controllers.jobs import Jobs
from sandbox.controllers.namespaces import Namespaces
from sandbox.controllers.scheduler import Scheduler
from sandbox.controllers.statefulsets import StatefulSets
from sandbox.informer import Informers
from sandbox.kubeconfig import Access
from sandbox.node.kubelet import Kubelet


class Machinery:
    """Everything in a cluster besides its API server, as an async context manager.

    Args:
        access: the API server.
        volumes: holds a directory `NAMESPACE/CLAIM` for each claim.
        scratch: the directory for the pods' own data.
        nodes: how many nodes; they are called node-1, node-2, ...
        prefix: the command that runs the project, by default the same as the image's script.
    """

    def __init__(
        self,
        access: Access,
        volumes: Path,
        scratch: Path,
        nodes: int = 1,
        prefix: list[str] | None = None,
    ) -> None:
        self.client = Client(access)
        self._volumes = volumes.resolve()
        self._scratch = scratch
        self._names = [f"node-{number + 1}" for number in range(nodes)]
        self._prefix = prefix
        self._tasks: list[asyncio.Task[Any]] = []
        self._informers: Informers
        self.kubelet: Kubelet

    async def __aenter__(self) -> Machinery:
        await self.client.__aenter__()
        await self._seed()
        self._informers = informers = Informers(self.client)
        claims = Claims(self.client, informers, self._volumes)
        garbage = Garbage(self.client, informers)
        self.kubelet = Kubelet(
            self.client, informers, self._volumes, self._scratch, self._names, self._prefix
        )
        jobs = Jobs(self.client, informers)
        namespaces = Namespaces(self.client, informers)
        scheduler = Scheduler(self.client, informers)
        workloads = [
            kind(self.client, informers) for kind in (ReplicaSets, Deployments, StatefulSets)
        ]
        await garbage.refresh()
        await informers.synced()
        await self.kubelet.start()
        for run in (
            jobs.run(),
            claims.run(),
            claims.run_volumes(),
            garbage.run(),
            garbage.run_discovery(),
            namespaces.run(),
            scheduler.run(),
            *(each.run() for each in workloads),
        ):
            self._start(run)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.kubelet.stop()
        await self._informers.stop()
        await self.client.__aexit__()

    def _start(self, run: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(run))

    async def _seed(self) -> None:
        """Create the storage classes, unless they exist."""
        for storage_class in STORAGE_CLASSES:
            try:
                await self.client.create(CLASSES, "", storage_class)
            except ApiError as error:
                if error.status != 409:
                    raise
