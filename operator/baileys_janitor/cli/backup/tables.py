"""Prints backups, archives and drills for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.pasting import command
from baileys_janitor.cli.terminal.tables import print_lines, print_prose, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.backup.documents import (
        ArchivesDocument,
        BackupDocument,
        DrillDocument,
        RepositoryDocument,
    )

_OUTCOMES: Final = {"Put": "put", "Unchanged": "unchanged", "Failed": "failed"}
_FEW: Final = 3
_KNOWN: Final = (
    "KNOWN is yes where the session's directory has recorded the archive. Others are older than its memory, of"
    " another server, or forged: none of them is the latest one while one is known."
)


def name_of(path: str | None, company: str | None, tenant: str) -> str:
    """Return a session's name in a row."""
    return company or path or tenant


def print_backups(documents: Sequence[BackupDocument], now: float, paths: Sequence[str]) -> None:
    """Print a row for each session and repository, and notes."""
    several = any(len(each["repositories"]) > 1 for each in documents)
    heading = "COMPANY" if all(each["company"] for each in documents) else "PATH"
    headings = [heading, "REPOSITORY", "OUTCOME", "FILES", "SIZE", "ARCHIVES", "OLDEST"]
    rows = []
    for document in documents:
        name = document["company"] if heading == "COMPANY" else document["path"]
        if document["outcome"] == "NothingToDo":
            rows.append([name or "", "-", "not paired yet", "-", "-", "-", "-"])
        rows += [
            [name or "", each["name"], *cells(document["files"], each, now)]
            for each in document["repositories"]
        ]
    if not several:
        headings.remove("REPOSITORY")
        rows = [[row[0], *row[2:]] for row in rows]
    if rows:
        print_table(
            headings, rows, {"FILES", "SIZE", "ARCHIVES", "OLDEST"}, drop=("OLDEST", "FILES")
        )
    print_prose(_notes(documents, paths))


def cells(content: int, found: RepositoryDocument, now: float) -> list[str]:
    """Return the cells for the outcome of one repository; `content` is the number of files or rows read."""
    return [
        _OUTCOMES[found["outcome"]],
        str(content),
        "-" if found["bytes"] is None else formatting.size(found["bytes"]),
        "-" if found["archives"] is None else str(found["archives"]),
        formatting.age_of(found["oldest"], now),
    ]


def _notes(documents: Sequence[BackupDocument], paths: Sequence[str]) -> list[str]:
    repositories = [each["repositories"] for each in documents]
    lines = [summary(repositories)]
    for document in documents:
        lines += _notes_of(document)
    if has_first(repositories):
        lines.append("Keep the fingerprints of the sessions beside the secret key:")
        lines.append(f"  {command('backup', 'fingerprints', paths=paths)}")
    return lines


def summary(sessions: Sequence[Sequence[RepositoryDocument]]) -> str:
    """Return a one-line summary of all sessions and repositories."""
    every = [each for repositories in sessions for each in repositories]
    found = Counter(each["outcome"] for each in every)
    parts = [f"{found[outcome]:,} {word}" for outcome, word in _OUTCOMES.items() if found[outcome]]
    removed = sum(each["removed"] for each in every)
    more = f"; {formatting.counted(removed, 'old archive')} removed" if removed else ""
    counted = formatting.counted(len(sessions), "session")
    return f"{counted}: {', '.join(parts) or 'nothing to put'}{more}"


def has_first(sessions: Sequence[Sequence[RepositoryDocument]]) -> bool:
    """Return whether the first archive of a session was put, as far as known."""
    return any(
        each["outcome"] == "Put" and each["archives"] in (1, None)
        for repositories in sessions
        for each in repositories
    )


def _notes_of(document: BackupDocument) -> list[str]:
    name = name_of(document["path"], document["company"], document["tenant"])
    lines = []
    if document["missing"]:
        files = formatting.counted(document["missing"], "file")
        lines.append(f"{name}: {files} changed at every look, and come with the next archive.")
    if document["unreadable"]:
        files = formatting.counted(document["unreadable"], "file")
        lines.append(f"{name}: {files} torn or not readable, so not archived; scan says more.")
    if document["forgotten"]:
        lines.append(
            f"{name}: the directory could not record the archive ({document['forgotten']}), so a restore will ask"
            f" for the fingerprint: {document['fingerprint']}"
        )
    for each in document["repositories"]:
        lines += stranger_notes(name, each, "directory", "server")
    return lines


