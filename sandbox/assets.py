"""A real API server: etcd and kube-apiserver on loopback ports, as envtest runs them."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import aiohttp

_READY_WITHIN: Final = 60.0
_STOPPED_WITHIN: Final = 10.0


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RealApiServer:
    """etcd and kube-apiserver, as an async context manager.

    Args:
        assets: the directory with the two programs.
        directory: for their data, keys and logs.
        port: of kube-apiserver; 0 takes a free one.
        flags: more of kube-apiserver's own flags.

    Attributes:
        pids: of both programs, while they run.
    """

    def __init__(
        self, assets: Path, directory: Path, port: int = 0, flags: Sequence[str] = ()
    ) -> None:
        self._assets = assets
        self._directory = directory
        self._port = port or free_port()
        self._flags = flags
        self.pids: list[int] = []
        self._stack = contextlib.AsyncExitStack()
        self.token = secrets.token_hex(16)
        self.url = f"https://127.0.0.1:{self._port}"

    async def __aenter__(self) -> RealApiServer:
        self._directory.mkdir(parents=True, exist_ok=True)
        async with contextlib.AsyncExitStack() as stack:
            etcd = await self._start_etcd(stack)
            await self._start_server(stack, etcd)
            await self._ready()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _spawn(self, stack: contextlib.AsyncExitStack, name: str, *flags: str) -> None:
        log = stack.enter_context((self._directory / f"{name}.log").open("wb"))
        # In our own process group, so that whatever ends a test run as a whole ends these, too.
        process = await asyncio.create_subprocess_exec(
            str(self._assets / name), *flags, stdout=log, stderr=log
        )
        self.pids.append(process.pid)
        stack.push_async_callback(_stop, process)

    async def _start_etcd(self, stack: contextlib.AsyncExitStack) -> str:
        clients, peers = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        await self._spawn(
            stack,
            "etcd",
            f"--data-dir={self._directory / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            # The data need not survive a power failure.
            "--unsafe-no-fsync",
        )
        return clients

    async def _start_server(self, stack: contextlib.AsyncExitStack, etcd: str) -> None:
        key, tokens = self._directory / "accounts.key", self._directory / "tokens.csv"
        made = await asyncio.create_subprocess_exec(
            "openssl", "genrsa", "-out", str(key), "2048", stderr=asyncio.subprocess.DEVNULL
        )
        if await made.wait():
            raise RuntimeError("openssl could not make a key")
        tokens.touch(mode=0o600)
        tokens.write_text(f'{self.token},sandbox,sandbox,"system:masters"\n')
        await self._spawn(
            stack,
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--cert-dir={self._directory / 'certificates'}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://sandbox.invalid",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # No controller creates service accounts, and no scheduler or node controller removes
            # taints.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--allow-privileged=true",
            *self._flags,
        )

    async def _ready(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            asyncio.timeout(_READY_WITHIN),
            aiohttp.ClientSession(headers=headers) as session,
        ):
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with session.get(f"{self.url}/readyz", ssl=context) as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOPPED_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()
