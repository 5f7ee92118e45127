"""Reports the service's state to systemd: sd_notify's protocol, a datagram to the socket that it names."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

STATUS_MAX = 200


class ServiceManager:
    """The service manager of `NOTIFY_SOCKET`; without one, nothing is sent."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog_seconds: float | None = None
        """The time within which a keep-alive is expected; None if none is."""
        micro, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        if self._address and micro.isdigit() and int(micro) and pid in ("", str(os.getpid())):
            self.watchdog_seconds = int(micro) / 1e6

    def ready(self, status: str) -> None:
        """Report that the start, or a reload, has finished."""
        self._send(f"READY=1\n{_status(status)}")

    def status(self, status: str) -> None:
        """Report the state in a few words."""
        self._send(_status(status))

    def alive(self) -> None:
        """Send a keep-alive."""
        if self.watchdog_seconds is not None:
            self._send("WATCHDOG=1")

    def reloading(self, monotonic_seconds: float) -> None:
        """Report that settings are being read again."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic_seconds * 1e6)}")

    def stopping(self) -> None:
        """Report that the shutdown has begun."""
        self._send("STOPPING=1")

    def _send(self, text: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        # A name that begins with @ is in the abstract namespace: the kernel has a zero byte there.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(text.encode(), address)


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())[:STATUS_MAX]}"
