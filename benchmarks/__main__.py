"""`make bench`: compares the operator, the Job and the command line with others; writes benchmarks/results/."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import job, machine
from benchmarks.operator import catalogue, report, suite, targets

Object = dict[str, Any]
RESULTS = Path(__file__).resolve().parent / "results"
PARTS = ("operator", "job", "scan", "watch", "keystore", "backup", "disaster", "shards")
SANDBOX, REAL = "the sandbox's API server", "etcd and kube-apiserver"


def races(console: Console, *, quick: bool) -> list[Object]:
    """Run every race of the Job's process, fewer of them for the large directory."""
    sizes = {200: 10, 2_000: 5} if quick else {200: 30, 2_000: 20, 200_000: 1}
    found = []
    for action in ("scan", "clean"):
        for files, runs in sizes.items():
            found.append(job.measure(action, files, runs))
            show(console, found[-1])
    return found


def show(console: Console, race: Object) -> None:
    """Print one race."""
    title = f"{race['action']} of {race['files']:,} files, medians of {race['runs']} runs in turn"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    headings = ("PROCESS", "WALL MS", "CPU MS", "PEAK MIB", "SYSCALLS", "A FILE", "REMOVED")
    for heading in (*headings, "JANITOR/IT, WALL", "CPU"):
        table.add_column(heading, justify="left" if heading == "PROCESS" else "right")
    for name, figures in race["figures"].items():
        against, calls = race["ratios"].get(name, {}), figures["syscalls"]
        each = "-" if calls is None else round(calls / race["files"], 1)
        row: tuple[Any, ...] = (
            figures["wallMs"],
            figures["cpuMs"],
            figures["peakMiB"],
            calls or "-",
            each,
        )
        row += (figures.get("removed", "-"), against.get("wall", ""), against.get("cpu", ""))
        table.add_row(name, *map(str, row))
    console.print(table, "\n")


def written(name: str, found: Object, console: Console) -> None:
    """Write results."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    console.print(f"Written to benchmarks/results/{name}\n", highlight=False)


def operator(console: Console, names: set[str], *, quick: bool) -> bool:
    """Run the operator's cells; return True if none broke."""
    stages = catalogue.quick() if quick else catalogue.full()
    if names:
        stages = [*stages, *catalogue.large()]
    part = bool(names)
    if part:
        stages = catalogue.only(stages, names)
    real = bool(os.environ.get("KUBEBUILDER_ASSETS"))
    described = machine.described()
    begun = time.time()

    def tell(text: str) -> None:
        console.print(f"[{time.time() - begun:5.0f} s] {text}", highlight=False, markup=False)

    cells = asyncio.run(suite.run(stages, tell, quick=quick))
    verdicts = targets.judge(cells)
    if part:
        verdicts = [one for one in verdicts if one.found is not None]
    console.print()
    report.show(console, cells, verdicts)
    found: Object = {"machine": described, "apiServer": REAL if real else SANDBOX, "quick": quick}
    found |= {"minutes": round((time.time() - begun) / 60, 1)}
    found |= {"targets": [one.row() for one in verdicts]}
    found |= {
        "exponents": {
            "shared": targets.growth(cells),
            "namespaced": targets.growth(cells, "namespaced"),
        }
    }
    stem = "operator-kube-apiserver" if real else "operator"
    # Nobody runs all with a real API server: creating ten thousand tenants alone takes half an hour there.
    suffix = "-quick" if quick else "-part" if part and not real else ""
    written(f"{stem}{suffix}.json", found | {"cells": cells}, console)
    return not any("broken" in figures for figures in cells.values())


def process(console: Console, *, quick: bool) -> None:
    """Race the Job's process."""
    described = machine.described()
    found = races(console, quick=quick)
    verdict = targets.in_pod(found)
    report.verdicts_of(console, [verdict])
    result = {"machine": described, "quick": quick, "targets": [verdict.row()], "races": found}
    written(f"job{'-quick' if quick else ''}.json", result, console)


def keys(console: Console, *, quick: bool) -> None:
    """Measure the key store."""
    from benchmarks import keystore

    described = machine.described()
    found = keystore.measure(quick=quick)
    keystore.show(console, found)
    result = {"machine": described, "quick": quick, **found}
    written(f"keystore{'-quick' if quick else ''}.json", result, console)


