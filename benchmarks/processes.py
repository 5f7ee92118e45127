"""Whole processes, from exec to exit, as the kernel accounts for them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: wall and CPU in seconds, the peak of its memory in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A command and what makes its ground ready before each run (not measured)."""

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] | None = None
    environment: dict[str, str] | None = None


def once(contender: Contender) -> Sample:
    """Run it once; RuntimeError when it fails, since a failing command is no measurement."""
    if contender.prepare is not None:
        contender.prepare()
    begun = time.perf_counter()
    process = subprocess.Popen(
        contender.command,
        stdout=subprocess.DEVNULL,
        env=os.environ | (contender.environment or {}),
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{contender.name} ended with {process.returncode}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def race(contenders: Sequence[Contender], runs: int) -> dict[str, list[Sample]]:
    """Run them in turn, so that whatever the machine does meanwhile meets all alike; the first round warms up."""
    found: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for turn in range(runs + 1):
        for contender in contenders:
            sample = once(contender)
            if turn:
                found[contender.name].append(sample)
    return found


def ratio(ours: Sequence[Sample], theirs: Sequence[Sample], figure: str) -> float:
    """Return the median of the ratios of runs that stood side by side."""
    pairs = zip(ours, theirs, strict=True)
    ratios = [float(getattr(a, figure)) / max(float(getattr(b, figure)), 1e-4) for a, b in pairs]
    return statistics.median(ratios)
