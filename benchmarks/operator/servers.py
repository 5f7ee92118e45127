"""API servers for a cell: the sandbox's in a separate process, or a real one that keeps an audit log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final, Protocol

from benchmarks.operator import counting, furnishing
from benchmarks.operator.counting import Calls
from benchmarks.operator.plan import Plan
from benchmarks.operator.process import read
from benchmarks.processes import compiled
from sandbox import kubeconfig
from sandbox.assets import RealApiServer
from sandbox.client import Client

Object = dict[str, Any]
ROOT: Final = Path(__file__).resolve().parents[2]
POLICY: Final = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""
NEVER: Final = "1000000"
"""The maximum size of the audit log in megabytes: it is never rotated during a cell."""


class BrokenError(RuntimeError):
    """A part of the harness failed: the figures of this cell are void."""


class Server(Protocol):
    """The interface of an API server in a cell."""

    async def calls(self) -> Calls:
        """Return the requests so far."""
        ...

    def cpu(self) -> float:
        """Return the CPU seconds so far, of all its processes."""
        ...


def environment() -> dict[str, str]:
    """Return the environment for processes that import this project, installed or not."""
    paths = os.pathsep.join([str(ROOT / "operator"), str(ROOT)])
    return compiled() | {"PYTHONPATH": paths}


async def serve(
    stack: contextlib.AsyncExitStack, plan: Plan, directory: Path, assets: Path | None
) -> Server:
    """Start an API server with the fleet until `stack` unwinds; `directory/kubeconfig` connects to it."""
    if assets is None:
        return await stack.enter_async_context(SandboxServer(plan, directory))
    return await stack.enter_async_context(RealServer(plan, directory, assets))


class SandboxServer:
    """The sandbox's API server; the fleet is in its store before it answers."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        self._plan = plan
        self._kubeconfig = directory / "kubeconfig"
        self._process: asyncio.subprocess.Process
        self._asking = asyncio.Lock()

    async def __aenter__(self) -> SandboxServer:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.operator.apiserver"),
            *(self._plan.to_json(), str(self._kubeconfig)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
            cwd=ROOT,
            env=environment(),
        )
        if await self._line() != b"ready":
            await self.__aexit__()
            raise BrokenError("the API server's process did not start")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).strip()

    async def calls(self) -> Calls:
        """Return the requests so far, as the server counted them."""
        assert self._process.stdin is not None
        async with self._asking:
            self._process.stdin.write(b"counts\n")
            answer = await self._line()
        if not answer:
            raise BrokenError("the API server's process has ended")
        return counting.read(json.loads(answer))

    def cpu(self) -> float:
        """Return the CPU seconds so far."""
        return read(self._process.pid).cpu


class RealServer:
    """etcd and kube-apiserver; the fleet is written by requests, and later ones are read from the audit log."""

    def __init__(self, plan: Plan, directory: Path, assets: Path) -> None:
        self._plan = plan
        self._directory = directory
        self._log = directory / "audit.log"
        policy = directory / "policy.yaml"
        policy.write_text(POLICY)
        flags = [f"--audit-policy-file={policy}", f"--audit-log-path={self._log}"]
        flags += [f"--audit-log-maxsize={NEVER}"]
        self._server = RealApiServer(assets, directory / "real", flags=flags)
        self._place = 0
        self._calls: Calls = Counter()

    async def __aenter__(self) -> RealServer:
        await self._server.__aenter__()
        path = self._directory / "kubeconfig"
        kubeconfig.write(path, self._server.url, self._server.token, insecure=True)
        async with Client(kubeconfig.read(path), "bench") as client:
            await furnishing.through_api(client, self._plan)
        self._place = self._log.stat().st_size
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    async def calls(self) -> Calls:
        """Return the requests so far, from the audit log."""
        with self._log.open("rb") as log:
            log.seek(self._place)
            text = log.read()
        whole = text.rpartition(b"\n")[0]
        self._place += len(whole) + 1 if whole else 0
        self._calls += counting.audited(map(json.loads, whole.splitlines()))
        return Counter(self._calls)

    def cpu(self) -> float:
        """Return the CPU seconds so far, including etcd's."""
        return sum(read(pid).cpu for pid in self._server.pids)
