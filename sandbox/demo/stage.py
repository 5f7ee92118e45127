"""The environment of the demo: directories, a sandbox cluster, kubectl and the operator as a process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
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


def _free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def free_home(home: Path) -> Iterator[Path]:
    """Lock the first directory of `home`, `home-2`, ... that no running demo uses, and empty it."""
    for number in itertools.count(1):
        directory = home if number == 1 else home.with_name(f"{home.name}-{number}")
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _empty(directory)
            yield directory
            return


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


_LOCK: Final = "lock"


class Stage:
    """The parts of a running demo; use `open`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.volumes = home / "volumes"
        self.kubeconfig = home / "kubeconfig"
        self.log = home / "operator.log"
        self.config = home / "operator.yaml"
        self.metrics_port = _free_port()
        found = kubectl_path()
        if found is None:
            raise StageError("kubectl is missing: run `make setup`, or put it on the PATH.")
        self._kubectl = found

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, home: Path) -> AsyncIterator[Stage]:
        """Set up the stage in an empty directory, and stop the processes afterwards.

        A running demo keeps its directory: the next one is `HOME-2`, and so on.
        """
        with free_home(home) as kept:
            async with cls._open(kept) as stage:
                yield stage

    @classmethod
    @contextlib.asynccontextmanager
    async def _open(cls, home: Path) -> AsyncIterator[Stage]:
        stage = cls(home)
        for player in CAST:
            if player.scenario is not None:
                session = sessions.unpack(player.scenario, stage.directory(player))
                if player.scenario not in SLEPT:
                    # As if a janitor had scanned for months: otherwise it removes less at first.
                    remember(session)
        async with Cluster(stage.volumes, path=stage.kubeconfig, assets=""):
            await stage.kubectl("apply", "--server-side", "-f", str(CRDS))
            await stage.kubectl(
                "wait", "--for=condition=Established", "--timeout=10s", "-f", str(CRDS)
            )
            manifest = home / "tenants.yaml"
            manifest.write_text(yaml.safe_dump_all(manifests(), sort_keys=False), "utf-8")
            await stage.kubectl("apply", "-f", str(manifest))
            metrics = {"enabled": True, "address": "127.0.0.1", "port": stage.metrics_port}
            settings = {"metrics": metrics, "probes": {"enabled": False}}
            stage.config.write_text(yaml.safe_dump(settings), "utf-8")
            async with stage._operator():
                yield stage

    def directory(self, player: Player) -> Path:
        """Return the local path of a tenant's session directory."""
        return self.volumes / NAMESPACE / player.claim / player.path

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl against the sandbox and return its output."""
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
                *(
                    sys.executable,
                    "-m",
                    "baileys_janitor",
                    "operator",
                    "--config",
                    str(self.config),
                ),
                env=os.environ | {"KUBECONFIG": str(self.kubeconfig)},
                stdout=log,
                stderr=log,
                # Ctrl-C goes to the demo, which then stops the operator gracefully.
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
