"""Move a session from a directory into the table, and back: for a stopped process, and without overwriting anything.

All rows are written in one transaction, or none. Before it commits, the directory is read once more: if anything was
written meanwhile, the rows would be an older session whose ratchets no longer match the contacts'.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.adapter import OTHER_TYPE, file_name, key_of
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import JSON_TEXT_TWICE, SEPARATOR
from baileys_janitor.keystore.postgres.queries import Queries, identifier, literal, quoted
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.policy.cleanup.guards import refusal
from baileys_janitor.policy.files.file_kinds import CREDS_NAME, OTHER, classify
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.policy.reasons import explain
from baileys_janitor.volume.errors import BUSY, problem_of
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.scanning.credentials import settled_identity

if TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.policy.files.file_entry import Entry

#: A file written within this time shows that the process still runs.
QUIET_SECONDS: Final = 60
_VALUE_BYTES_MAX: Final = 1024 * 1024
_NS: Final = 10**9
_NO_RACE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(slots=True, kw_only=True)
class Transferred:
    """The result of a transfer, or of its dry run.

    `skipped` files or rows are not the library's, `unreadable` ones hold nothing that it could read.
    """

    session: str
    applied: bool
    keys: int = 0
    by_type: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    unreadable: int = 0

    def count(self, key_type: str) -> None:
        """Count a key."""
        self.keys += 1
        self.by_type[key_type] = self.by_type.get(key_type, 0) + 1


def import_session(
    database: Database, facts: Facts, directory: int, session: str, *, now: float, apply: bool
) -> Transferred:
    """Import the files of an open session directory into the tables, as the session of that name.

    Without `apply` nothing is written. Raises KeystoreProblem and VolumeProblem.
    """
    _require_rows(facts)
    entries = _listing(directory)
    _require_quiet(entries, now)
    refused = refusal(settled_identity(directory), len(entries), now)
    if refused is not None:
        raise KeystoreProblem(refused, explain(refused))
    found = Transferred(session=session, applied=apply)
    rows, creds = _read(directory, entries, found)
    inserting = _Inserting(facts)
    with database.transaction(read_only=not apply):
        sessions = Sessions(database, facts)
        if apply and not sessions.lock(session):
            raise KeystoreProblem(BUSY, "A cleanup works on this session: wait for it.")
        _require_absent(sessions, session)
        if apply:
            database.do_many(inserting.keys, [inserting.key(session, *row) for row in rows])
            database.do(inserting.creds, inserting.creds_values(session, creds))
            if _tokens(_listing(directory)) != _tokens(entries):
                raise _still_running()
    return found


def export_session(database: Database, facts: Facts, directory: str, session: str) -> Transferred:
    """Export a session of the tables as files into a directory, which must be empty or absent.

    Raises KeystoreProblem.
    """
    _require_rows(facts)
    found = Transferred(session=session, applied=True)
    with database.transaction(read_only=True):
        creds = database.rows(*creds_statement(facts, session))
        if len(creds) != 1 or creds[0][0] is None:
            raise KeystoreProblem(
                errors.SESSION_MISSING,
                "There are no creds of a session of that name; names are compared exactly.",
            )
        files = _files(database, facts, session, found)
    files[CREDS_NAME] = (creds[0][0], None)  # last: a directory without it is no session yet
    _write(directory, files)
    return found


class _Inserting:
    """The statements that insert keys and creds into a layout's tables."""

    def __init__(self, facts: Facts) -> None:
        layout = facts.layout
        columns = layout.columns
        self._facts = facts
        self._encode_twice = layout.credentials.encoding == JSON_TEXT_TWICE
        names = [columns.session, columns.type, columns.id, columns.value]
        names = [each for each in names if each]
        marks: list[Composable] = [SQL("%s")] * len(names)
        updated = facts.updated
        self._dated = updated is not None and updated.timestamp
        if updated is not None and self._dated:
            names.append(updated.name)
            time: Composable = SQL("to_timestamp(%s::float8)")
            if updated.type != "timestamp with time zone":
                time = SQL("to_timestamp(%s::float8) AT TIME ZONE {}").format(
                    literal(columns.zone or "UTC")
                )
            marks.append(time)
        self.keys = _insert(identifier(facts.keys), names, marks)
        if facts.credentials is not None:
            own = layout.credentials
            self.creds = _insert(
                identifier(facts.credentials), [own.session, own.creds], [SQL("%s")] * 2
            )
        else:
            self.creds = self.keys

    def key(
        self, session: str, key_type: str, ident: str, text: str, written: float
    ) -> list[object]:
        """Return the values of one key's row."""
        layout = self._facts.layout
        if layout.columns.type:
            values: list[object] = [session, key_type, ident, text]
        elif layout.prefixed:
            values = [f"{session}{SEPARATOR}{key_type}-{ident}", text]
        else:
            values = [session, f"{key_type}-{ident}", text]
        return [*values, written] if self._dated else values

    def creds_values(self, session: str, creds: tuple[str, float]) -> list[object]:
        """Return the values of the row of creds."""
        layout = self._facts.layout
        text, written = creds
        text = json.dumps(text) if self._encode_twice else text
        row = layout.credentials.row
        if self._facts.credentials is not None:
            return [session, text]
        if layout.columns.type:
            values: list[object] = [session, row, row, text]
        elif layout.prefixed:
            values = [f"{session}{SEPARATOR}{row}", text]
        else:
            values = [session, row, text]
        return [*values, written] if self._dated else values


