"""Measures whole processes, from exec to exit, as the kernel accounts for them."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL = 0.0005
"""Seconds between reads of a process's memory."""
HIGH_WATER = re.compile(r"VmHWM:\s+(\d+)")
TOTAL = re.compile(r"^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)\s+(?:\d+\s+)?total$", re.M)


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: wall and CPU in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A command, and its preparation before each run (not measured)."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    environment: dict[str, str] | None = None


def compiled() -> dict[str, str]:
    """Return this process's environment, with Python's bytecode cache enabled: an image has compiled files."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def once(contender: Contender) -> Sample:
    """Run it once; raise RuntimeError if it fails, since a failed command is not a measurement."""
    if contender.prepare is not None:
        contender.prepare()
    begun = time.perf_counter()
    process = subprocess.Popen(
        contender.command,
        stdout=subprocess.DEVNULL,
        env=compiled() | (contender.environment or {}),
    )
    found = os.wait4(process.pid, 0)
    return _sample(contender, process, time.perf_counter() - begun, found)


def _sample(
    contender: Contender, process: subprocess.Popen[bytes], wall: float, found: tuple[int, int, Any]
) -> Sample:
    _, status, usage = found
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{contender.name} ended with {process.returncode}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


@dataclass(frozen=True, slots=True)
class Close:
    """Figures from a separate run: the peak of memory in MiB, and system calls (None: not counted)."""

    peak: float
    syscalls: int | None


def looked_at(contender: Contender) -> Close:
    """Run it twice more, slowed down by the observation."""
    return Close(watched(contender)[1], _syscalls(contender))


def watched(contender: Contender) -> tuple[Sample, float]:
    """Run it once; return the sample and the peak of its memory in MiB.

    The high-water mark is read until it ends: the value of `wait4` includes this program's own.
    """
    if contender.prepare is not None:
        contender.prepare()
    begun = time.perf_counter()
    process = subprocess.Popen(
        contender.command,
        stdout=subprocess.DEVNULL,
        env=compiled() | (contender.environment or {}),
    )
    found: tuple[int, int, Any] = (0, 0, None)
    highest = 0
    while not found[0]:
        mark = HIGH_WATER.search(Path(f"/proc/{process.pid}/status").read_text())
        highest = max(highest, int(mark[1]) if mark else 0)
        time.sleep(POLL)
        found = os.wait4(process.pid, os.WNOHANG)
    wall = time.perf_counter() - begun
    return _sample(contender, process, wall, found), round(highest / 1024, 1)


def _syscalls(contender: Contender) -> int | None:
    """Count the system calls with strace, including children and threads."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    if contender.prepare is not None:
        contender.prepare()
    with tempfile.NamedTemporaryFile() as summary:
        command = [strace, "-f", "-c", "-o", summary.name, *contender.command]
        environment = compiled() | (contender.environment or {})
        ended = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            check=False,
        )
        found = TOTAL.search(Path(summary.name).read_text())
    # In a container that forbids ptrace, strace exists but fails.
    return int(found[1]) if found and not ended.returncode else None


def race(contenders: Sequence[Contender], runs: int) -> dict[str, list[Sample]]:
    """Run them in turn, so that other load on the machine affects all equally; the first round is a warm-up."""
    found: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for turn in range(runs + 1):
        for contender in contenders:
            sample = once(contender)
            if turn:
                found[contender.name].append(sample)
    return found


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], figure: str) -> float:
    """Return the median of the ratios of runs in the same round."""
    pairs = zip(ours, theirs, strict=True)
    ratios = [float(getattr(a, figure)) / max(float(getattr(b, figure)), 1e-4) for a, b in pairs]
    return statistics.median(ratios)


def over(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """Return the median of the seconds by which our run was longer than the other one in its round."""
    return statistics.median(a.wall - b.wall for a, b in zip(ours, theirs, strict=True))


def least_over(ours: Sequence[Sample], theirs: Sequence[Sample]) -> float:
    """Return the additional CPU seconds of ours: the difference of the minima, which a busy machine changes little."""
    return min(sample.cpu for sample in ours) - min(sample.cpu for sample in theirs)
