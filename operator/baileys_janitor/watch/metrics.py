"""Serves the operator's metrics of one server to Prometheus, by the standard library, from a thread.

The loop's thread writes the page, between two steps, and hands it over as bytes: the serving thread never
reads a record, and successive scrapers get the current page.
"""

from __future__ import annotations

import http.server
import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from baileys_janitor import __version__
from baileys_janitor.metrics import definitions, text
from baileys_janitor.metrics.definitions import ENDINGS, OTHER, UNTOLD, WHY, Definition
from baileys_janitor.metrics.tenants import LEVEL_NUMBERS
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.status import level_and_ready
from baileys_janitor.status.changes import CRASH_SITES, Change, CleanupFinished, Crashed
from baileys_janitor.tenants.record import TenantRecord

logger = logging.getLogger("janitor.metrics")

WAIT_SECONDS = 10.0
"""Seconds that a scraper waits for the page while the loop is busy."""
SOCKET_SECONDS = 10.0
CONNECTIONS_MAX = 8
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
RSS = Definition("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.")
CPU = Definition(
    "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."
)
START = Definition(
    "process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds."
)


class Counts:
    """Counters of changes; they start at zero, so that the first change counts in a rate."""

    def __init__(self) -> None:
        self.cleanups = {(reason, ending): 0 for reason in WHY for ending in ENDINGS}
        self.removed: dict[tuple[str, ...], int] = {(kind,): 0 for kind in (*KINDS, UNTOLD)}
        self.freed = 0
        self.crashes: dict[tuple[str, ...], int] = {(site,): 0 for site in CRASH_SITES}

    def hear(self, change: Change) -> None:
        """Count a change."""
        if isinstance(change, Crashed):
            self.crashes[(change.where,)] = self.crashes.get((change.where,), 0) + 1
        elif isinstance(change, CleanupFinished):
            self._finished(change.entry)

    def _finished(self, entry: Mapping[str, Any]) -> None:
        reason, ending = str(entry.get("reason")), str(entry.get("outcome"))
        key = reason if reason in WHY else OTHER, ending if ending in ENDINGS else OTHER
        self.cleanups[key] = self.cleanups.get(key, 0) + 1
        if ending == "DryRun":
            return
        removed = int(entry.get("removed") or 0)
        self.freed += int(entry.get("freedBytes") or 0)
        by_kind = entry.get("removedByKind") or {}
        for kind, number in by_kind.items():
            if (kind,) in self.removed:
                self.removed[(kind,)] += int(number)
        self.removed[(UNTOLD,)] += max(0, removed - sum(by_kind.values()))


def page(
    records: list[TenantRecord],
    counts: Counts,
    now: float,
    held: bool,
    notified: Mapping[tuple[str, str], int],
    failing: Mapping[str, bool],
    per_directory: str,
) -> Iterator[str]:
    """Yield the lines of all metrics."""
    levels = dict.fromkeys(LEVEL_NUMBERS, 0)
    levels |= Counter(level_and_ready.level_of(each, now) or "Unknown" for each in records)
    yield from text.written(definitions.BUILD_INFO, {(__version__,): 1})
    yield from text.written(definitions.LEADER, {(): 1})
    yield from text.written(definitions.TENANTS, {(level,): n for level, n in levels.items()})
    yield from text.written(definitions.HELD, {(): int(held)})
    yield from text.written(definitions.CLEANUPS, counts.cleanups)  # type: ignore[arg-type]  # pairs
    yield from text.written(definitions.REMOVED, counts.removed)
    yield from text.written(definitions.FREED, {(): counts.freed})
    yield from text.written(definitions.CRASHES, counts.crashes)
    yield from text.written(definitions.NOTIFICATIONS, notified)  # type: ignore[arg-type]  # pairs
    yield from text.written(definitions.FAILING, {(name,): int(f) for name, f in failing.items()})
    yield from _process()
    for family in text.families(per_directory):
        yield text.whole_family(family, records, now)


def _process() -> Iterator[str]:
    used = os.times()
    yield from text.written(CPU, {(): round(used.user + used.system, 2)})
    yield from text.written(START, {(): STARTED})
    resident = _resident_bytes()
    if resident is not None:
        yield from text.written(RSS, {(): resident})


STARTED = round(time.time(), 1)


def _resident_bytes() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


class MetricsServer:
    """Serves `/metrics`. `wake` is called from the serving thread when a page is wanted; `answer` gives it."""

    def __init__(self, address: str, wake: Callable[[], None]) -> None:
        """Listen at `address`, HOST:PORT; raise OSError."""
        host, _, port = address.rpartition(":")
        self._wake = wake
        self._wanted = threading.Event()
        self._written = threading.Condition()
        self._page = b""
        self._editions = 0
        self._room = threading.Semaphore(CONNECTIONS_MAX)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = SOCKET_SECONDS
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.serve(self)

            def log_message(self, *_: object) -> None:
                """Do not log scrapes."""

            def version_string(self) -> str:
                return "baileys-janitor"

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Ignore a scraper that disconnects."""

        self._server = Server((host.strip("[]"), int(port)), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True, name="metrics").start()

    @property
    def wanted(self) -> bool:
        """Whether a scraper waits for a page."""
        return self._wanted.is_set()

    def answer(self, lines: Iterator[str]) -> None:
        """Hand over the current page."""
        self._wanted.clear()
        data = "".join(lines).encode()
        with self._written:
            self._page = data
            self._editions += 1
            self._written.notify_all()

    def serve(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        if request.path.partition("?")[0] != "/metrics":
            request.send_error(404)
            return
        if not self._room.acquire(blocking=False):
            request.send_error(503)
            return
        try:
            data = self._fresh()
        finally:
            self._room.release()
        if data is None:
            request.send_error(503)
            return
        request.send_response(200)
        request.send_header("Content-Type", CONTENT_TYPE)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _fresh(self) -> bytes | None:
        """Return a page written after this call; None when the loop does not write it in time."""
        with self._written:
            before = self._editions
            self._wanted.set()
            self._wake()
            if self._written.wait_for(lambda: self._editions > before, WAIT_SECONDS):
                return self._page
        return None

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
