"""A session's rows in the format of `COPY`: complete, ordered, and from one snapshot.

`COPY` text can be compared byte by byte, and restored by `psql` alone. So that the same rows are the same bytes, all
settings that affect the printing of values are fixed, and rows are ordered by their keys in byte order.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL

from baileys_janitor.backup.archive.rows_manifest import (
    CREDS_ROWS,
    KEYS_ROWS,
    ArchivedRows,
    RowsSnapshot,
)
from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.identity import ENCODED_TWICE
from baileys_janitor.keystore.layout import SEPARATOR
from baileys_janitor.keystore.postgres.printing import print_alike
from baileys_janitor.keystore.postgres.queries import Queries, identifier, literal, quoted
from baileys_janitor.keystore.transfer import creds_statement
from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.archived import FILE_OVERHEAD_BYTES, LIMIT_BYTES
from baileys_janitor.policy.archives.pairing import Credentials, read_credentials
from baileys_janitor.policy.cleanup.guards import identity_problem
from baileys_janitor.policy.files.file_kinds import CREDS_NAME
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.policy.files.strict_json import JsonError, parse
from baileys_janitor.volume.errors import CREDENTIALS_INCOMPLETE, SESSION_TOO_LARGE

if TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from baileys_janitor.keystore.postgres.checks import Facts, Table
    from baileys_janitor.keystore.postgres.connect import Database

#: The options of every `COPY`.
FORM: Final = SQL("WITH (FORMAT text, ENCODING 'UTF8')")

_SENTENCES: Final = {
    CREDENTIALS_INCOMPLETE: "The creds lack keys that a session cannot start without, so nothing was put: the archives "
    "of before stay.",
    ENCODED_TWICE: "The creds are a text inside a text: set --encoding JsonTextTwice.",
}


def require_backupable(facts: Facts) -> None:
    """Raise KeystoreProblem where sessions of this layout cannot be read completely."""
    layout = facts.layout
    if layout.countable_only:
        raise KeystoreProblem(
            errors.COUNTED_ONLY,
            "A row holds a whole session here, with no keys to restore by themselves: back it up as part of the "
            "database (pg_dump, or continuous archiving).",
        )
    if facts.credentials is None and not layout.credentials.row:
        raise KeystoreProblem(
            errors.COLUMN_MISSING,
            "credentials: without creds a session cannot be restored; name their table or row.",
        )
    for table in _tables(facts):
        if table.hidden:
            raise KeystoreProblem(
                errors.ROW_SECURITY,
                f"Row level security may hide rows of {table.name} from this user, and half a session is no backup: "
                "use one that sees them all (BYPASSRLS).",
            )
        for column in table.columns.values():
            if not column.readable:
                raise KeystoreProblem(
                    errors.RIGHTS_MISSING,
                    f"This user may not read {column.name} of {table.name}, and a backup reads whole rows: "
                    "`baileys-janitor keystore grants --backup` prints the rights it needs.",
                )


def _tables(facts: Facts) -> list[Table]:
    return [facts.keys] if facts.credentials is None else [facts.keys, facts.credentials]


def columns_of(table: Table) -> tuple[str, ...]:
    """Return the names of the columns that are written for a row, in the table's order."""
    return tuple(each.name for each in table.columns.values() if not each.generated)


