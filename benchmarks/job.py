"""The Job's process against an empty Python, Node.js and Python with the naive rules, and find."""

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

from benchmarks.processes import Contender, Sample, race, ratio

HERE = Path(__file__).resolve().parent
COMMAND = str(Path(sys.executable).parent / "baileys-janitor")
OURS = "janitor job"
DAY = 86_400


def fill(directory: Path, files: int) -> None:
    """Write a session directory of that many files: sessions and sender keys of all ages, as one would find."""
    creds: dict[str, Any] = {
        "me": {"id": "12015550100:7@s.whatsapp.net"},
        "account": {"details": ""},
    }
    creds |= {"nextPreKeyId": 61, "firstUnuploadedPreKeyId": 61, "registrationId": 1}
    (directory / "creds.json").write_text(json.dumps(creds))
    now = time.time()
    for number in range(files - 1):
        name = (
            f"session-{300 + number}_1.0.json" if number % 2 else f"lid-mapping-{300 + number}.json"
        )
        path = directory / name
        path.write_text("{}")
        os.utime(path, (now - (number % 30) * DAY - 3600,) * 2)


def contenders(action: str, directory: Path, prepare: Callable[[], None] | None) -> list[Contender]:
    """Return who takes part in a race over `directory`."""
    apply = ["--apply"] if action == "clean" else []
    scratch = {"TERMINATION_LOG": str(directory.parent / "termination-log")}
    found = [
        Contender(OURS, [COMMAND, "job", _task(action, directory)], prepare, scratch),
        Contender("python -c pass", [sys.executable, "-c", "pass"]),
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
    from baileys_janitor.policy.settings import DEFAULTS

    member = Member(str(directory.parent), directory.name)
    return Task(action, [member], [DEFAULTS], run="bench" if action == "clean" else None).to_json()


def measure(action: str, files: int, runs: int) -> dict[str, Any]:
    """Race over one size of directory; return medians and ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-") as root:
        original, directory = Path(root) / "original", Path(root) / "session"
        original.mkdir()
        fill(original, files)

        def afresh() -> None:
            shutil.rmtree(directory, ignore_errors=True)
            shutil.copytree(original, directory, copy_function=shutil.copy2)

        afresh()
        found = race(contenders(action, directory, afresh if action == "clean" else None), runs)
    ours = found[OURS]
    return {
        "action": action,
        "files": files,
        "runs": runs,
        "medians": {name: _medians(samples) for name, samples in found.items()},
        "ratios": {
            name: {figure: round(ratio(ours, samples, figure), 2) for figure in ("wall", "cpu")}
            for name, samples in found.items()
            if name != OURS
        },
    }


def _medians(samples: list[Sample]) -> dict[str, float]:
    return {
        "wallMs": round(statistics.median(s.wall for s in samples) * 1000, 1),
        "cpuMs": round(statistics.median(s.cpu for s in samples) * 1000, 1),
        "peakMiB": round(max(s.peak for s in samples), 1),
    }
