"""A cell of the bench: an API server with a fleet, the simulated rest of a cluster, and room for a contender."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.operator import counting
from benchmarks.operator.counting import Calls
from benchmarks.operator.directories import Directory, Volumes
from benchmarks.operator.furnishing import OPERATOR_NAMESPACE
from benchmarks.operator.plan import Plan, companies
from benchmarks.operator.process import Process, read
from benchmarks.operator.run import Message
from benchmarks.operator.seeding import configuration
from benchmarks.operator.simulation import Simulation, janitor_message
from sandbox import kubeconfig
from sandbox.assets import free_port

Object = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
IMAGE = "baileys-janitor:bench"


class BrokenError(RuntimeError):
    """A simulated part failed: the figures of this cell mean nothing."""


class Cell:
    """One API server with one fleet, as an async context manager.

    `volumes` are the simulated directories; `simulation.ledger` tells of every Job.
    """

    def __init__(
        self, plan: Plan, *, with_tenants: bool = True, message: Message | None = None
    ) -> None:
        self.plan = plan
        self.volumes: Volumes = {
            (plan.namespace(company.number), company.claim): Directory(company, plan.now)
            for company in companies(plan)
        }
        self._with_tenants = with_tenants
        self._message = message or janitor_message(self.volumes)
        self._stack = contextlib.AsyncExitStack()
        self._server: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()
        self.simulation: Simulation
        self.directory: Path

    async def __aenter__(self) -> Cell:
        async with contextlib.AsyncExitStack() as stack:
            kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            self.directory = Path(kept)
            await self._serve(stack)
            access = kubeconfig.read(self.kubeconfig)
            self.simulation = Simulation(access, self._message)
            await stack.enter_async_context(self.simulation)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def kubeconfig(self) -> Path:
        """How to reach the API server."""
        return self.directory / "kubeconfig"

    async def _serve(self, stack: contextlib.AsyncExitStack) -> None:
        flags = [] if self._with_tenants else ["--without-tenants"]
        module = "benchmarks.operator.apiserver"
        self._server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, self.plan.to_json(), str(self.kubeconfig), *flags),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
            cwd=ROOT,
            env=environment(),
        )
        stack.push_async_callback(_ended, self._server)
        if await self._line() != b"ready":
            raise BrokenError("the API server's process did not start")

    async def _line(self) -> bytes:
        assert self._server is not None
        assert self._server.stdout is not None
        return (await self._server.stdout.readline()).strip()

    async def calls(self) -> Calls:
        """The requests so far."""
        assert self._server is not None
        assert self._server.stdin is not None
        async with self._asking:
            self._server.stdin.write(b"counts\n")
            answer = await self._line()
        if not answer:
            raise BrokenError("the API server's process has ended")
        return counting.read(json.loads(answer))

    def server_cpu(self) -> float:
        """CPU seconds of the API server so far."""
        assert self._server is not None
        return read(self._server.pid).cpu

    def check(self, process: Process | None = None) -> None:
        """Raise BrokenError if anything simulated went wrong, or the program under test complained."""
        troubles = self.simulation.ledger.troubles + (process.complaints() if process else [])
        if troubles:
            raise BrokenError(f"{len(troubles)} troubles, the first: {troubles[0]}")

    def operator(self, **settings: Any) -> Process:
        """The real operator, as `baileys-janitor operator` runs it in a cluster: it leads, and is probed."""
        lease = {"enabled": True, "namespace": OPERATOR_NAMESPACE}
        probes = {"enabled": True, "address": "127.0.0.1", "port": free_port()}
        found = configuration(self.plan) | {"leaderElection": lease, "probes": probes}
        found |= {"job": {"image": IMAGE}, "logging": {"level": "info"}} | settings
        path = self.directory / "operator.yaml"
        path.write_text(yaml.safe_dump(found))
        command = [sys.executable, "-m", "baileys_janitor", "operator", "--config", str(path)]
        variables = {
            "KUBECONFIG": str(self.kubeconfig),
            "POD_NAME": "baileys-janitor-0",
            "POD_NAMESPACE": OPERATOR_NAMESPACE,
        }
        return Process(command, environment() | variables, self.directory / "operator.log")


def environment() -> dict[str, str]:
    """The environment of processes that import this project, installed or not."""
    paths = os.pathsep.join([str(ROOT / "operator"), str(ROOT)])
    return os.environ | {"PYTHONPATH": paths}


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), 10)
    except TimeoutError:
        process.kill()
        await process.wait()


async def until(when: float) -> None:
    """Wait for a Unix time."""
    await asyncio.sleep(max(0.0, when - time.time()))
