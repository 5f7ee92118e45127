"""A program under test as a separate process, and its cost as measured by the kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

TICKS = os.sysconf("SC_CLK_TCK")
_NO_COMPLAINTS = (" decisions: ", "Unprocessed streams left")
"""Decisions about tenants, and Kopf's message when a watch ends under load, after which it lists again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """At `time` (monotonic seconds): CPU seconds so far, resident and peak MiB."""

    time: float
    cpu: float
    rss: float
    peak: float


def read(pid: int) -> Reading:
    """Read /proc; raise ProcessLookupError or FileNotFoundError if the process has ended."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(stat[11]) + int(stat[12])) / TICKS
    status = Path(f"/proc/{pid}/status").read_text()
    sizes = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Vm"))
    rss, peak = (int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Reading(time.monotonic(), cpu, rss, peak)


class Ended(RuntimeError):  # noqa: N818  # what has happened
    """The program under test ended by itself: there is nothing to measure."""


class Process:
    """One program, as an async context manager; its output goes to `log`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = dict(environment)
        self._log = log
        self._file: BinaryIO | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Process:
        self._file = self._log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._file,
            stderr=self._file,
            env=self._environment,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._file is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), 20)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._file.close()

    def reading(self) -> Reading:
        """Return its cost so far.

        Raises:
            Ended: it has ended.
        """
        assert self._process is not None
        try:
            return read(self._process.pid)
        except (FileNotFoundError, ProcessLookupError, KeyError) as error:
            raise Ended(f"{self._command[-1]} ended: {self.last_words()}") from error

    def last_words(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(errors="replace")[-2000:]

    def complaints(self) -> list[str]:
        """Return its warnings and errors, except those about tenants: none in a sound cell."""
        lines = self._log.read_text(errors="replace").splitlines()
        loud = [line for line in lines if " WARNING " in line or " ERROR " in line]
        return [line for line in loud if not any(told in line for told in _NO_COMPLAINTS)]
