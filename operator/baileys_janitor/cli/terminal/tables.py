"""Tables and the lines around them, made from the same documents that `-o json` prints."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, TypeAlias

from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.columns import CUT, Styled, fitted, rendered
from baileys_janitor.cli.terminal.output import (
    coloured,
    encodable,
    folded,
    has_colours,
    terminal_width,
    write,
)
from baileys_janitor.cli.terminal.reporting import Said, merged
from baileys_janitor.policy.findings import ADVICE, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from baileys_janitor.cli.terminal.json_output import DirectoryDocument

    Cell: TypeAlias = str

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
    "Healthy": "32",
    "Warning": "33",
    "Critical": "31",
    "Emergency": "1;37;41",
    "Unknown": "2",
}
NAMES: Final = frozenset({"COMPANY", "DIRECTORY", "FILE", "NAME", "PATH"})
"""Headings of columns that may be cut in the middle; ids are not, since people paste them."""
WORST_FIRST: Final = ("Emergency", "Critical", "Warning", "Healthy", "Unknown")


def level_cell(level: str) -> Cell:
    """Return a level, coloured at a terminal."""
    return Styled.of(level, LEVEL_STYLES.get(level, ""))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to standard output."""
    write("".join(f"{line.rstrip()}\n" for line in lines))


def print_prose(lines: Iterable[str]) -> None:
    """Print sentences, wrapped between words at a terminal; a line that begins with blanks is a command and is not."""
    width = terminal_width(sys.stdout)
    print_lines(part for line in lines for part in folded(line, width))


def print_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    right: Iterable[str] = (),
    *,
    drop: Sequence[str] = (),
    cut: Container[str] = NAMES,
    fold: str | None = None,
    wide: bool = False,
) -> None:
    """Print columns under headings, two spaces apart; those named in `right` are aligned right.

    At a terminal that is too narrow, the columns of `drop` are left out, then those of `cut` (names and paths) are
    cut in the middle, and the column `fold` is wrapped; never with `wide`, and never in a pipe.
    """
    table, numeric = [list(row) for row in rows], set(right)
    width = terminal_width(sys.stdout)
    if width is None:
        print_lines(plain_table(headings, table, numeric))
        return
    if not wide:
        mark = CUT if encodable(CUT) else "~"
        headings, table = fitted(headings, table, width, drop=drop, cut=cut, fold=fold, mark=mark)
    print_lines(rendered(headings, table, numeric, coloured if has_colours(sys.stdout) else None))


def plain_table(
    headings: Sequence[str], rows: Iterable[Sequence[Cell]], right: Container[str]
) -> Iterable[str]:
    """Return the lines of a table for a pipe or a file."""
    return rendered(headings, rows, right)


def name_heading(directories: Sequence[DirectoryDocument]) -> str:
    """Return COMPANY when every directory has one, else PATH."""
    return "COMPANY" if all(found["company"] for found in directories) else "PATH"


def name_of(found: DirectoryDocument, heading: str) -> str:
    return (found["company"] or found["path"]) if heading == "COMPANY" else found["path"]


_SPARED: Final = ("OLDEST", "TOTAL", "LIMIT", "SIZE")


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
    text = {name, "PATH", "LEVEL", "IDENTITY"}
    print_table(headings, rows, set(headings) - text, drop=_SPARED, wide=wide)


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
    """Return lines of advice, most severe first; only the first ten messages unless `every` is true.

    Faults are already on standard error.
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
