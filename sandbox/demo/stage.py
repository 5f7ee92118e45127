"""The demo's stage: directories, a sandbox cluster, kubectl and the operator as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.cluster import Cluster
from sandbox.demo.cast import CAST, NAMESPACE, Player, manifests
from sandbox.tools import kubectl_path
from tests.real import sessions
from tests.running_time import SLEPT, remember

Object = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[2]
CRDS: Final = ROOT / "crds"


class StageError(RuntimeError):
    """The demo cannot go on; one sentence."""


class Stage:
    """What a running demo consists of; use `open`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.volumes = home / "volumes"
        self.kubeconfig = home / "kubeconfig"
        self.log = home / "operator.log"
        found = kubectl_path()
        if found is None:
            raise StageError("kubectl is missing: run `make setup`, or put it on the PATH.")
        self._kubectl = found

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, home: Path) -> AsyncIterator[Stage]:
        """Build the stage in an empty directory, and take the processes down afterwards."""
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        stage = cls(home)
        for player in CAST:
            if player.scenario is not None:
                session = sessions.unpack(player.scenario, stage.directory(player))
                if player.scenario not in SLEPT:
                    # As if a janitor had been looking for months: else it removes less at first.
                    remember(session)
        async with Cluster(stage.volumes, path=stage.kubeconfig, assets=""):
            await stage.kubectl("apply", "--server-side", "-f", str(CRDS))
            await stage.kubectl(
                "wait", "--for=condition=Established", "--timeout=10s", "-f", str(CRDS)
            )
            manifest = home / "tenants.yaml"
            manifest.write_text(yaml.safe_dump_all(manifests(), sort_keys=False), "utf-8")
            await stage.kubectl("apply", "-f", str(manifest))
            async with stage._operator():
                yield stage

    def directory(self, player: Player) -> Path:
        """Where a tenant's session directory lies on this machine."""
        return self.volumes / NAMESPACE / player.claim / player.path

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl against the sandbox and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            str(self._kubectl),
            *arguments,
            env=os.environ | {"KUBECONFIG": str(self.kubeconfig)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, complaint = await process.communicate()
        if process.returncode:
            raise StageError(f"kubectl {arguments[0]}: {complaint.decode().strip()}")
        return printed.decode()

    async def table(self, *options: str) -> str:
        """Return `kubectl get baileystenants`."""
        return await self.kubectl("get", "baileystenants", "-n", NAMESPACE, *options)

    async def tenants(self) -> dict[str, Object]:
        """Return the tenants by name."""
        found = json.loads(await self.table("-o", "json"))
        return {item["metadata"]["name"]: item for item in found["items"]}

    @contextlib.asynccontextmanager
    async def _operator(self) -> AsyncIterator[None]:
        with self.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "baileys_janitor", "operator"),
                env=os.environ | {"KUBECONFIG": str(self.kubeconfig)},
                stdout=log,
                stderr=log,
                # Ctrl-C is for the demo, which then ends the operator in order.
                start_new_session=True,
            )
        try:
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(process.wait(), 15)
                except TimeoutError:
                    process.kill()
                    await process.wait()