def stranger_notes(name: str, found: RepositoryDocument, memory: str, writer: str) -> list[str]:
    """Return notes on foreign archives: `memory` names the record without them, `writer` the kind that may put them."""
    unknown = found["unknown"]
    if unknown is None:
        return []
    lines = []
    if unknown["among"]:
        number = formatting.counted(unknown["among"], "archive")
        lines.append(
            f"{name}: {found['name']} holds {number} that are not on this {memory}'s record and newer than its first:"
            f" another {writer} writes to the same place, or they are forged. Give each {writer} its own prefix."
        )
    if unknown["ahead"]:
        number = formatting.counted(unknown["ahead"], "archive")
        lines.append(
            f"{name}: {found['name']} holds {number} with a time in the future; none of them is used as the latest."
        )
    return lines


def print_archives(documents: Sequence[ArchivesDocument], now: float, *, listed: bool) -> None:
    """Print a row for each archive, or for each session if there are several."""
    if listed:
        _print_each(documents, now)
        return
    rows = [
        [
            name_of(each["path"], each["company"], each["tenant"]),
            str(len(each["archives"])),
            formatting.age_of(each["archives"][0]["time"], now) if each["archives"] else "-",
            formatting.age_of(each["archives"][-1]["time"], now) if each["archives"] else "-",
            formatting.size(each["bytes"]),
        ]
        for each in documents
    ]
    print_table(
        ["NAME", "ARCHIVES", "NEWEST", "OLDEST", "SIZE"],
        rows,
        {"ARCHIVES", "NEWEST", "OLDEST", "SIZE"},
    )


def _print_each(documents: Sequence[ArchivesDocument], now: float) -> None:
    rows = [
        [
            each["name"],
            formatting.age_of(each["time"], now),
            formatting.size(each["bytes"]),
            _known(each["known"], ahead=each["ahead"]),
        ]
        for document in documents
        for each in document["archives"]
    ]
    if not rows:
        print_lines(["There is no archive of this session."])
        return
    print_table(["ARCHIVE", "AGE", "SIZE", "KNOWN"], rows, {"AGE", "SIZE"})
    if any(each["known"] is False for document in documents for each in document["archives"]):
        print_prose([_KNOWN])


def _known(known: bool | None, *, ahead: bool) -> str:
    word = "-" if known is None else "yes" if known else "no"
    return f"{word}, from the future" if ahead else word


def print_drills(documents: Sequence[DrillDocument], now: float, content: str = "FILES") -> None:
    """Print a row for each session, and notes on unverified archives; `content` is the heading for their content."""
    rows = [
        [
            name_of(each["path"], each["company"], each["tenant"]),
            each["outcome"].lower() + (f" ({each['code']})" if each["code"] else ""),
            formatting.age_of(each["time"], now),
            str(each["files"]) if each["files"] else "-",
            formatting.size(each["bytes"]) if each["bytes"] else "-",
            f"{each['duration']:.1f}s",
        ]
        for each in documents
    ]
    print_table(
        ["NAME", "DRILL", "AGE", content, "SIZE", "TOOK"], rows, {"AGE", content, "SIZE", "TOOK"}
    )
    unknown = [each for each in documents if each["outcome"] == "Passed" and not each["vouched"]]
    for each in unknown[:_FEW]:
        name = name_of(each["path"], each["company"], each["tenant"])
        fingerprint = printable(each["fingerprint"] or "")
        text = "no record confirms this archive. Compare its fingerprint with the one that you have recorded"
        print_prose([f"{name}: {text}: {fingerprint}"])
    if len(unknown) > _FEW:
        print_lines([f"... and {len(unknown) - _FEW} more (-o json shows all)"])
