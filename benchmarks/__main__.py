"""`make bench`: races the Job's process and writes what it found to benchmarks/results/."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import job

RESULTS = Path(__file__).resolve().parent / "results"
SIZES = (200, 2_000)


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        # The kernel counts what a process is before it becomes another program: no peak can read lower.
        "peakFloorMiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def show(console: Console, race: dict[str, Any]) -> None:
    """Print one race."""
    title = f"{race['action']} of {race['files']} files, medians of {race['runs']} runs in turn"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in (
        "PROCESS",
        "WALL MS",
        "CPU MS",
        "PEAK MIB",
        "JANITOR/IT, WALL",
        "JANITOR/IT, CPU",
    ):
        table.add_column(heading, justify="left" if heading == "PROCESS" else "right")
    for name, medians in race["medians"].items():
        against = race["ratios"].get(name, {})
        row = [medians["wallMs"], medians["cpuMs"], medians["peakMiB"], against.get("wall", "")]
        table.add_row(name, *(str(value) for value in (*row, against.get("cpu", ""))))
    console.print(table, "\n")


def main() -> int:
    """Run every race; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="runs of each process")
    runs = parser.parse_args().runs
    console = Console()
    races = []
    for action in ("scan", "clean"):
        for files in SIZES:
            races.append(job.measure(action, files, runs))
            show(console, races[-1])
    RESULTS.mkdir(exist_ok=True)
    found: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }
    (RESULTS / "job.json").write_text(
        json.dumps(found | {"races": races}, indent=2) + "\n", "utf-8"
    )
    console.print(
        f"Peaks cannot read below {found['machine']['peakFloorMiB']} MiB, this program's own."
    )
    console.print(f"Written to {RESULTS / 'job.json'}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
