"""The record of rows that restores have put into the tables, and their removal by an undo.

The record is written by the transaction that puts the rows there. It has a digest of every row that the session had
then, so an undo can detect whether a process has written to the session since: then no row is removed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg.sql import SQL

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.postgres.own_table import OwnTable
from baileys_janitor.keystore.postgres.queries import Queries, identifier, quoted
from baileys_janitor.keystore.postgres.state import SCHEMA
from baileys_janitor.keystore.results import KnownRun
from baileys_janitor.volume.errors import SESSION_WRITTEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.sql import Composable

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database

#: The reason of a run that restores.
RESTORE: Final = "Restore"
#: What a restore did with a session's creds: inserted where there were none, replaced, or left alone.
INSERTED: Final = "Inserted"
REPLACED: Final = "Replaced"
UNTOUCHED: Final = "Untouched"

_COLUMNS: Final = """
run_id text NOT NULL, store text NOT NULL, session text NOT NULL, fingerprint text NOT NULL,
restored_at timestamptz NOT NULL DEFAULT now(), number integer NOT NULL, keys json NOT NULL, creds text NOT NULL,
before text, rows text[] NOT NULL, PRIMARY KEY (run_id, store, session)
"""
_RIGHTS: Final = ("INSERT", "DELETE")
#: A row as text, so that the same row has the same digest: the caller has set `print_alike`.
_DIGEST: Final = SQL("left(encode(sha256(convert_to(ROW(k.*)::text, 'UTF8')), 'hex'), 32)")
_AMONG: Final = SQL("{} = ANY(%s::text[])").format(_DIGEST)


class Taken(NamedTuple):
    """The rows restored into a session: the session's fingerprint, and the number of rows."""

    fingerprint: str
    number: int