def _insert(table: Composable, names: list[str], marks: list[Composable]) -> Composed:
    return SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table, SQL(", ").join(map(quoted, names)), SQL(", ").join(marks)
    )


def _require_rows(facts: Facts) -> None:
    if facts.layout.countable_only:
        raise KeystoreProblem(
            errors.COUNTED_ONLY,
            "A row holds a whole session here: there are no keys to carry over.",
        )
    if facts.keys.hidden:
        raise KeystoreProblem(
            errors.ROW_SECURITY,
            "Row level security may hide rows from this user: use one that sees them all.",
        )


def _require_absent(sessions: Sessions, session: str) -> None:
    listing = sessions.look(session)
    if listing.rows or listing.creds.size is not None:
        raise KeystoreProblem(
            errors.ROWS_EXIST,
            "The table holds rows of a session of that name already, and none of them is ever overwritten: remove "
            "them, or choose another name.",
        )


def _require_quiet(entries: list[Entry], now: float) -> None:
    newest = max((each.mtime_ns for each in entries), default=0)
    if newest > (now - QUIET_SECONDS) * _NS:
        raise _still_running()


def _still_running() -> KeystoreProblem:
    return KeystoreProblem(
        errors.STILL_RUNNING,
        f"The session's process still runs (a file was written within {QUIET_SECONDS} seconds): stop it first, or "
        "its next writes would be missing in the table.",
    )


def _listing(directory: int) -> list[Entry]:
    entries = read_listing(directory).entries
    if entries is None:
        raise KeystoreProblem("TooManyFiles", explain("TooManyFiles"))
    return entries


def _tokens(entries: list[Entry]) -> set[tuple[object, ...]]:
    return {(each.name, each.inode, each.size, each.mtime_ns) for each in entries}


def _read(
    directory: int, entries: list[Entry], found: Transferred
) -> tuple[list[tuple[str, str, str, float]], tuple[str, float]]:
    """Return type, id, text and time of each key, and text and time of creds."""
    rows = []
    creds = ("", 0.0)
    for entry in entries:
        key = key_of(entry.name)
        if key is None and entry.name != CREDS_NAME:
            found.skipped += 1
            continue
        text = _document(directory, entry.name)
        if text is None:
            found.unreadable += 1
        elif key is None:
            creds = (text, entry.mtime_ns / _NS)
        else:
            rows.append((*key, text, entry.mtime_ns / _NS))
            found.count(key[0])
    if not creds[0]:
        raise KeystoreProblem("CredentialsCorrupt", explain("CredentialsCorrupt"))
    return rows, creds


