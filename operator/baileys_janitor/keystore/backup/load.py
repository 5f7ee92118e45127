"""An archive's rows in temporary tables, checked against the archive and the layout: anybody may have made it.

The tables have the columns and types of the store's own tables, but neither constraints nor triggers. They are dropped
when the transaction ends; the store itself is not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL

from baileys_janitor.backup.archive.rows_manifest import CREDS_ROWS, KEYS_ROWS, ArchivedRows
from baileys_janitor.backup.names import session_part, tenant_of
from baileys_janitor.keystore import errors
from baileys_janitor.keystore.backup.rows import (
    FORM,
    SessionRows,
    columns_of,
    require_backupable,
)
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.identity import sessions_statement
from baileys_janitor.keystore.layout import TableName
from baileys_janitor.keystore.postgres.printing import print_alike
from baileys_janitor.keystore.postgres.queries import Queries, identifier, quoted
from baileys_janitor.policy.archives.archived import LIMIT_BYTES
from baileys_janitor.policy.files.file_kinds import CREDS_NAME

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.unpack import UnpackedRows
    from baileys_janitor.keystore.postgres.checks import Facts, Table
    from baileys_janitor.keystore.postgres.connect import Database

_SCHEMA: Final = "pg_temp"
_KEYS: Final = TableName("janitor_keys", _SCHEMA)
_CREDS: Final = TableName("janitor_creds", _SCHEMA)
# SQLSTATE classes: a value of another type or text that COPY does not write, a constraint, more than there is room for.
_DATA: Final = ("22", "23", "54")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of one session: the store's facts, with temporary tables in place of its own."""

    session: str
    facts: Facts


@contextmanager
def loaded(
    database: Database, facts: Facts, unpacked: UnpackedRows, session: str | None = None
) -> Iterator[Loaded]:
    """Load an archive's rows within one transaction, and check that they match the archive.

    `session` is the name that it must have, None for any that matches the archive's name. Raises KeystoreProblem:
    LayoutDiffers, RowsInvalid, RowsDiffer, AnotherSession, and the database's errors.
    """
    require_backupable(facts)
    with database.transaction(patient=True):
        print_alike(database)
        temporary = _with_tables(database, facts, unpacked)
        name = _session_in(database, temporary, unpacked.manifest.tenant, session)
        _require_same(database, temporary, name, unpacked)
        yield Loaded(name, temporary)


def _with_tables(database: Database, facts: Facts, unpacked: UnpackedRows) -> Facts:
    creds, keys = unpacked.manifest.tables
    temporary = _created(database, facts.keys, _KEYS, keys)
    own = facts.credentials
    if own is None:
        if creds.columns != keys.columns:
            raise _another_layout()
        holder, credentials = temporary, None
    else:
        holder = credentials = _created(database, own, _CREDS, creds)
    columns = facts.layout.columns
    found = replace(
        facts,
        keys=temporary,
        credentials=credentials,
        updated=temporary.columns.get(columns.updated),
        created=temporary.columns.get(columns.created),
    )
    _require_columns(found)
    _fill(database, holder, creds, unpacked.content[CREDS_ROWS])
    _fill(database, temporary, keys, unpacked.content[KEYS_ROWS])
    _require_unique(database, found)
    return found


def _created(database: Database, table: Table, name: TableName, rows: ArchivedRows) -> Table:
    if not set(rows.columns) <= set(columns_of(table)):
        raise _another_layout()
    columns = {each: table.columns[each] for each in rows.columns}
    found = replace(table, name=name, columns=columns, hidden=False)
    database.do(
        SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            quoted(name.name), SQL(", ").join(map(quoted, columns)), identifier(table)
        )
    )
    return found


def _require_columns(facts: Facts) -> None:
    layout = facts.layout
    own = layout.columns
    needed = {name for name in (own.session, own.type, own.id, own.value) if name}
    if not needed <= facts.keys.columns.keys():
        raise _another_layout()
    if facts.credentials is not None:
        needed = {layout.credentials.session, layout.credentials.creds}
        if not needed <= facts.credentials.columns.keys():
            raise _another_layout()


def _fill(database: Database, table: Table, rows: ArchivedRows, data: bytes) -> None:
    statement = SQL("COPY {} ({}) FROM STDIN {}").format(
        identifier(table), SQL(", ").join(map(quoted, rows.columns)), FORM
    )
    try:
        number = database.copy_in(statement, data)
    except KeystoreProblem as problem:
        if not (problem.state or "").startswith(_DATA):
            raise
        raise _invalid() from None
    if number != rows.rows:
        raise _different()


def _require_unique(database: Database, facts: Facts) -> None:
    """Refuse a duplicate key where the store's own table could not hold it."""
    columns = facts.layout.columns
    key = [name for name in (columns.session, columns.type, columns.id) if name]
    if not any(unique <= set(key) for unique in facts.keys.unique):
        return
    statement = SQL("SELECT FROM {} AS k GROUP BY {} HAVING count(*) > 1 LIMIT 1").format(
        identifier(facts.keys), SQL(", ").join([quoted("k", name) for name in key])
    )
    if database.rows(statement):
        raise _invalid()


def _session_in(database: Database, facts: Facts, tenant: str, wanted: str | None) -> str:
    """Return the one session that all rows belong to."""
    queries = Queries(facts)
    names = [name for (name,) in database.rows(sessions_statement(facts, queries))]
    if len(names) != 1 or names[0] is None or tenant_of(names[0]) != session_part(tenant):
        raise _another_session()
    [name] = names
    if wanted not in (None, name):
        raise _another_session()
    statement = SQL("SELECT count(*) FROM {} AS k WHERE ({}) IS NOT TRUE").format(
        queries.table, queries.wanted
    )
    (strange,) = database.row(statement, queries.of_session(name))
    if strange:
        raise _another_session()
    return str(name)


def _require_same(database: Database, facts: Facts, session: str, unpacked: UnpackedRows) -> None:
    """Compare the tables' contents, byte by byte, with the archive."""
    rows, content = SessionRows(database, facts), unpacked.content
    try:
        found = {
            CREDS_NAME: rows.creds(session),
            CREDS_ROWS: rows.creds_rows(session, LIMIT_BYTES),
            KEYS_ROWS: rows.keys_rows(session, LIMIT_BYTES),
        }
    except KeystoreProblem as problem:
        if problem.state is not None:
            raise
        raise _different() from None  # creds are missing, or there are several
    if found != content:
        raise _different()


def _invalid() -> KeystoreProblem:
    return KeystoreProblem(
        errors.ROWS_INVALID,
        "The table does not take the archive's rows: its columns had other types when it was made, or somebody else "
        "has made it. Take another archive.",
    )


def _another_layout() -> KeystoreProblem:
    return KeystoreProblem(
        errors.LAYOUT_DIFFERS,
        "The archive's rows have columns that the table lacks, or lack some that the layout names: name the table "
        "and columns that they are of (--preset, --table, --column).",
    )


def _another_session() -> KeystoreProblem:
    return KeystoreProblem(
        errors.ANOTHER_SESSION,
        "The archive's rows are not those of the session that its name says, by this layout: name the layout that it "
        "was made with (--preset, --creds-table, --creds-row), or take another archive if somebody has forged this "
        "one.",
    )


def _different() -> KeystoreProblem:
    return KeystoreProblem(
        errors.ROWS_DIFFER,
        "The rows read back from the table differ from the archive: the columns had other types when it was made, or "
        "somebody else has made it. Take another archive.",
    )
