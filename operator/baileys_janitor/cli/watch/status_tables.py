"""The output of `status` for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.tables import level_cell, print_table
from baileys_janitor.cli.watch.backups import cell, in_full

if TYPE_CHECKING:
    from collections.abc import Iterator

    from baileys_janitor.cli.terminal.json_output import StatusDocument, WatchedDocument
    from baileys_janitor.cli.terminal.tables import Cell

NAME_MAX = 24
"""Characters of a name that a narrow table shows."""


def print_status(document: StatusDocument, *, in_full: bool, wide: bool) -> None:
    """Print the watch's own line, a row for each directory, and their problems (or all details)."""
    now = _seconds(document["time"]) or 0.0
    write(f"{_head(document, now)}\n")
    directories = document["directories"]
    if not directories:
        write("It knows no session directory yet.\n")
        return
    headings = ["NAME", "LEVEL", "FILES", "LIMIT", "SCANNED", "CLEANED", "COOLDOWN"]
    archived = any(each["backup"] is not None for each in directories)
    headings += ["BACKUP"] if archived else []
    headings += ["NEXT", "PATH"] if wide else ["NEXT"]
    rows = [_row(each, now, archived=archived, wide=wide) for each in directories]
    numeric = {"FILES", "LIMIT", "SCANNED", "CLEANED", "COOLDOWN", "BACKUP"}
    print_table(headings, rows, numeric, drop=("LIMIT", "SCANNED", "COOLDOWN"), wide=wide)
    for each in directories:
        for line in _in_full(each, now) if in_full else _troubles(each):
            write(f"{line}\n")


def _head(document: StatusDocument, now: float) -> str:
    watch = document["watch"]
    running = {
        True: "A watch is running",
        False: "No watch is running",
        None: "It is not known whether a watch is running",
    }[watch["running"]]
    saved = _seconds(watch["saved"])
    age = "" if saved is None else f", saved {formatting.age(max(0.0, now - saved))} ago"
    return f"{running}. State: {watch['state']}{age}"


def _row(each: WatchedDocument, now: float, *, archived: bool, wide: bool) -> list[Cell]:
    name, last = each["name"], each["lastCleanup"]
    if not wide and len(name) > NAME_MAX:
        name = f"{name[: NAME_MAX - 9]}...{name[-6:]}"
    cells: list[Cell] = [
        name,
        level_cell(each["level"]),
        _number(each["counted"]),
        _number(each["limit"]),
        formatting.age_of(each["lastScan"], now),
        "-" if last is None else formatting.age_of(last["time"], now),
        _ahead(each["cooldownUntil"], now),
    ]
    cells += [cell(each["backup"], now)] if archived else []
    cells.append(_next(each, now))
    return [*cells, each["path"]] if wide else cells


def _next(each: WatchedDocument, now: float) -> str:
    if each["goneSince"] is not None:
        return "gone"
    if each["nextCleanup"] is None:
        return "-"
    return f"{each['nextCleanupReason']} {_ahead(each['nextCleanup'], now, soon='now')}"


def _ahead(text: str | None, now: float, soon: str = "-") -> str:
    when = _seconds(text)
    if when is None or when <= now:
        return soon
    return formatting.age(when - now) if soon == "-" else f"in {formatting.age(when - now)}"


def _number(number: int | None) -> str:
    return "-" if number is None else str(number)


def _troubles(each: WatchedDocument) -> Iterator[str]:
    for problem in each["problems"]:
        yield f"{each['name']}: {problem['message']}"


def _in_full(each: WatchedDocument, now: float) -> Iterator[str]:
    yield f"\n{each['name']}: {each['path']}"
    if each["next"]:
        yield f"  Next: {each['next']}"
    last = each["lastCleanup"]
    if last is not None:
        about = f"{last['reason']}, {last['outcome']}, {formatting.age_of(last['time'], now)} ago"
        yield f"  Last cleanup: {about}: {last['message'] or 'no message'}"
    if each["backup"] is not None:
        yield from in_full(each["backup"], now)
    for problem in each["problems"]:
        yield f"  {problem['type']}: {problem['message']}"
    # The path may show a number that the name masks; here a person asked for it.
    yield f"  To clean it now: {command('clean', '--apply', paths=[each['path']])}"


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
