"""A cell of the bench: an API server with a fleet, the simulated rest of a cluster, and a contender."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.operator.directories import Directory, Volumes
from benchmarks.operator.furnishing import OPERATOR_NAMESPACE
from benchmarks.operator.plan import Plan, companies
from benchmarks.operator.process import Process
from benchmarks.operator.run import Message
from benchmarks.operator.seeding import configuration
from benchmarks.operator.servers import BrokenError, Server, environment, serve
from benchmarks.operator.simulation import Simulation, janitor_message
from sandbox import kubeconfig
from sandbox.assets import free_port

Object = dict[str, Any]
IMAGE = "baileys-janitor:bench"


class Cell:
    """One API server with one fleet, as an async context manager.

    `volumes` are the simulated directories; `simulation.ledger` records every Job. With `assets`, a directory
    that holds etcd and kube-apiserver, the API server is a real one.
    """

    def __init__(
        self, plan: Plan, assets: Path | None = None, message: Message | None = None
    ) -> None:
        self.plan = plan
        self.volumes: Volumes = {
            (plan.namespace(company.number), company.claim): Directory(company, plan.now)
            for company in companies(plan)
        }
        self._assets = assets
        self.message = message or janitor_message(self.volumes)
        self._stack = contextlib.AsyncExitStack()
        self.server: Server
        self.metrics_port = 0
        self.simulation: Simulation
        self.directory: Path

    async def __aenter__(self) -> Cell:
        async with contextlib.AsyncExitStack() as stack:
            kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            self.directory = Path(kept)
            self.server = await serve(stack, self.plan, self.directory, self._assets)
            access = kubeconfig.read(self.kubeconfig)
            self.simulation = Simulation(access, self.message)
            await stack.enter_async_context(self.simulation)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of the API server."""
        return self.directory / "kubeconfig"

    def check(self) -> None:
        """Raise BrokenError if anything simulated went wrong."""
        if troubles := self.simulation.ledger.troubles:
            raise BrokenError(f"{len(troubles)} troubles, the first: {troubles[0]}")

    def operator(self, replica: int = 0, **settings: Any) -> Process:
        """Return the real operator, run as in a cluster: `baileys-janitor operator` with leader election and probes."""
        lease = {"enabled": True, "namespace": OPERATOR_NAMESPACE}
        probes = {"enabled": True, "address": "127.0.0.1", "port": free_port()}
        # Creating the fleet takes minutes, so early events count from now.
        plan = replace(self.plan, now=time.time()) if self.plan.backed_up else self.plan
        found = configuration(plan) | {"leaderElection": lease, "probes": probes}
        self.metrics_port = free_port()
        found |= {"metrics": probes | {"port": self.metrics_port}}
        found |= {"job": {"image": IMAGE}, "logging": {"level": "info"}} | settings
        name = f"operator-{replica}" if replica else "operator"
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump(found))
        command = [sys.executable, "-m", "baileys_janitor", "operator", "--config", str(path)]
        variables = {
            "KUBECONFIG": str(self.kubeconfig),
            "POD_NAME": f"baileys-janitor-{replica}",
            "POD_NAMESPACE": OPERATOR_NAMESPACE,
        }
        return Process(command, environment() | variables, self.directory / f"{name}.log")

    def naive_timers(self) -> Process:
        """Return an operator with naive Kopf timers."""
        command = [sys.executable, "-m", "benchmarks.naive.timers", IMAGE]
        variables = {"KUBECONFIG": str(self.kubeconfig)}
        return Process(command, environment() | variables, self.directory / "timers.log")


async def met(condition: Callable[[], bool], every: float = 0.5) -> None:
    """Wait until a condition holds, checking it each `every` seconds."""
    while True:
        if condition():
            return
        await asyncio.sleep(every)


async def until(when: float) -> None:
    """Wait until a Unix time."""
    await asyncio.sleep(max(0.0, when - time.time()))
