"""The Job's process compared with an empty Python, Node.js and Python with the naive rules, and find."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.processes import (
    Close,
    Contender,
    Sample,
    least_over,
    looked_at,
    over,
    race,
    ratio,
    watched,
)
from sandbox.node.container import command_prefix

HERE = Path(__file__).resolve().parent
COMMAND = command_prefix()
OURS, EMPTY = "janitor job", "python -c pass"
LARGE = 100_000
"""From this many files on there is only one run: without a warm-up, and without strace, which would take minutes."""
DAY = 86_400


def fill(directory: Path, files: int, now: float | None = None) -> None:
    """Write a session directory of that many files: sessions and sender keys of all ages, as in real use.

    Ages count from `now` (Unix seconds): the same value gives the same directory.
    """
    creds: dict[str, Any] = {
        "me": {"id": "12015550100:7@s.whatsapp.net", "lid": "240000000000000:7@lid"},
        "account": {"details": ""},
    }
    creds |= {"nextPreKeyId": 61, "firstUnuploadedPreKeyId": 61, "registrationId": 1}
    (directory / "creds.json").write_text(json.dumps(creds))
    now = time.time() if now is None else now
    there = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    for number in range(files - 1):
        what = "session-{}_1.0.json" if number % 2 else "lid-mapping-{}.json"
        file = os.open(what.format(300 + number), os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=there)
        os.write(file, b"{}")
        os.utime(file, (now - (number // 2 % 30) * DAY - 3600,) * 2)
        os.close(file)
    os.close(there)


def contenders(action: str, directory: Path, prepare: Callable[[], None] | None) -> list[Contender]:
    """Return the contenders of a race over `directory`."""
    apply = ["--apply"] if action == "clean" else []
    scratch = {"TERMINATION_LOG": str(directory.parent / "termination-log")}
    found = [
        Contender(OURS, [*COMMAND, "job", _task(action, directory)], prepare, scratch),
        Contender(EMPTY, [sys.executable, "-c", "pass"]),
        Contender(
            "naive Python",
            [sys.executable, str(HERE / "naive/clean.py"), str(directory), *apply],
            prepare,
        ),
    ]
    if node := shutil.which("node"):
        naive = [node, str(HERE / "naive/clean.mjs"), str(directory), *apply]
        found.append(Contender("naive Node.js", naive, prepare))
    if action == "scan":
        find = ["find", str(directory), "-type", "f", "-name", "session-*", "-mtime", "+14"]
        found.append(Contender("find", find))
    return found


def _task(action: str, directory: Path) -> str:
    from baileys_janitor.job.task import Member, Task
    from baileys_janitor.policy.settings import MaxRemovals, Settings
    from tests.running_time import remembered

    running = remembered(directory) if action == "clean" else None
    member = Member(str(directory.parent), directory.name, running=running)
    # The others have no limit to the files that one run may remove.
    settings = Settings(max_removals=MaxRemovals(100, 10**6))
    return Task(action, [member], [settings], run="bench" if action == "clean" else None).to_json()


def measure(action: str, files: int, runs: int) -> dict[str, Any]:
    """Race over one size of directory; return medians and ratios. Large ones are raced once."""
    with tempfile.TemporaryDirectory(prefix="bench-") as root:
        directory = Path(root) / "session"
        now = time.time()

        def afresh() -> None:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            fill(directory, files, now)

        afresh()
        runners = contenders(action, directory, afresh if action == "clean" else None)
        found: dict[str, list[Sample]] = {}
        close: dict[str, Close] = {}
        left: dict[str, int] = {}
        if files < LARGE:
            found = race(runners, runs)
        for each in runners:
            if files < LARGE:
                close[each.name] = looked_at(each)
            else:
                sample, peak = watched(each)
                found[each.name], close[each.name] = [sample], Close(peak, None)
            if each.prepare is not None:
                left[each.name] = _left(directory)
    ours = found[OURS]
    return {
        "action": action,
        "files": files,
        "runs": len(ours),
        "figures": {
            name: _medians(samples)
            | {"peakMiB": close[name].peak, "syscalls": close[name].syscalls}
            | ({"removed": files - left[name]} if name in left else {})
            for name, samples in found.items()
        },
        "ratios": {
            name: {figure: round(ratio(ours, samples, figure), 2) for figure in ("wall", "cpu")}
            for name, samples in found.items()
            if name != OURS
        },
        "overEmptyPythonMs": round(over(ours, found[EMPTY]) * 1000, 1),
        "cpuOverEmptyPythonMs": round(least_over(ours, found[EMPTY]) * 1000, 1),
    }


def _left(directory: Path) -> int:
    """Return the number of files that a cleanup leaves: a race is valid only if all have removed the same."""
    own = (".cleanup.lock", ".janitor~")
    return sum(entry.is_file() for entry in os.scandir(directory) if not entry.name.startswith(own))


def _medians(samples: list[Sample]) -> dict[str, float | int | None]:
    return {
        "wallMs": round(statistics.median(s.wall for s in samples) * 1000, 1),
        "cpuMs": round(statistics.median(s.cpu for s in samples) * 1000, 1),
    }
