"""A proxy on loopback that counts the requests to a server, by method and by path: for tests and for measurements.

It forwards a request unchanged, including its Host header, so that a signed one stays valid.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")
_PATIENCE_SECONDS = 60.0


class CountingProxy(ThreadingHTTPServer):
    """The proxy. `methods` counts the requests by method, `bytes_in` and `bytes_out` are those of their bodies."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = port
        self.methods: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self.bytes_in = self.bytes_out = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """The proxy's address."""
        return f"http://127.0.0.1:{self.server_port}"

    def clear(self) -> None:
        """Reset the counts."""
        with self.lock:
            self.methods.clear()
            self.requests.clear()
            self.bytes_in = self.bytes_out = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that has disconnected."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CountingProxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = HTTPConnection("127.0.0.1", self.server.upstream, timeout=_PATIENCE_SECONDS)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        with self.server.lock:
            self.server.methods[self.command] += 1
            self.server.requests.append((self.command, self.path))
            self.server.bytes_in += len(body)
            self.server.bytes_out += len(content)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in (*_HOP_BY_HOP, "date", "server"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name that it has there
        """Print nothing."""


@contextmanager
def counting_proxy(port: int) -> Iterator[CountingProxy]:
    """Serve a proxy to a server on a port of loopback within the context."""
    proxy = CountingProxy(port)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
