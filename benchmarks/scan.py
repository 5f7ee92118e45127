"""`baileys-janitor scan` of a server compared with scripts that list and stat, and the start-up time of commands."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import fleet
from benchmarks.operator.targets import Verdict
from benchmarks.processes import Contender, Sample, looked_at, race, ratio
from sandbox.node.container import command_prefix

Object = dict[str, Any]
HERE = Path(__file__).resolve().parent
COMMAND = command_prefix()
OURS, JSON, NODE = "janitor scan", "janitor scan -o json", "Node.js script"
EMPTY = {"python -c pass": [sys.executable, "-c", "pass"], "node -e 0": ["node", "-e", "0"]}
MEGABYTES = 40


def measure(directories: int, runs: int) -> Object:
    """Race over a root with this number of directories, and over one of them; return medians and ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-") as root:
        fleet.fill(Path(root), directories, time.time())
        one = f"{root}/company_1"
        return {
            "server": _raced(directories, _servers(root), runs),
            "commands": _raced(1, _commands(one), max(runs, 2 * runs)),
        }


def _servers(root: str) -> list[Contender]:
    found = [
        Contender(OURS, [*COMMAND, "scan", root]),
        Contender(JSON, [*COMMAND, "scan", root, "-o", "json"]),
        Contender("Python script", [sys.executable, str(HERE / "naive/scan.py"), root]),
        Contender("find", ["find", root, "-type", "f", "-printf", "%s %T@ %f\n"]),
    ]
    if node := shutil.which("node"):
        found.insert(1, Contender(NODE, [node, str(HERE / "naive/scan.mjs"), root]))
    return found


def _commands(directory: str) -> list[Contender]:
    """Return typical commands on one directory, and programs that do nothing."""
    found = [
        Contender("scan", [*COMMAND, "scan", directory]),
        Contender("scan -o json", [*COMMAND, "scan", directory, "-o", "json"]),
        Contender("clean", [*COMMAND, "clean", directory]),
        Contender("undo --list", [*COMMAND, "undo", directory, "--list"]),
    ]
    return found + [
        Contender(name, command) for name, command in EMPTY.items() if shutil.which(command[0])
    ]


def _raced(directories: int, contenders: Sequence[Contender], runs: int) -> Object:
    found = race(contenders, runs)
    close = {each.name: looked_at(each) for each in contenders}
    names = [each.name for each in contenders]
    return {
        "directories": directories,
        "files": directories * fleet.FILES,
        "runs": runs,
        "figures": {
            name: _medians(found[name])
            | {"peakMiB": close[name].peak, "syscalls": close[name].syscalls}
            for name in names
        },
        "ratios": {
            name: {
                figure: round(ratio(found[names[0]], found[name], figure), 2)
                for figure in ("wall", "cpu")
            }
            for name in names[1:]
        },
    }


def _medians(samples: list[Sample]) -> Object:
    return {
        "wallMs": round(statistics.median(each.wall for each in samples) * 1000, 1),
        "cpuMs": round(statistics.median(each.cpu for each in samples) * 1000, 1),
    }


def verdicts(found: Object) -> list[Verdict]:
    """Compare a scan of a server with its targets; without Node.js two of them are not measured."""
    server = found["server"]
    against = server["ratios"].get(NODE)
    what = f"scan of {server['directories']:,} directories of {fleet.FILES} files"
    verdicts = []
    for name, figure in (("CPU", "cpu"), ("wall time", "wall")):
        value = None if against is None else against[figure]
        shown = None if value is None else f"{value:.2f}"
        met = None if value is None else value <= 1
        measure = f"{what}: {name} to that of a Node.js script"
        verdicts.append(Verdict(measure, "scan", "at most 1", shown, met))
    peak = server["figures"][OURS]["peakMiB"] * 2**20 / 1e6
    measure = f"{what}: peak memory in MB"
    verdicts.append(
        Verdict(measure, "scan", f"at most {MEGABYTES}", f"{peak:.0f}", peak <= MEGABYTES)
    )
    return verdicts
