"""Prints runs and the results of undo for people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.tables import print_lines, print_table
from baileys_janitor.volume.runs.undo import EXPLANATIONS

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from baileys_janitor.cli.terminal.json_output import RunDocument, UndoDocument


def print_runs(directories: Sequence[tuple[str, Sequence[RunDocument]]]) -> None:
    """Print a row for each run that can be undone, newest first within its directory."""
    now = time.time()
    rows = [
        [
            name,
            each["run"],
            formatting.age_of(each["time"], now),
            each["reason"],
            str(each["files"]),
            formatting.size(each["bytes"]),
        ]
        for name, runs in directories
        for each in runs
    ]
    if not rows:
        print_lines(["There is no run to put back: the trash is empty."])
        return
    headings = ["DIRECTORY", "RUN", "AGE", "REASON", "FILES", "SIZE"]
    print_table(headings, rows, {"FILES", "SIZE"}, drop=("REASON", "SIZE"))


def print_undone(directories: Sequence[UndoDocument], failed: Container[str]) -> None:
    """Print a line for each directory; list the skipped files unless the directory is in `failed`."""
    lines = []
    for each in directories:
        would = "" if each["applied"] else "would be "
        done = []
        if each["restored"] or not each["takenAway"]:
            files = formatting.counted(each["restored"], "file")
            done.append(f"{files} of run {each['run']} {would}put back")
        if each["takenAway"]:
            files = formatting.counted(each["takenAway"], "file")
            done.append(f"{files} that run {each['run']} had restored {would}taken away again")
        lines.append(f"{each['path']}: {', and '.join(done)}.")
        if each["skipped"] and each["path"] not in failed:
            lines.append(f"  {skipped_text(each['skipped'])}")
    print_lines(lines)


def skipped_text(skipped: dict[str, int]) -> str:
    """Return the numbers of skipped files, by reason."""
    parts = []
    for code, number in skipped.items():
        verb = "stays" if number == 1 else "stay"
        why = EXPLANATIONS.get(code, code)
        parts.append(f"{formatting.counted(number, 'file')} {verb} in the trash. {why}")
    return " ".join(parts)
