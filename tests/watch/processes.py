"""A real `baileys-janitor watch`, the service manager that started it, and a channel that hears it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.cli.sessions import environment
from tests.ports import free_port as free_port

PATIENCE_SECONDS = 60.0


def until(holds: Callable[[], Any], what: str) -> Any:
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


class Manager:
    """systemd's end of the notification socket, in the abstract namespace."""

    def __init__(self) -> None:
        self.name = f"janitor-test-{os.getpid()}-{time.monotonic_ns()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + self.name)
        self.heard: list[str] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                self.heard += self._socket.recv(4096).decode().splitlines()

    def count(self, line: str) -> int:
        return self.heard.count(line)

    def close(self) -> None:
        self._socket.close()


class Hook:
    """A webhook on loopback that takes what comes."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.documents.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Running:
    """A watch that runs."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.log.read_text()

    def says(self, words: str, times: int = 1) -> None:
        until(lambda: self.text.count(words) >= times, f"{words!r} in:\n{self.text}")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def scrape(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    def end(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def running(
    log: Path, *arguments: object, env: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[Running]:
    """Run `baileys-janitor watch` with these arguments."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "baileys_janitor", "watch", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment(**(env or {})),
        )
    try:
        yield Running(process, log, port)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