def _document(directory: int, name: str) -> str | None:
    """Return the text of a file with one JSON document; None where the library would read nothing."""
    try:
        file = os.open(name, os.O_RDONLY | _NO_RACE, dir_fd=directory)
        with os.fdopen(file, "rb") as opened:
            data = opened.read(_VALUE_BYTES_MAX + 1)
    except OSError as error:
        raise problem_of(error) from None
    try:
        text = data.decode()
        return text if len(data) <= _VALUE_BYTES_MAX and parse(text) is not None else None
    except (UnicodeDecodeError, JsonError):
        return None


def creds_statement(facts: Facts, session: str) -> tuple[Composed, tuple[str, ...]]:
    """Return the statement that reads a session's creds as the text of a creds.json, and its parameters."""
    queries, credentials = Queries(facts), facts.layout.credentials
    if facts.credentials is not None:
        column: Composable = quoted("k", credentials.creds)
        table: Composable = identifier(facts.credentials)
        wanted: Composable = SQL("{} = %s").format(quoted("k", credentials.session))
        values: tuple[str, ...] = (session,)
    else:
        column, table = queries.value, queries.table
        wanted, values = queries.creds_of(session)
    twice = credentials.encoding == JSON_TEXT_TWICE
    text = SQL("({}::json #>> '{{}}')") if twice else SQL("{}::text")
    return (
        SQL("SELECT {} FROM {} AS k WHERE {} LIMIT 2").format(text.format(column), table, wanted),
        values,
    )


def _files(
    database: Database, facts: Facts, session: str, found: Transferred
) -> dict[str, tuple[str, float | None]]:
    """Return text and time of each key's file by name."""
    queries = Queries(facts)
    statement = SQL("SELECT {}, {}, {}::text, {} FROM {} AS k WHERE {} AND {}").format(
        SQL("NULL::text") if queries.type is None else queries.type,
        queries.id,
        queries.value,
        queries.updated_microseconds,
        queries.table,
        queries.wanted,
        queries.is_key,
    )
    prefix = len(session) + len(SEPARATOR) if facts.layout.prefixed else 0
    files: dict[str, tuple[str, float | None]] = {}
    for key_type, ident, text, written in database.rows(statement, queries.of_session(session)):
        name = file_name(key_type, ident[prefix:])
        if classify(name)[0] == OTHER or name == CREDS_NAME:
            found.skipped += 1
        elif text is None:
            found.unreadable += 1
        elif name in files:
            raise KeystoreProblem(
                errors.ROWS_REFUSED,
                "Two rows of this session would be the same file: nothing was written. Find out which of the two the "
                "process uses, and remove the other.",
            )
        else:
            files[name] = (text, None if written is None else written / 1e6)
            found.count((key_of(name) or (OTHER_TYPE,))[0])
    return files


def _write(directory: str, files: dict[str, tuple[str, float | None]]) -> None:
    try:
        with suppress(FileExistsError):
            os.mkdir(directory, 0o700)  # noqa: PTH102 - a path as given
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.listdir(opened):  # noqa: PTH208 - a descriptor
                raise KeystoreProblem(
                    errors.ROWS_EXIST,
                    "The directory is not empty, and no file is ever overwritten: name a new one.",
                )
            for name, (text, written) in files.items():
                _write_file(opened, name, text, written)
            for name in files:  # afterwards: the first sync flushes most of the others, too
                _sync(opened, name)
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as problem:
        raise KeystoreProblem(
            "DirectoryUnusable", f"The directory cannot be written to: {problem.strerror}."
        ) from None


def _write_file(directory: int, name: str, text: str, written: float | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_RACE
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=directory), "wb") as file:
        file.write(text.encode())
        file.flush()
        if written is not None:
            os.utime(file.fileno(), (written, written))


def _sync(directory: int, name: str) -> None:
    file = os.open(name, os.O_RDONLY | _NO_RACE, dir_fd=directory)
    try:
        os.fsync(file)
    finally:
        os.close(file)