class Restored:
    """The records of one store.

    Methods run in the caller's transaction, in which `print_alike` was called, unless they are said to open one.
    """

    def __init__(self, database: Database, facts: Facts, schema: str = SCHEMA) -> None:
        self._database = database
        self._facts = facts
        self._store = str(facts.keys.name)
        self._queries = Queries(facts)
        self._table = OwnTable(database, schema, "restored", _COLUMNS, _RIGHTS)

    @property
    def readable(self) -> bool:
        """Whether there are records that this user may read."""
        return bool(self._table.readable)

    def ensure(self) -> None:
        """Create the table where it is missing. Opens a transaction. Raises KeystoreProblem."""
        try:
            self._table.ensure()
        except KeystoreProblem as problem:
            if problem.code != errors.RIGHTS_MISSING:
                raise
            raise KeystoreProblem(
                errors.RIGHTS_MISSING,
                "This user may not create, or not write to, the janitor's table of what was restored, so no undo "
                "could take it away: grant that (`baileys-janitor keystore grants --restore` prints how).",
            ) from None

    def identities(self, session: str) -> list[tuple[int, str]]:
        """Return the session's identity at each restore: Unix seconds and fingerprint."""
        if not self.readable:
            return []
        return [
            (int(time), fingerprint)
            for time, fingerprint in self._database.rows(
                self._sql(
                    "SELECT extract(epoch FROM restored_at)::float8, fingerprint FROM {restored}"
                    " WHERE store = %s AND session = %s"
                ),
                (self._store, session),
            )
        ]

    def note(
        self,
        run: str,
        session: str,
        fingerprint: str,
        keys: Sequence[dict[str, str]],
        creds: str,
        before: str | None,
    ) -> None:
        """Record the restored rows of a session; `before` are the creds that were replaced, as the column has them."""
        self._database.do(
            self._sql(
                "INSERT INTO {restored} (run_id, store, session, fingerprint, number, keys, creds, before, rows)"
                " VALUES (%s, %s, %s, %s, %s, %s::json, %s, %s, %s::text[])"
            ),
            (
                *(run, self._store, session, fingerprint, len(keys) + (creds != UNTOUCHED)),
                *(json.dumps(list(keys)), creds, before, self._digests(session)),
            ),
        )

    def runs(self) -> list[KnownRun]:
        """Return the restores that can be undone, the latest last. Opens a transaction."""
        if not self.readable:
            return []
        with self._database.transaction(read_only=True):
            found = self._database.rows(
                self._sql(
                    "SELECT run_id, extract(epoch FROM min(restored_at))::float8, sum(number)::bigint, count(*)"
                    " FROM {restored} WHERE store = %s GROUP BY run_id ORDER BY 2, 1"
                ),
                (self._store,),
            )
        return [
            KnownRun(run=run, time=time, reason=RESTORE, rows=rows, sessions=sessions)
            for run, time, rows, sessions in found
        ]

    def sessions(self, run: str) -> list[str]:
        """Return the sessions that a run has restored rows into. Opens a transaction."""
        if not self.readable:
            return []
        with self._database.transaction(read_only=True):
            return [
                name
                for (name,) in self._database.rows(
                    self._sql(
                        "SELECT session FROM {restored} WHERE run_id = %s AND store = %s ORDER BY 1"
                    ),
                    (run, self._store),
                )
            ]

    def of(self, run: str, session: str) -> Taken:
        """Return the rows that a run has restored into a session."""
        return Taken(
            *self._database.row(
                self._sql(
                    "SELECT fingerprint, number FROM {restored}"
                    " WHERE run_id = %s AND store = %s AND session = %s"
                ),
                (run, self._store, session),
            )
        )

    def is_as_put(self, run: str, session: str) -> bool:
        """Return whether every row of a session is one that the restore has left there; some may be missing."""
        (rows,) = self._database.row(
            self._sql(
                "SELECT rows FROM {restored} WHERE run_id = %s AND store = %s AND session = %s"
            ),
            (run, self._store, session),
        )
        return set(self._digests(session)) <= set(rows)

    def take_away(self, run: str, session: str) -> int:
        """Remove the rows that a run has restored into a session, and return their number.

        The creds that it has replaced come back. Raises KeystoreProblem(SessionWritten) where a row has changed since
        the restore; the transaction must then be rolled back.
        """
        keys, creds, before, rows = self._database.row(
            self._sql(
                "SELECT keys::text, creds, before, rows FROM {restored}"
                " WHERE run_id = %s AND store = %s AND session = %s FOR UPDATE"
            ),
            (run, self._store, session),
        )
        number = self._delete(session, keys, rows)
        if creds != UNTOUCHED:
            number += self._take_creds_back(session, creds, before, rows)
        self._database.do(
            self._sql("DELETE FROM {restored} WHERE run_id = %s AND store = %s AND session = %s"),
            (run, self._store, session),
        )
        if not self._is_among(session, rows, but_creds=creds == REPLACED):
            raise written()
        return number

    def purge(self, undo_window: float) -> int:
        """Delete records older than `undo_window` seconds; return the number of sessions. Opens a transaction."""
        if not self.readable:
            return 0
        with self._database.transaction():
            return self._database.do(
                self._sql(
                    "DELETE FROM {restored} WHERE store = %s"
                    " AND restored_at <= now() - make_interval(secs => %s::float8)"
                ),
                (self._store, undo_window),
            )

    def _sql(self, text: str) -> Any:
        return SQL(text).format(restored=self._table.sql)

    def _digests(self, session: str, *, creds: bool = True) -> list[str]:
        queries = self._queries
        statement = SQL("SELECT {} FROM {} AS k WHERE {} AND {}").format(
            _DIGEST, queries.table, queries.wanted, SQL("true") if creds else queries.is_key
        )
        found = self._database.rows(statement, queries.of_session(session))
        if creds and self._facts.credentials is not None:
            table, condition, values = self._creds(session)
            own = SQL("SELECT {} FROM {} AS k WHERE {}").format(_DIGEST, table, condition)
            found += self._database.rows(own, values)
        return [digest for (digest,) in found]

    def _is_among(self, session: str, rows: Sequence[str], *, but_creds: bool) -> bool:
        return set(self._digests(session, creds=not but_creds)) <= set(rows)

    def _creds(self, session: str) -> tuple[Composable, Composable, tuple[str, ...]]:
        """Return table, condition and parameters of the row of creds."""
        own = self._facts.credentials
        if own is None:
            condition, values = self._queries.creds_of(session)
            return self._queries.table, condition, values
        named = self._facts.layout.credentials.session
        return identifier(own), SQL("{} = %s").format(quoted("k", named)), (session,)

    def _delete(self, session: str, keys: str, rows: Sequence[str]) -> int:
        queries = self._queries
        same_type: Composable = SQL("true")
        if queries.type is not None:
            same_type = SQL("{} = w.key_type").format(queries.type)
        statement = SQL(
            "DELETE FROM {table} AS k USING json_to_recordset(%s::json) AS w(key_type text, key_id text)"
            " WHERE {id} = w.key_id AND {same_type} AND {wanted} AND {is_key} AND {among}"
        ).format(
            table=queries.table,
            id=queries.id,
            same_type=same_type,
            wanted=queries.wanted,
            is_key=queries.is_key,
            among=_AMONG,
        )
        values = (keys, *queries.of_session(session), list(rows))
        return self._database.do(statement, values)

    def _take_creds_back(
        self, session: str, creds: str, before: str | None, rows: Sequence[str]
    ) -> int:
        table, condition, values = self._creds(session)
        if creds == INSERTED:
            statement = SQL("DELETE FROM {} AS k WHERE {} AND {}").format(table, condition, _AMONG)
            parameters: tuple[object, ...] = (*values, list(rows))
        else:
            own = self._facts.layout.credentials
            column = (
                own.creds
                if self._facts.credentials is not None
                else self._facts.layout.columns.value
            )
            statement = SQL("UPDATE {} AS k SET {} = %s WHERE {} AND {}").format(
                table, quoted(column), condition, _AMONG
            )
            parameters = (before, *values, list(rows))
        if self._database.do(statement, parameters) != 1:
            raise written()
        return 1


def written() -> KeystoreProblem:
    """Return the problem for rows that a process has written since their restore."""
    return KeystoreProblem(
        SESSION_WRITTEN,
        "A process has written to the session's rows since the restore, so it uses them: they stay as they are. Stop "
        "it before a restore and before an undo of one.",
    )
