"""Writes the results into docs/benchmarks.md between its two marks: `python -m benchmarks.document`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import backup, disaster, keystore, sharding
from benchmarks.operator.report import STEADY, ratios, shown

Object = dict[str, Any]
HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE / "results", HERE.parent / "docs/benchmarks.md"
BEGIN, END = "<!-- Written by make plot. -->\n", "<!-- Until here. -->\n"
MARKS = {None: "not measured", True: "met", False: "**missed**"}


def main() -> int:
    """Write the results."""
    found = [json.loads((RESULTS / name).read_text()) for name in ("operator.json", "job.json")]
    real = RESULTS / "operator-kube-apiserver.json"
    found.append(json.loads(real.read_text()) if real.exists() else {})
    for name in ("keystore.json", "scan.json", "backup.json", "disaster.json", "shards.json"):
        path = RESULTS / name
        found.append(json.loads(path.read_text()) if path.exists() else {})
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    text = "\n".join(["", *sections(*found), ""])
    PAGE.write_text(before + BEGIN + text + END + rest.partition(END)[2], "utf-8")
    print("Written: docs/benchmarks.md")
    return 0


def sections(
    operator: Object,
    job: Object,
    real: Object,
    stored: Object,
    server: Object,
    archived: Object,
    lost: Object,
    divided: Object | None = None,
) -> Iterator[str]:
    """Yield the results as Markdown, line by line.

    `real` are those with a kube-apiserver, `stored` those of keys in PostgreSQL, `server` those of the command line,
    `archived` those of backups, `lost` those of a restored fleet, and `divided` those of two operators that share a
    fleet, if there are any.
    """
    yield _machine(operator)
    yield ""
    yield from table(
        ("target", "at most or exactly", "measured", ""),
        (
            (
                one["measure"],
                one["target"].removeprefix("at most "),
                one["found"] or "-",
                MARKS[one["met"]],
            )
            for one in [*operator["targets"], *job["targets"]]
        ),
    )
    yield ""
    yield "Steady states:"
    yield ""
    yield from _steady(operator)
    yield ""
    if real:
        yield f"The same against etcd and kube-apiserver, {real['machine']['time'][:10]}:"
        yield ""
        yield from _steady(real)
        yield ""
    yield from (f"- {line}" for line in ratios(operator["cells"]))
    yield ""
    yield "The Job's process; medians, wall and CPU in milliseconds, memory in MiB:"
    yield ""
    yield from table(
        ("race", "process", "wall", "CPU", "peak", "system calls", "removed"),
        (
            (f"{race['action']} {race['files']:,}", name, *_cells(figures))
            for race in job["races"]
            for name, figures in race["figures"].items()
        ),
    )
    if server:
        yield ""
        yield from server_section(server)
    if archived:
        yield ""
        yield from backup_section(archived)
    if lost:
        yield ""
        yield from disaster_section(lost)
    if divided:
        yield ""
        yield from sharding_section(divided)
    if stored:
        yield ""
        yield f"Keys in PostgreSQL, {_begun(stored)}:"
        yield ""
        yield from table(("measure", "target", "measured"), keystore.lines(stored))


def server_section(found: Object) -> Iterator[str]:
    """Yield the cost of the command line's scans, as Markdown."""
    server, commands = found["server"], found["commands"]
    what = f"scan of {server['directories']:,} directories of {server['files'] // server['directories']} files"
    yield f"The command line, {_begun(found)}:"
    yield ""
    yield from table(("target", "at most", "measured"), _kept(found["targets"]))
    yield ""
    yield f"A {what}, and commands on one of them; medians as above:"
    yield ""
    yield from table(
        ("race", "process", "wall", "CPU", "peak", "system calls"),
        (
            (
                f"scan {race['files']:,}" if race is server else "one directory",
                name,
                *_cells(figures)[:4],
            )
            for race in (server, commands)
            for name, figures in race["figures"].items()
        ),
    )


def backup_section(found: Object) -> Iterator[str]:
    """Yield the cost of backups and restores, as Markdown."""
    yield f"Backups to an S3 server, {_begun(found)}:"
    yield ""
    yield from table(("target", "at most", "measured"), _kept(found["targets"]))
    yield ""
    yield f"A session of {found['files']} files; medians of {found['runs']} runs:"
    yield ""
    yield from table(backup.HEADINGS, backup.rows(found))
    yield ""
    yield from (f"- {note}" for note in backup.notes(found))


def disaster_section(found: Object) -> Iterator[str]:
    """Yield the cost of restoring a fleet, as Markdown."""
    yield f"A fleet from its archives, {_begun(found)}:"
    yield ""
    yield from table(("target", "at most", "measured"), _kept(found["targets"]))
    yield ""
    yield f"A session of {found['files']} files; medians of {found['runs']} runs:"
    yield ""
    yield from table(disaster.HEADINGS, disaster.rows(found))
    yield ""
    yield from (f"- {note}" for note in disaster.notes(found))


def sharding_section(found: Object) -> Iterator[str]:
    """Yield the cost of two operators that share a fleet, compared with one, as Markdown."""
    yield f"A fleet by one operator and by two with a shard each, {_begun(found)}:"
    yield ""
    yield from table(sharding.HEADINGS, sharding.rows(found))
    yield ""
    yield (
        f"{found['tenants']:,} tenants in {found['namespaces']} namespaces, at the same time on one machine, for "
        f"{found['minutes']:g} minutes. Three replicas are computed: CPU of the window for as many scans as one had."
    )


def _kept(targets: Iterable[Object]) -> Iterator[tuple[str, str, str]]:
    for one in targets:
        found = one["found"] or "-"
        yield (
            one["measure"],
            one["target"].removeprefix("at most "),
            f"{found}, {MARKS[one['met']]}",
        )


def _begun(found: Object) -> str:
    on = found["machine"]
    return f"{on['time'][:10]}, {on['cores']} cores; the load was {on['loadAtStart']} when it began"


def _steady(found: Object) -> Iterator[str]:
    return table(
        ("cell", *(heading.capitalize() for heading, _ in STEADY)),
        (
            (name, *(shown(of(figures)) for _, of in STEADY))
            for name, figures in found["cells"].items()
            if "jobsPerMinute" in figures
        ),
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table, line by line; with many columns, all but the first are aligned right."""
    few = 4
    yield f"| {' | '.join(headings)} |"
    rest = ["---:" if len(headings) > few else "---"] * (len(headings) - 1)
    yield f"|{'|'.join(['---', *rest])}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _cells(figures: Object) -> list[str]:
    names = ("wallMs", "cpuMs", "peakMiB", "syscalls", "removed")
    return [shown(figures.get(name)) for name in names]


def _machine(operator: Object) -> str:
    on = operator["machine"]
    return (
        f"Measured {on['time'][:10]} on {on['cores']} cores, {on['memoryGiB']} GiB, {on['system']} {on['kernel']} "
        f"({on['architecture']}),\nPython {on['python']}, against {operator['apiServer']}, in "
        f"{operator['minutes']} minutes; the load was {on['loadAtStart']} when it began."
    )


if __name__ == "__main__":
    sys.exit(main())