def server(console: Console, *, quick: bool) -> None:
    """Race the scan of a server's directories."""
    from benchmarks import scan

    described = machine.described()
    found = scan.measure(100, 3) if quick else scan.measure(1_000, 10)
    show(console, found["server"] | {"action": "scan"})
    show(console, found["commands"] | {"action": "commands on one directory"})
    verdicts = scan.verdicts(found)
    report.verdicts_of(console, verdicts)
    result = {"machine": described, "quick": quick, **found}
    result |= {"targets": [one.row() for one in verdicts]}
    written(f"scan{'-quick' if quick else ''}.json", result, console)


def resident(console: Console, *, quick: bool) -> None:
    """Measure the watch of a server."""
    from benchmarks import watch

    described = machine.described()
    found = watch.measure(quick=quick, tell=console.print)
    watch.show(console, found)
    verdicts = watch.verdicts(found)
    report.verdicts_of(console, verdicts)
    result = {"machine": described, "quick": quick, **found}
    result |= {"targets": [one.row() for one in verdicts]}
    written(f"watch{'-quick' if quick else ''}.json", result, console)


def archives(console: Console, *, quick: bool) -> None:
    """Measure backups and restores."""
    from benchmarks import backup

    described = machine.described()
    found = backup.measure(quick=quick, tell=console.print)
    backup.show(console, found)
    verdicts = backup.verdicts(found)
    report.verdicts_of(console, verdicts)
    result = {"machine": described, "quick": quick, **found}
    result |= {"targets": [one.row() for one in verdicts]}
    written(f"backup{'-quick' if quick else ''}.json", result, console)


def fleet(console: Console, *, quick: bool) -> None:
    """Measure restores of a fleet."""
    from benchmarks import disaster

    described = machine.described()
    found = disaster.measure(quick=quick, tell=console.print)
    disaster.show(console, found)
    verdicts = disaster.verdicts(found)
    report.verdicts_of(console, verdicts)
    result = {"machine": described, "quick": quick, **found}
    result |= {"targets": [one.row() for one in verdicts]}
    written(f"disaster{'-quick' if quick else ''}.json", result, console)


def divided(console: Console, *, quick: bool, size: int = 0) -> None:
    """Measure one operator and two that share the same fleet, of `size` tenants if given."""
    from benchmarks import sharding

    described = machine.described()
    found = asyncio.run(sharding.measure(quick=quick, tell=console.print, size=size))
    sharding.show(console, found)
    result = {"machine": described, "quick": quick, **found}
    suffix = "-part" if size else "-quick" if quick else ""
    written(f"shards{suffix}.json", result, console)


def main() -> int:
    """Run all or parts; return the exit code: 1 if a measurement failed."""
    known = catalogue.named([*catalogue.full(), *catalogue.large(), *catalogue.quick()])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few cells, in less than three minutes"
    )
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)} or cells: {', '.join(known)}")
    arguments = parser.parse_args()
    parts = set(arguments.parts)
    sizes = {part for part in parts if re.fullmatch(r"shards-[1-9][0-9]{1,5}", part)}
    if wrong := parts - set(known) - set(PARTS) - sizes:
        parser.error(
            f"unknown: {', '.join(sorted(wrong))}; there are {', '.join((*PARTS, *known))}"
        )
    console = Console(width=None if sys.stdout.isatty() else 150)
    sound = True
    if not parts or parts - set(PARTS[1:]) - sizes:
        sound = operator(console, parts & set(known), quick=arguments.quick)
    if not parts or "job" in parts:
        process(console, quick=arguments.quick)
    if not parts or "scan" in parts:
        server(console, quick=arguments.quick)
    if not parts or "watch" in parts:
        resident(console, quick=arguments.quick)
    if not parts or "keystore" in parts:
        keys(console, quick=arguments.quick)
    if not parts or "backup" in parts:
        archives(console, quick=arguments.quick)
    if not parts or "disaster" in parts:
        fleet(console, quick=arguments.quick)
    if not parts or "shards" in parts:
        divided(console, quick=arguments.quick)
    for part in sorted(sizes):
        divided(console, quick=arguments.quick, size=int(part.removeprefix("shards-")))
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
