"""A real etcd and kube-apiserver, as envtest starts them, from the folder in KUBEBUILDER_ASSETS."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.api.rest import Api

TOKEN = "for-tests-on-the-loopback-only"


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def _process(log: Path, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def real_api_server(assets: Path, folder: Path, *flags: str) -> Iterator[Api]:
    """Both processes, until the block ends; data and logs lie in the folder. `flags`: more of the API server's own."""
    client, peer, secure = _free_ports(3)
    certificates = folder / "certificates"
    certificates.mkdir()
    (folder / "tokens.csv").write_text(f'{TOKEN},tester,tester,"system:masters"\n')
    # The API server makes a pair for its own port when it has none; the same key signs tokens here.
    key = certificates / "apiserver.key"
    etcd = (
        assets / "etcd",
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        "--log-level=error",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=default=http://127.0.0.1:{peer}",
    )
    server = (
        assets / "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{client}",
        "--bind-address=127.0.0.1",
        f"--secure-port={secure}",
        f"--cert-dir={certificates}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://localhost",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        *flags,
    )
    api = Api(f"https://127.0.0.1:{secure}", TOKEN)
    with _process(folder / "etcd.log", *etcd), _process(folder / "apiserver.log", *server) as main:
        _wait_until_ready(api, main, folder / "apiserver.log")
        yield api


def _wait_until_ready(api: Api, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while not api.ready():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the API server did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)  # a process outside: there is nothing to await
