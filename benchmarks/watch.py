"""The cost of an idle `baileys-janitor watch`: memory and CPU of its process, compared with an empty Node.js."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import fleet
from benchmarks.operator.targets import Verdict

Object = dict[str, Any]

DIRECTORIES, FILES = 100, 300
SECONDS, QUICK_SECONDS = 600.0, 60.0
SETTLE_SECONDS = 20.0
"""Seconds until the first scans after a start are over."""
MEGABYTES, QUIET_PERCENT, MINUTE_PERCENT = 45, 0.1, 0.4
TICKS = os.sysconf("SC_CLK_TCK")
# Limits that no directory of the fleet reaches: nothing is cleaned during the measurement.
LIMITS = "{warning: 1500, critical: 1700, trigger: 1750, emergency: 1800, danger: 1850}"


def measure(*, quick: bool, tell: Callable[[str], None]) -> Object:
    """Run the watch while all directories are quiet, and with a scan of each every minute; return its figures."""
    seconds = QUICK_SECONDS if quick else SECONDS
    with tempfile.TemporaryDirectory(prefix="bench-watch-") as room:
        root = Path(room) / "sessions"
        root.mkdir()
        fleet.fill(root, DIRECTORIES, time.time(), FILES)
        found: Object = {"directories": DIRECTORIES, "files": FILES, "seconds": seconds}
        for name, adaptive in (("quiet", True), ("everyMinute", False)):
            tell(f"watch, {name}: {seconds + SETTLE_SECONDS:.0f} s")
            found[name] = _run(Path(room), root, seconds, adaptive=adaptive)
        found["emptyNodeMegabytes"] = _empty_node()
    return found


def _run(room: Path, root: Path, seconds: float, *, adaptive: bool) -> Object:
    state, config = room / f"state-{adaptive}.json", room / f"watch-{adaptive}.yaml"
    config.write_text(
        f"thresholds: {LIMITS}\nmode: Observe\nschedule: {{adaptive: {str(adaptive).lower()}}}\n"
    )
    command = [sys.executable, "-m", "baileys_janitor", "watch", str(root), "--state", str(state)]
    command += ["--config", str(config), "--metrics", "127.0.0.1:0"]
    subprocess.run([*command, "--once"], check=True, capture_output=True)
    _pretend_quiet(state)
    with _started(command) as pid:
        time.sleep(SETTLE_SECONDS)
        before, begun = _cpu_seconds(pid), time.monotonic()
        time.sleep(seconds)
        used, passed = _cpu_seconds(pid) - before, time.monotonic() - begun
        return {
            "cpuPercent": round(100 * used / passed, 3),
            "cpuSeconds": round(used, 2),
            "megabytes": round(_kilobytes(pid, "VmRSS") * 1024 / 1e6, 1),
            "peakMegabytes": round(_kilobytes(pid, "VmHWM") * 1024 / 1e6, 1),
            "stateKilobytes": round(state.stat().st_size / 1000),
        }


def _pretend_quiet(state: Path) -> None:
    """Write into the state the result of ten minutes of counting: no growth."""
    data = json.loads(state.read_text())
    for known in data["directories"].values():
        known["status"]["growthPerDay"] = 0.0
    state.write_text(json.dumps(data))


@contextmanager
def _started(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _kilobytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _empty_node() -> float | None:
    node = shutil.which("node")
    if node is None:
        return None
    process = subprocess.Popen([node, "-e", "setInterval(() => {}, 1e6)"])
    try:
        time.sleep(2)
        return round(_kilobytes(process.pid, "VmRSS") * 1024 / 1e6, 1)
    finally:
        process.kill()
        process.wait()


def show(console: Console, found: Object) -> None:
    """Print the figures."""
    title = f"watch of {found['directories']} directories of {found['files']} files, {found['seconds']:.0f} s"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("", "MB", "PEAK MB", "CPU %", "STATE KB"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, words in (("quiet", "all quiet"), ("everyMinute", "a look every minute")):
        each = found[name]
        figures = (each["megabytes"], each["peakMegabytes"], each["cpuPercent"])
        table.add_row(words, *map(str, (*figures, each["stateKilobytes"])))
    if found["emptyNodeMegabytes"] is not None:
        table.add_row("an empty Node.js", str(found["emptyNodeMegabytes"]), "", "", "")
    console.print(table, "\n")


def verdicts(found: Object) -> list[Verdict]:
    """Compare the figures with the targets."""
    quiet, minute = found["quiet"], found["everyMinute"]
    peak = max(quiet["megabytes"], minute["megabytes"])
    what = f"watch of {found['directories']} directories of {found['files']} files"
    return [
        Verdict(
            f"{what}: memory in MB",
            "watch",
            f"at most {MEGABYTES}",
            f"{peak:.0f}",
            peak <= MEGABYTES,
        ),
        *(
            Verdict(
                f"{what}: CPU in % of a core, {words}",
                "watch",
                f"at most {most}",
                f"{each['cpuPercent']:.2f}",
                each["cpuPercent"] <= most,
            )
            for each, words, most in (
                (quiet, "all quiet", QUIET_PERCENT),
                (minute, "a look every minute", MINUTE_PERCENT),
            )
        ),
    ]
