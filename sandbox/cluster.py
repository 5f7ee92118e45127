"""The whole sandbox: an API server, controllers and nodes, started and stopped together."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType

from sandbox import kubeconfig
from sandbox.server.http import ApiServer
from sandbox.server.store import Store


class Cluster:
    """A sandbox cluster, as an async context manager.

    Args:
        volumes: the directory that holds a directory `NAMESPACE/CLAIM` for each claim.
        nodes: how many nodes are simulated.
        port: where the API server listens; 0 takes a free port.
        path: where to write the kubeconfig; by default a temporary file.
    """

    def __init__(
        self, volumes: Path | str, nodes: int = 1, port: int = 0, path: Path | None = None
    ) -> None:
        self.volumes = Path(volumes)
        self.nodes = nodes
        self.server = ApiServer()
        self._port = port
        self._scratch = tempfile.TemporaryDirectory(prefix="sandbox-")
        self.kubeconfig = path or Path(self._scratch.name) / "kubeconfig"

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def store(self) -> Store:
        return self.server.store

    async def __aenter__(self) -> Cluster:
        await self.server.start(self._port)
        kubeconfig.write(self.kubeconfig, self.url)
        self.server.seed()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.server.stop()
        self._scratch.cleanup()
