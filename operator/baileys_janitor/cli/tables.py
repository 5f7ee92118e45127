"""Tables and the lines around them, made from the same documents that `-o json` prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TypeAlias

from baileys_janitor.cli import formatting
from baileys_janitor.cli.output import console, write
from baileys_janitor.cli.reporting import Said, merged
from baileys_janitor.policy.findings import ADVICE, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from baileys_janitor.cli.json_output import DirectoryDocument

    Cell: TypeAlias = str | Text

KIND_HEADINGS: Final = {
    "creds": "CREDS",
    "appStateSync": "APP-STATE",
    "lidMapping": "LID-MAP",
    "preKey": "PRE-KEY",
    "session": "SESSION",
    "senderKey": "SENDER-KEY",
    "senderKeyMemory": "SK-MEMORY",
    "deviceList": "DEV-LIST",
    "tcToken": "TC-TOKEN",
    "identityKey": "ID-KEY",
    "other": "OTHER",
}
LEVEL_STYLES: Final = {
    "Healthy": "green",
    "Warning": "yellow",
    "Critical": "red",
    "Emergency": "bold white on red",
    "Unknown": "dim",
}
WORST_FIRST: Final = ("Emergency", "Critical", "Warning", "Healthy", "Unknown")


def level_cell(level: str) -> Cell:
    """Return a level, coloured at a terminal."""
    if not sys.stdout.isatty():
        return level
    from rich.text import Text

    return Text(level, style=LEVEL_STYLES.get(level, ""))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to standard output."""
    write("".join(f"{line.rstrip()}\n" for line in lines))


def _print_rich(lines: Iterable[RenderableType]) -> None:
    out = console(sys.stdout)
    with out.capture() as captured:
        for line in lines:
            out.print(line)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[Cell]], right: Iterable[str] = ()
) -> None:
    """Print columns under headings, two spaces apart; those named in `right` are aligned right."""
    numeric = set(right)
    if not sys.stdout.isatty():
        print_lines(plain_table(headings, rows, numeric))
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold"
    )
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    _print_rich([table])


def plain_table(
    headings: Sequence[str], rows: Iterable[Sequence[Cell]], right: Container[str]
) -> Iterator[str]:
    """Return the lines of a table for a pipe or a file: to load and use rich would take longer than the scan."""
    lines = [list(headings), *([str(cell) for cell in row] for row in rows)]
    columns = []
    for heading, *cells in zip(*lines, strict=True):
        widths = [_width(cell) for cell in (heading, *cells)]
        widest = max(widths)
        padding = [" " * (widest - width) for width in widths]
        pairs = zip((heading, *cells), padding, strict=True)
        columns.append([gap + cell if heading in right else cell + gap for cell, gap in pairs])
    return map("  ".join, zip(*columns, strict=True))


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def name_heading(directories: Sequence[DirectoryDocument]) -> str:
    """Return COMPANY when every directory has one, else PATH."""
    return "COMPANY" if all(found["company"] for found in directories) else "PATH"


def name_of(found: DirectoryDocument, heading: str) -> str:
    return (found["company"] or found["path"]) if heading == "COMPANY" else found["path"]


def scan_table(directories: Sequence[DirectoryDocument], now: float, *, wide: bool) -> None:
    """Print one row a directory; wide adds the kinds, the identity and the path."""
    if not directories:
        return
    name = name_heading(directories)
    headings = [name, "LEVEL", "FILES", "LIMIT", "TOTAL", "RECLAIMABLE", "SIZE", "ACTIVE", "OLDEST"]
    if wide:
        headings += ["PROTECTED", *KIND_HEADINGS.values(), "IDENTITY"]
        headings += ["PATH"] if name == "COMPANY" else []
    rows = [_scan_row(found, headings, now) for found in directories]
    print_table(headings, rows, set(headings) - {name, "PATH", "LEVEL", "IDENTITY"})


def _scan_row(found: DirectoryDocument, headings: Sequence[str], now: float) -> list[Cell]:
    cells: dict[str, Cell] = {
        "COMPANY": found["company"] or "-",
        "PATH": found["path"],
        "LEVEL": level_cell(found["level"]),
        "FILES": str(found["counted"]),
        "LIMIT": str(found["limit"]),
        "TOTAL": str(found["total"]),
        "RECLAIMABLE": str(found["reclaimable"]),
        "SIZE": "-" if found["bytes"] is None else formatting.size(found["bytes"]),
        "ACTIVE": formatting.age_of(found["lastActivity"], now),
        "OLDEST": formatting.age_of(found["oldest"], now),
        "PROTECTED": str(found["protected"]),
        "IDENTITY": found["identity"],
    }
    cells |= {KIND_HEADINGS[kind]: str(number) for kind, number in found["byKind"].items()}
    return [cells[heading] for heading in headings]


def summary_line(directories: Sequence[DirectoryDocument]) -> str:
    """Return `12 directories: 1 Emergency, 11 Healthy; 2,031 files, 310 reclaimable, 1.2 MiB`."""
    levels = [found["level"] for found in directories]
    by_level = ", ".join(
        f"{levels.count(level)} {level}" for level in WORST_FIRST if level in levels
    )
    files = formatting.counted(sum(found["total"] for found in directories), "file")
    reclaimable = sum(found["reclaimable"] for found in directories)
    total_size = formatting.size(sum(found["bytes"] or 0 for found in directories))
    head = formatting.counted(len(directories), "directory")
    return f"{head}: {by_level}; {files}, {reclaimable:,} reclaimable, {total_size}"


_ADVICE_AT_MOST: Final = 10


def advice_lines(directories: Sequence[DirectoryDocument], *, every: bool) -> list[str]:
    """Return what is worth knowing and no fault, gravest first; the first ten unless `every` is asked for.

    Faults are on standard error already.
    """
    name = name_heading(directories)
    places = list(SEVERITIES)
    given = sorted(
        (
            (
                places.index(each["code"]),
                Said(name_of(found, name), each["message"], each["commands"]),
            )
            for found in directories
            for each in found["findings"]
            if each["severity"] == ADVICE
        ),
        key=lambda pair: pair[0],
    )
    said = merged((each for _, each in given), every=every)
    shown = said if every else said[:_ADVICE_AT_MOST]
    lines = []
    for each in shown:
        lines += [f"{each.name}: {each.text}", *(f"  {command}" for command in each.commands)]
    if len(said) > len(shown):
        lines.append(f"... and {len(said) - len(shown)} more (-o wide shows all)")
    return lines
