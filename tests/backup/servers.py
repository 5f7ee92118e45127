"""Object stores on loopback: two real S3 servers, and one that does wrong whatever a server can do wrong.

moto honours create-only puts and takes any key; rclone checks the signature and ignores create-only puts.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port as free_port

TOOLS = Path(__file__).resolve().parents[2] / ".tools" / "stores"
READY_SECONDS = 60
# rclone refuses access keys of fewer than eight letters.
ACCESS_KEY = "janitor-tests"
SECRET_KEY = "a-secret-of-the-tests"
REGION = "us-east-1"
ENVIRON = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
"""What lets a client in, as the environment has it."""


@dataclass
class S3Server:
    """An S3 server; `buckets` is the directory that holds those of rclone."""

    port: int
    buckets: Path | None = None

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}"

    def bucket(self) -> str:
        """Make a bucket of its own for a test, and return its name."""
        name = f"backups-{os.urandom(6).hex()}"
        if self.buckets is not None:
            (self.buckets / name).mkdir()
            return name
        connection = HTTPConnection("127.0.0.1", self.port, timeout=READY_SECONDS)
        connection.request("PUT", f"/{name}")
        assert connection.getresponse().status == 200
        connection.close()
        return name


@contextmanager
def moto(home: Path) -> Iterator[S3Server]:
    """The moto server; it takes any key, so wrong ones are for rclone."""
    if not (TOOLS / "moto").is_dir():
        pytest.skip("no moto: `make .tools/stores` unpacks it")
    port = free_port()
    arguments = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(arguments, home / "moto.log", port, {"PYTHONPATH": str(TOOLS)}):
        yield S3Server(port)


@contextmanager
def rclone(home: Path) -> Iterator[S3Server]:
    """The server of rclone, which knows one key."""
    program = TOOLS / "bin" / "rclone"
    if not program.is_file():
        pytest.skip("no rclone: `make .tools/stores` unpacks it")
    port, buckets = free_port(), home / "buckets"
    buckets.mkdir()
    arguments = [
        str(program), "serve", "s3", str(buckets), "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", str(home / "none"),
        "--dir-cache-time", "5ms",
    ]  # fmt: skip
    with _running(arguments, home / "rclone.log", port, {"HOME": str(home)}):
        yield S3Server(port, buckets)


@contextmanager
def _running(arguments: list[str], log: Path, port: int, more: dict[str, str]) -> Iterator[None]:
    """Run a program until it listens, and kill it afterwards; it also ends with the process of the tests."""
    environ = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **more}
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ,
            cwd=log.parent, preexec_fn=_die_with_parent,
        )  # fmt: skip
    try:
        end = time.monotonic() + READY_SECONDS
        while not _listens(port):
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, f"{arguments[0]} never listened"
            time.sleep(0.02)
        yield
    finally:
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


Handler = Callable[["Exchange"], None]


@dataclass
class FaultyStore:
    """A server that answers as it is told: `then` takes every request after those for `once`."""

    url: str = ""
    then: Handler = field(default=lambda exchange: exchange.answer(500))
    once: list[Handler] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    """Bytes of answers without an end that somebody has taken."""

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.rpartition(":")[2])


class Exchange:
    """One request, and the ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, store: FaultyStore, body: bytes) -> None:
        self.handler, self.store, self.body = handler, store, body
        self.method, self.path = handler.command, handler.path.partition("?")[0]

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer properly; `_` stands for `-` in the names of headers."""
        self.begin(status, len(body), **headers)
        if self.method != "HEAD":
            self.handler.wfile.write(body)

    def error(self, status: int, code: str, **headers: str) -> None:
        """Answer with an error as S3 and Azure put it."""
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        self.answer(status, body.encode(), **headers)

    def begin(self, status: int, length: int, **headers: str) -> None:
        """Send status and headers, and promise so many bytes."""
        self.handler.send_response(status)
        for name, value in headers.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.send_header("Content-Length", str(length))
        self.handler.end_headers()

    def object(self, length: int) -> None:
        """Begin to send an object of so many bytes."""
        self.begin(200, length, ETag='"0"', Last_Modified="Sat, 28 Nov 2026 09:35:00 GMT")

    def drip(self, length: int = 1000) -> None:
        """Send one byte after the other, and never come to an end."""
        self.object(length)
        with suppress(OSError):
            for _ in range(length - 1):
                self.handler.wfile.write(b"<")
                self.handler.wfile.flush()
                if self.store.over.wait(0.02):
                    return
            self.store.over.wait()

    def half(self, length: int = 1000) -> None:
        """Send half of what was promised, and hang up."""
        self.object(length)
        self.handler.wfile.write(b"\0" * (length // 2))
        self.hang_up()

    def endless(self, length: int = 2 << 30) -> None:
        """Send zeros for as long as somebody takes them."""
        self.object(length)
        self._on_and_on(bytes(1 << 18))

    def endless_text(self, status: int) -> None:
        """Answer with a text without an end, which a client cannot know."""
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", "application/xml")
        self.handler.end_headers()
        self.handler.close_connection = True
        self._on_and_on(b"<Contents><Key>" + b"a" * (1 << 18) + b"</Key></Contents>")

    def _on_and_on(self, data: bytes) -> None:
        with suppress(OSError):
            while not self.store.over.is_set():
                self.handler.wfile.write(data)
                self.store.sent += len(data)

    def silence(self) -> None:
        """Answer nothing, and hold the connection."""
        self.store.over.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self.handler.wfile.flush()
            self.handler.connection.shutdown(socket.SHUT_RDWR)
        self.handler.close_connection = True

    def serve(self) -> None:
        """Do what was asked, as a small S3 server does that is well."""
        if self.method == "PUT":
            self.store.objects[self.path] = self.body
            self.answer(200, ETag='"opaque"')
        elif self.path in self.store.objects:
            body = self.store.objects[self.path]
            self.answer(200, body, ETag='"opaque"', Last_Modified="Sat, 28 Nov 2026 09:35:00 GMT")
        else:
            self.error(404, "NoSuchKey")


@contextmanager
def faulty_store(tls: ssl.SSLContext | None = None) -> Iterator[FaultyStore]:
    """Serve a store that does as it is told; it is gone afterwards, with everything that it still holds open."""
    store = FaultyStore()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that has gone is what many tests are about."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            store.requests.append((self.command, self.path, dict(self.headers)))
            handler = store.once.pop(0) if store.once else store.then
            handler(Exchange(self, store, body))

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its name there
            """Print nothing."""

    server = Server(("127.0.0.1", 0), Request)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    store.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
