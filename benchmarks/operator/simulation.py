"""Simulates, in one process, all parts of a cluster that act on Jobs, with the real requests.

The requests carry the user agents of the real programs, so that a server counts them as in a real cluster.
Nothing runs in the pods: the container's message is computed from the task by the project's own encoder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from baileys_janitor.job.task import Task
from benchmarks.operator import backing_up
from benchmarks.operator.directories import Volumes, carry_out
from benchmarks.operator.run import (
    CONTROLLER,
    JOBS,
    KUBELET,
    SCHEDULER,
    Cast,
    Message,
    Run,
    Seen,
)
from sandbox.client import Client
from sandbox.controllers.recorder import Recorder
from sandbox.kubeconfig import Access

Object = dict[str, Any]
BENCH: Final = "bench"
SIMULATED: Final = frozenset({CONTROLLER, SCHEDULER, KUBELET, BENCH})


@dataclass(slots=True)
class Ledger:
    """All Jobs of a cell, in the order of their creation, and the failures of the simulation."""

    jobs: list[Seen] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def between(self, start: float, end: float) -> list[Seen]:
        """Return the Jobs created in a span of Unix seconds."""
        return [job for job in self.jobs if start <= job.created < end]


def janitor_message(volumes: Volumes) -> Message:
    """Return the message of the janitor's own Job, carried out on simulated directories."""

    def message(job: Object, when: float) -> bytes:
        pod = job["spec"]["template"]["spec"]
        argument = pod["containers"][0]["command"][-1].replace("$$", "$")
        if job["metadata"]["labels"]["janitor.baileys.dev/action"] == "backup":
            return backing_up.message(argument, when)
        task = Task.from_json(argument)
        claims = [
            each["persistentVolumeClaim"]["claimName"]
            for each in pod["volumes"]
            if "persistentVolumeClaim" in each
        ]
        return carry_out(task, claims, job["metadata"]["namespace"], volumes, when)

    return message


class Simulation:
    """Runs Jobs, as an async context manager; `ledger` records them."""

    def __init__(self, access: Access, message: Message) -> None:
        self.ledger = Ledger()
        self._clients = {name: Client(access, name) for name in SIMULATED}
        self._message = message
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cast = Cast(self._clients, {n: Recorder(c, n) for n, c in self._clients.items()})
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Simulation:
        for client in self._clients.values():
            await self._stack.enter_async_context(client)
        self.start(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    def client(self, name: str) -> Client:
        """Return the client of one of the simulated programs."""
        return self._clients[name]

    def completed(self, uid: str) -> bool:
        """Return whether the Job of that uid has ended."""
        run = self._runs.get(uid)
        return run is not None and run.completed

    @property
    def idle(self) -> bool:
        """Return whether only the watch of Jobs is running."""
        return len(self._tasks) <= 1

    def start(self, work: Any) -> None:
        """Run in the background; a failure is noted in the ledger, which the measurement checks."""
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # any failure makes the figures void
            self.ledger.troubles.append(f"{type(error).__name__}: {error}")

    async def _watch(self) -> None:
        client = self.client(CONTROLLER)
        found, revision = await client.snapshot(JOBS, metadata_only=False)
        for job in found:
            self._added(job)
        while True:
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                async for event in client.watch(JOBS, revision, metadata_only=False):
                    job = event["object"]
                    revision = job["metadata"]["resourceVersion"]
                    if event["type"] == "ADDED":
                        self._added(job)
                    elif event["type"] == "DELETED":
                        self._deleted(job)

    def _added(self, job: Object) -> None:
        meta = job["metadata"]
        if meta["uid"] in self._runs:
            return
        labels = meta.get("labels") or {}
        listed = (meta.get("annotations") or {}).get("janitor.baileys.dev/members")
        members = [name for name, _ in json.loads(listed)] if listed else [labels.get("tenant", "")]
        action = labels.get("janitor.baileys.dev/action", "scan")
        claims = len(job["spec"]["template"]["spec"].get("volumes") or ())
        seen = Seen(meta["namespace"], meta["name"], action, members, time.time(), claims)
        self.ledger.jobs.append(seen)
        run = self._runs[meta["uid"]] = Run(self._cast, job, seen, self._message)
        self.start(run.run())

    def _deleted(self, job: Object) -> None:
        run = self._runs.pop(job["metadata"]["uid"], None)
        if run is not None:
            run.seen.deleted = time.time()
            self.start(run.collect())
