"""The whole sandbox: an API server, controllers and nodes, started and stopped together."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from sandbox import kubeconfig
from sandbox.assets import RealApiServer
from sandbox.client import Client
from sandbox.machinery import Machinery
from sandbox.node.kubelet import Kubelet
from sandbox.server.faults import Fault
from sandbox.server.http import ApiServer
from sandbox.server.store import HISTORY, Store


class Cluster:
    """A cluster in this process, as an async context manager.

    Args:
        volumes: the directory that holds a directory `NAMESPACE/CLAIM` for each claim.
        nodes: how many nodes are simulated; 0 leaves out controllers and nodes altogether.
        port: where the API server listens; 0 takes a free port.
        path: where to write the kubeconfig; by default a temporary file.
        assets: a directory with etcd and kube-apiserver to use instead of the sandbox's own API
            server; by default $KUBEBUILDER_ASSETS, and an empty string is none.
        command_prefix: the command that runs `baileys-janitor` in a pod; by default the same as the image's script.
        history: how many changes of a resource a watch can go back.

    Attributes:
        pods: the directory for the pods' own data, with a subdirectory for each uid.
    """

    def __init__(
        self,
        volumes: Path | str,
        nodes: int = 1,
        *,
        port: int = 0,
        path: Path | None = None,
        assets: Path | str | None = None,
        command_prefix: list[str] | None = None,
        history: int = HISTORY,
    ) -> None:
        self.volumes = Path(volumes)
        named = os.environ.get("KUBEBUILDER_ASSETS", "") if assets is None else assets
        self._assets = Path(named) if named else None
        self._nodes = nodes
        self._port = port
        self._prefix = command_prefix
        self._history = history
        self._scratch = Path(tempfile.mkdtemp(prefix="sandbox-"))
        self.pods = self._scratch / "pods"
        self._stack = contextlib.AsyncExitStack()
        self._server: ApiServer | None = None
        self._machinery: Machinery | None = None
        self.kubeconfig = path or self._scratch / "kubeconfig"
        self.url = ""

    @property
    def real(self) -> bool:
        """Whether the API server is a real one."""
        return self._assets is not None

    @property
    def server(self) -> ApiServer:
        """The sandbox's own API server.

        Raises:
            RuntimeError: the API server is a real one.
        """
        if self._server is None:
            raise RuntimeError("not with a real API server")
        return self._server

    @property
    def store(self) -> Store:
        """The objects of the sandbox's own API server."""
        return self.server.store

    @property
    def client(self) -> Client:
        """The client that the controllers use."""
        return self._running.client

    @property
    def kubelet(self) -> Kubelet:
        """The nodes: to hold, kill, pause and end pods."""
        return self._running.kubelet

    @property
    def _running(self) -> Machinery:
        if self._machinery is None:
            raise RuntimeError("no controllers and nodes: not started, or nodes=0")
        return self._machinery

    async def __aenter__(self) -> Cluster:
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(_remove, self._scratch)
            if self._assets is not None:
                real = RealApiServer(self._assets, self._scratch / "real", self._port)
                await stack.enter_async_context(real)
                self.url = real.url
                kubeconfig.write(self.kubeconfig, real.url, real.token, insecure=True)
            else:
                self._server = ApiServer(self._history)
                await self._server.start(self._port)
                stack.push_async_callback(self._server.stop)
                self._server.seed()
                self.url = self._server.url
                kubeconfig.write(self.kubeconfig, self.url)
            if self._nodes:
                access = kubeconfig.read(self.kubeconfig)
                self._machinery = Machinery(
                    access, self.volumes, self.pods, self._nodes, self._prefix
                )
                await stack.enter_async_context(self._machinery)
                if self._server is not None:
                    self._server.logs = self._machinery.kubelet.log
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def account(self, namespace: str, name: str) -> Path:
        """Write the kubeconfig of a ServiceAccount, which RBAC restricts to its bound rights.

        kubectl sends no token over plain HTTP, so it would act as a user who may do anything: use `--as`.
        """
        asked = {"metadata": {"name": name}, "spec": {"audiences": []}}
        made = await self.client.create("v1/serviceaccounts", namespace, asked, "token")
        path = self._scratch / f"{namespace}-{name}.kubeconfig"
        kubeconfig.write(path, self.url, made["status"]["token"], insecure=self.real)
        return path

    def fail(
        self,
        status: int,
        *,
        method: str = "",
        path: str = "",
        times: int | None = 1,
        reason: str = "",
        message: str = "",
        retry_after: int | None = None,
        delay: float = 0.0,
        agent: str = "",
    ) -> Fault:
        """Refuse matching requests; see Fault. `times=None` lasts until `forgive`."""
        return self.server.faults.add(
            Fault(
                method=method,
                path=path,
                status=status,
                reason=reason,
                message=message,
                times=times,
                delay=delay,
                retry_after=retry_after,
                agent=agent,
            )
        )

    def delay(
        self,
        seconds: float,
        *,
        method: str = "",
        path: str = "",
        times: int | None = 1,
        agent: str = "",
    ) -> Fault:
        """Delay matching requests before they are carried out."""
        return self.fail(0, method=method, path=path, times=times, delay=seconds, agent=agent)

    def cut(
        self, *, method: str = "", path: str = "", times: int | None = 1, agent: str = ""
    ) -> Fault:
        """Cut off the answers to matching requests; the requests are carried out."""
        fault = Fault(method=method, path=path, times=times, agent=agent, cut=True)
        return self.server.faults.add(fault)

    def forgive(self, fault: Fault | None = None) -> None:
        """Remove a fault, or all."""
        if fault is None:
            self.server.faults.clear()
        else:
            self.server.faults.remove(fault)

    def drop_watches(self) -> int:
        """End every watch, as a load balancer does. Return how many there were."""
        return self.server.watches.drop()

    def compact(self) -> None:
        """Discard the history: watches from an older resourceVersion get 410."""
        self.store.compact()

    async def restart(self, *, keep_history: bool = True) -> None:
        """Stop the API server, cutting every connection, and start it on the same port.

        Args:
            keep_history: False discards it meanwhile, so that old resourceVersions get 410.
        """
        await self.server.stop()
        if not keep_history:
            self.store.compact()
        await self.server.start()


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
