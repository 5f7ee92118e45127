"""Prints cleanups and their dry runs for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from baileys_janitor.cli.cleanup.applying import sentence_of
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.tables import (
    level_cell,
    name_heading,
    name_of,
    print_lines,
    print_table,
)

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from baileys_janitor.cli.terminal.json_output import CleanDocument
    from baileys_janitor.cli.terminal.tables import Cell


def print_cleanups(
    directories: Sequence[CleanDocument],
    failed: Container[str],
    *,
    applied: bool,
    wide: bool,
    roots: Sequence[str],
    to_apply: str,
    to_undo: Sequence[str] = (),
) -> None:
    """Print a row for each directory, then the reasons over all of them, the files if requested, and the sum.

    `failed` are the paths whose message is already on standard error. `roots` has for each directory the path that
    was given. `to_apply` is the command that removes the files of a dry run, `to_undo` are the options with which
    an undo selects the same directories.
    """
    name = name_heading(directories)
    _directories(directories, name, applied=applied, wide=wide)
    removed = sum(found["removed"] for found in directories)
    if removed:
        _why(directories, applied=applied)
    if wide:
        _what_stays(directories)
    if any("files" in found for found in directories):
        _files(directories, name, wide=wide)
    messages = [
        f"{name_of(found, name)}: {found['message']}"
        for found in directories
        if found["message"] and found["path"] not in failed
    ]
    print_lines(
        [
            "",
            *messages,
            *_ending(
                directories,
                removed,
                applied=applied,
                roots=roots,
                to_apply=to_apply,
                to_undo=to_undo,
            ),
        ]
    )


def _directories(
    directories: Sequence[CleanDocument], name: str, *, applied: bool, wide: bool
) -> None:
    what = "REMOVED" if applied else "WOULD-GO"
    headings = [name, "LEVEL", "FILES", "AFTER", "LIMIT", what, "LEFT", "SIZE", "OUTCOME"]
    rows: list[list[Cell]] = [
        [
            name_of(found, name),
            level_cell(found["level"]),
            str(found["before"]),
            str(found["after"]),
            str(found["limit"]),
            str(found["removed"]),
            str(found["left"]),
            formatting.size(found["freedBytes"]),
            found["outcome"],
        ]
        for found in directories
    ]
    numeric = {"FILES", "AFTER", "LIMIT", what, "LEFT", "SIZE"}
    print_table(headings, rows, numeric, drop=("LIMIT", "SIZE", "LEFT"), wide=wide)


def _why(directories: Sequence[CleanDocument], *, applied: bool) -> None:
    kinds: Counter[str] = Counter()
    why: Counter[str] = Counter()
    for found in directories:
        kinds.update(found["removedByKind"])
        why.update(found["reasons"]["removed"])
    verb = "went" if applied else "would go"
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common() if number)
    print_lines(["", f"What {verb}: {listed}"])
    _reasons(why)


def _what_stays(directories: Sequence[CleanDocument]) -> None:
    why: Counter[str] = Counter()
    for found in directories:
        why.update(found["reasons"]["kept"])
    if why:
        print_lines(["", "What stays:"])
        _reasons(why)


def _reasons(why: Counter[str]) -> None:
    rows = [[str(number), code, sentence_of(code)] for code, number in why.most_common()]
    print_table(["FILES", "REASON", "WHY"], rows, {"FILES"}, fold="WHY")


def _files(directories: Sequence[CleanDocument], name: str, *, wide: bool) -> None:
    rows = [
        [
            name_of(found, name),
            each["kind"],
            each["reason"],
            each["lastWritten"] or "-",
            each["name"],
        ]
        for found in directories
        for each in found.get("files", [])
    ]
    if rows:
        print_lines([""])
        headings = [name, "KIND", "REASON", "LAST-WRITTEN", "FILE"]
        print_table(headings, rows, drop=("LAST-WRITTEN", "KIND"), wide=wide)


def _ending(
    directories: Sequence[CleanDocument],
    removed: int,
    *,
    applied: bool,
    roots: Sequence[str],
    to_apply: str,
    to_undo: Sequence[str],
) -> list[str]:
    freed = formatting.size(sum(found["freedBytes"] for found in directories))
    files = formatting.counted(removed, "file")
    if applied:
        runs = [each for each in zip(directories, roots, strict=True) if each[0]["run"] is not None]
        if not runs:
            idle = all(found["outcome"] == "NothingToDo" for found in directories)
            return ["Nothing was removed: there is nothing to remove."] if idle else []
        where = f" in {formatting.counted(len(runs), 'directory')}" if len(runs) > 1 else ""
        undo = _undo([each for each in runs if each[0]["inTrash"]], to_undo)
        return [*_applied(runs, f"{files}, {freed},", where, undo), *_besides(directories)]
    if not removed:
        if any(found["outcome"] not in {"NothingToDo", "DryRun"} for found in directories):
            # It is unknown whether there are files to remove.
            return ["Nothing was or would be removed: the errors above prevent it."]
        return ["Nothing was removed, and there is nothing to remove."]
    return [f"Nothing was removed. To remove {files}, {freed}: {to_apply}"]


def _applied(
    runs: Sequence[tuple[CleanDocument, str]], files: str, where: str, undo: str
) -> list[str]:
    """Return lines with the number of removed files, and the command that puts them back if possible."""
    gone = [found for found, _ in runs if not found["inTrash"]]
    if not gone:
        return [f"{files} moved to the trash{where}. To put them back: {undo}"]
    lines = [f"{files} removed{where}."]
    if len(gone) < len(runs):
        lines.append(f"To put back what is in the trash: {undo}")
    return lines + [
        f"{found['company'] or found['path']}: cannot be put back, because the disk was full or the undo window is 0s."
        for found in gone
    ]


def _besides(directories: Sequence[CleanDocument]) -> list[str]:
    """Return notes: trash that was deleted early, files that came back."""
    lines = []
    early = sum(found["purgedEarly"] for found in directories)
    if early:
        lines.append(
            f"{formatting.counted(early, 'file')} of earlier runs were deleted before the undo window was over: "
            "the disk was full, or the trash held 5,000 files."
        )
    returned = sum(found["returned"] for found in directories)
    if returned:
        lines.append(
            f"{formatting.counted(returned, 'file')} came back during the run: a running process wrote them again, "
            "from its cache or for a new message."
        )
    return lines


def _undo(runs: Sequence[tuple[CleanDocument, str]], narrowing: Sequence[str]) -> str:
    """Return the command that undoes a run in all directories that it cleaned beneath the given paths."""
    run = next((found["run"] or "" for found, _ in runs), "")
    paths = dict.fromkeys(root for _, root in runs)
    return command("undo", "--run", run, *narrowing, paths=paths)
