"""Backups of rows, as documents and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from baileys_janitor.backup.latest import fingerprint_of
from baileys_janitor.backup.names import tenant_of
from baileys_janitor.cli.backup.back_up import repository_document
from baileys_janitor.cli.backup.tables import cells, has_first, stranger_notes, summary
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.tables import print_prose, print_table
from baileys_janitor.keystore.results import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.backup.results import BackupResult
    from baileys_janitor.cli.backup.documents import RepositoryDocument
    from baileys_janitor.cli.terminal.reporting import Problems


class RowsBackupDocument(TypedDict):
    """A backup of one session's rows. `forgotten` is the reason why the database could not record it."""

    session: str
    tenant: str
    outcome: str
    code: str | None
    message: str | None
    time: str | None
    rows: int
    fingerprint: str | None
    forgotten: str | None
    duration: float
    repositories: list[RepositoryDocument]


def backup_document(session: str, result: BackupResult) -> RowsBackupDocument:
    """Return the document of a backup; numbers in the session's name are masked."""
    return {
        "session": masked(session),
        "tenant": tenant_of(session),
        "outcome": result.outcome,
        "code": result.code,
        "message": result.message,
        "time": formatting.rfc3339(result.time),
        "rows": result.files,
        "fingerprint": str(fingerprint_of(result)) if result.fingerprint else None,
        "forgotten": result.forgotten,
        "duration": round(result.seconds, 3),
        "repositories": [repository_document(each) for each in result.repositories],
    }


def problem_documents(problems: Problems) -> list[dict[str, Any]]:
    """Return problems by session."""
    return [
        {"session": each["path"], "code": each["code"], "message": each["message"]}
        for each in problems.documents
    ]


def print_backups(documents: Sequence[RowsBackupDocument], now: float) -> None:
    """Print a row for each session and repository, and notes."""
    rows = []
    for document in documents:
        name = document["session"]
        if document["outcome"] == "NothingToDo":
            rows.append([name, "-", "not paired yet", "-", "-", "-", "-"])
        rows += [
            [name, each["name"], *cells(document["rows"], each, now)]
            for each in document["repositories"]
        ]
    headings = ["SESSION", "REPOSITORY", "OUTCOME", "ROWS", "SIZE", "ARCHIVES", "OLDEST"]
    right = {"ROWS", "SIZE", "ARCHIVES", "OLDEST"}
    if all(len(each["repositories"]) <= 1 for each in documents):
        headings.remove("REPOSITORY")
        rows = [[row[0], *row[2:]] for row in rows]
    if rows:
        print_table(headings, rows, right, drop=("OLDEST", "ROWS"))
    print_prose(_notes(documents))


def _notes(documents: Sequence[RowsBackupDocument]) -> list[str]:
    repositories = [each["repositories"] for each in documents]
    lines = [summary(repositories)]
    for document in documents:
        lines += _notes_of(document)
    if has_first(repositories):
        lines.append(
            "Keep the fingerprints of the sessions beside the secret key: keystore fingerprints prints them, with the"
            " same options for the database."
        )
    return lines


def _notes_of(document: RowsBackupDocument) -> list[str]:
    name = document["session"]
    lines = []
    if document["forgotten"]:
        lines.append(
            f"{name}: the database could not remember the archive ({document['forgotten']}), so retention passes it "
            f"over, and a drill asks for the fingerprint: {document['fingerprint']}"
        )
    for each in document["repositories"]:
        lines += stranger_notes(name, each, "database", "database")
    return lines
