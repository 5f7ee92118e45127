"""Ports for servers that have to be told one before they start.

A port that the kernel chose and gave back may be the next one that it chooses for somebody else, before the server
listens. These are below those that it chooses from, and each worker has its own.
"""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _EACH, _WORKERS = 20_000, 750, 16
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_NUMBERS = itertools.count(os.getpid())  # runs side by side begin elsewhere


def free_port() -> int:
    """Return a port of 127.0.0.1 at which nobody listens; nobody else is given it for a long time."""
    for number in itertools.islice(_NUMBERS, _EACH):
        port = _FIRST + _WORKER * _EACH + number % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("every port is taken")