class SessionRows:
    """Reads sessions of one store, in the caller's transaction, which should use one snapshot."""

    def __init__(self, database: Database, facts: Facts, limit_bytes: int = LIMIT_BYTES) -> None:
        self._database = database
        self._facts = facts
        self._queries = Queries(facts)
        self._limit = limit_bytes

    def snapshot(
        self, session: str, now: float, others: Sequence[str] = (), *, quiesced: bool = False
    ) -> RowsSnapshot:
        """Return a session; `now` is Unix seconds.

        `others` are the sessions whose names start with this one's and the separator: where session and key share a
        column, their rows look like its own keys. `quiesced`: no process uses the session.

        Raises KeystoreProblem: CredentialsAbsent, CredentialsCorrupt, CredentialsTooLarge, CredentialsIncomplete,
        NotPaired, EncodedTwice, SessionTooLarge, and the database's errors.
        """
        print_alike(self._database)
        data = self.creds(session)
        credentials = _credentials_in(data)
        creds = self.creds_rows(session, self._limit)
        keys = self.keys_rows(session, self._limit - len(data) - len(creds), others)
        tables = [self._described(CREDS_ROWS, creds), self._described(KEYS_ROWS, keys)]
        taken = sum(each.size + each.rows * FILE_OVERHEAD_BYTES for each in tables)
        if len(data) + taken > self._limit:
            raise _too_large(self._limit)
        content = {CREDS_NAME: data, CREDS_ROWS: creds, KEYS_ROWS: keys}
        return RowsSnapshot(int(now), credentials, tables, content, quiesced)

    def creds(self, session: str) -> bytes:
        """Return a session's creds in the form of its creds.json. Raises KeystoreProblem."""
        statement, values = creds_statement(self._facts, session)
        self._require_room(*self._creds_from(session), self._limit)
        found = self._database.readable_rows(statement, values)
        if found is None or len(found) > 1:
            raise _unusable(reasons.CREDENTIALS_CORRUPT)
        if not found or found[0][0] is None:
            raise _unusable(reasons.CREDENTIALS_ABSENT)
        text: str = found[0][0]
        return text.encode("utf-8", "surrogatepass")

    def creds_rows(self, session: str, limit_bytes: int) -> bytes:
        """Return the row of creds in the format of `COPY`. Raises KeystoreProblem."""
        source, values = self._creds_from(session)
        return self._copied(source, SQL("1"), values, limit_bytes)

    def keys_rows(self, session: str, limit_bytes: int, others: Sequence[str] = ()) -> bytes:
        """Return the rows of keys in the format of `COPY`, ordered by key. Raises KeystoreProblem."""
        source, values = self._keys_from(session, others)
        self._require_room(source, values, limit_bytes)
        return self._copied(source, self._order(), values, limit_bytes)

    def _keys_from(self, session: str, others: Sequence[str]) -> tuple[Composed, tuple[str, ...]]:
        queries = self._queries
        source = SQL("{} FROM {} AS k WHERE {} AND {}").format(
            _listed(self._facts.keys), queries.table, queries.wanted, queries.is_key
        )
        if self._facts.layout.prefixed:  # exclude other sessions whose names start with this one's
            for each in others:
                inner = literal(each + SEPARATOR)
                source += SQL(" AND NOT starts_with({}, {})").format(queries.id, inner)
        return source, queries.of_session(session)

    def _creds_from(self, session: str) -> tuple[Composed, tuple[str, ...]]:
        facts, table = self._facts, self._facts.credentials
        if table is not None:
            wanted: Composable = SQL("{} = %s").format(
                quoted("k", facts.layout.credentials.session)
            )
            values: tuple[str, ...] = (session,)
        else:
            table = facts.keys
            wanted, values = self._queries.creds_of(session)
        source = SQL("{} FROM {} AS k WHERE {}").format(_listed(table), identifier(table), wanted)
        return source, values

    def _order(self) -> Composable:
        queries, table = self._queries, self._facts.keys
        parts = [queries.id] if queries.type is None else [queries.type, queries.id]
        columns = self._facts.layout.columns
        key = {name for name in (columns.session, columns.type, columns.id) if name}
        if not any(unique <= key for unique in table.unique):  # then a key alone is no order
            parts.append(SQL("ROW({})::text").format(_listed(table)))
        return SQL(", ").join(SQL('{} COLLATE "C"').format(each) for each in parts)

    def _require_room(self, source: Composable, values: tuple[str, ...], limit_bytes: int) -> None:
        """Refuse before any row is fetched, for a single one may have a gigabyte."""
        statement = SQL(
            "SELECT count(*), coalesce(sum(octet_length(r::text)), 0)::bigint FROM (SELECT {}) AS r"
        ).format(source)
        rows, size = self._database.row(statement, values)
        if size + rows * FILE_OVERHEAD_BYTES > limit_bytes:
            raise _too_large(self._limit)

    def _copied(
        self, source: Composable, order: Composable, values: tuple[str, ...], limit_bytes: int
    ) -> bytes:
        statement = SQL("COPY (SELECT {} ORDER BY {}) TO STDOUT {}").format(source, order, FORM)
        found = self._database.copy_out(statement, values, limit_bytes)
        if found is None:
            raise _too_large(self._limit)
        return found

    def _described(self, name: str, data: bytes) -> ArchivedRows:
        own = self._facts.credentials if name == CREDS_ROWS else None
        table = own or self._facts.keys
        return ArchivedRows(
            name=name,
            table=str(table.name),
            columns=columns_of(table),
            rows=data.count(b"\n"),  # a line end inside a value is escaped as \n
            size=len(data),
            sha256=sha256(data).hexdigest(),
        )


def _listed(table: Table) -> Composed:
    return SQL(", ").join([quoted("k", name) for name in columns_of(table)])


def _credentials_in(data: bytes) -> Credentials:
    identity = read_identity(data)
    code = identity_problem(identity)
    if code == reasons.CREDENTIALS_CORRUPT and _is_text(data):
        raise _unusable(ENCODED_TWICE)
    if code is not None:
        raise _unusable(code)
    credentials = read_credentials(data)
    if credentials is None:
        raise _unusable(CREDENTIALS_INCOMPLETE)
    return credentials


def _is_text(data: bytes) -> bool:
    try:
        return isinstance(parse(data.decode("utf-8", "replace")), str)
    except JsonError:
        return False


def _unusable(code: str) -> KeystoreProblem:
    sentence = _SENTENCES.get(code)
    if sentence is None:
        sentence = f"Nothing was put, and the archives of before stay: {reasons.explain(code)}"
    return KeystoreProblem(code, sentence.replace("creds.json", "creds"))


def _too_large(limit_bytes: int) -> KeystoreProblem:
    return KeystoreProblem(
        SESSION_TOO_LARGE,
        f"The session's rows take more than {limit_bytes >> 20} MiB, more than an archive holds, so nothing was put: "
        "`baileys-janitor keystore scan` shows what takes so much.",
    )
