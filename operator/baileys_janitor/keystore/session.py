"""One session of a store, inside a transaction: its lock, its creds, its keys, and the removal of some."""

from __future__ import annotations

import json
from hashlib import blake2s
from typing import TYPE_CHECKING, Final, NamedTuple

from psycopg.sql import SQL, Literal

from baileys_janitor.keystore.adapter import Row, entries_of, row_of
from baileys_janitor.keystore.identity import Creds, CredsReader, sessions_statement
from baileys_janitor.keystore.layout import SEPARATOR
from baileys_janitor.keystore.postgres.queries import Queries
from baileys_janitor.policy.files.file_entry import MAX_ENTRIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.sql import Composable, Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database
    from baileys_janitor.keystore.postgres.state import State
    from baileys_janitor.policy.cleanup.plan import Removal
    from baileys_janitor.policy.files.file_entry import Entry

_LOCK_PERSON: Final = b"bj-keys"

# `held` are the rows of the plan that have not been written since the listing and that nobody else holds; `whole` those
# whose unit is held as a whole.
_REMOVE: Final = """
WITH wanted AS (
  SELECT * FROM json_to_recordset(%s::json) AS w(place int, key_type text, key_id text, version text, updated bigint,
                                                 unit int, size int, kind text, reason text)
), held AS (
  SELECT k.ctid AS at, k.tableoid AS part, w.unit, w.size, w.place
  FROM {table} AS k JOIN wanted AS w ON {id} = w.key_id AND {same_type}
  WHERE {wanted} AND {keys} AND {version} = w.version AND {updated} IS NOT DISTINCT FROM w.updated
  FOR UPDATE OF k SKIP LOCKED
), whole AS (
  SELECT at, part, place
  FROM (SELECT at, part, place, size, count(*) OVER (PARTITION BY unit) AS number FROM held) AS counted
  WHERE number = size
), gone AS (
  DELETE FROM {table} AS k USING whole AS h WHERE k.ctid = h.at AND k.tableoid = h.part
  RETURNING h.place, pg_column_size(k.*) AS bytes, row_to_json(k) AS row
){archive}
SELECT place, bytes FROM gone
"""
_ARCHIVE: Final = """, moved AS (
  INSERT INTO {archive} (run_id, store, session, fingerprint, unit, kind, key_type, key_id, reason, row)
  SELECT %s, %s, %s, %s, w.unit, w.kind, w.key_type, w.key_id, w.reason, g.row
  FROM gone AS g JOIN wanted AS w USING (place)
)"""


class Listing:
    """A session as one scan read it: creds, rows, and the entries that the rules judge."""

    __slots__ = ("creds", "entries", "rows")

    def __init__(self, creds: Creds, rows: list[Row]) -> None:
        self.creds = creds
        self.rows = rows
        self.entries = entries_of(rows, creds.size)

    def row(self, entry: Entry) -> Row:
        """Return the row of an entry."""
        return row_of(entry, self.rows)


class Gone(NamedTuple):
    """A row that was removed: its place in the batch, and its size in the table."""

    place: int
    bytes: int


class Sessions:
    """Operations on the sessions of one store. All but `names` run in the caller's transaction."""

    def __init__(self, database: Database, facts: Facts) -> None:
        self._database = database
        self._facts = facts
        self._prefix = facts.layout.prefixed
        self._queries = Queries(facts)
        self._creds = CredsReader(database, facts, self._queries)
        queries = self._queries
        self._list = SQL(
            "SELECT {type}, {id}, {size}, {updated}, {version} FROM {table} AS k WHERE {wanted} AND {keys} LIMIT {most}"
        ).format(
            type=SQL("NULL::text") if queries.type is None else queries.type,
            id=queries.id,
            size=queries.size,
            updated=queries.updated_microseconds,
            version=queries.version,
            table=queries.table,
            wanted=queries.wanted,
            keys=queries.is_key,
            most=Literal(MAX_ENTRIES + 1),
        )
        self._statements: dict[State | None, Composed] = {}

    def names(self) -> list[str]:
        """Return the names of all sessions with creds."""
        with self._database.transaction(read_only=True, patient=True):
            return [
                name
                for (name,) in self._database.rows(sessions_statement(self._facts, self._queries))
            ]

    def lock(self, session: str) -> bool:
        """Take the session's lock until the transaction ends; False where another run holds it."""
        text = f"{self._facts.keys.oid}\0{session}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(
            blake2s(text, digest_size=8, person=_LOCK_PERSON).digest(), "big", signed=True
        )
        taken: bool = self._database.row("SELECT pg_try_advisory_xact_lock(%s)", (number,))[0]
        return taken

    def creds(self, session: str) -> Creds:
        """Return the identity and creds of a session."""
        return self._creds.read(session)

    def look(self, session: str) -> Listing:
        """Return a session's creds and keys; with more than 200,000 keys some are left out and none may be removed."""
        creds = self.creds(session)
        prefix = len(session) + len(SEPARATOR) if self._prefix else 0
        values = self._queries.of_session(session)
        rows = [
            Row(key_type, (ident or "")[prefix:], size, updated, version)
            for key_type, ident, size, updated, version in self._database.rows(self._list, values)
        ]
        return Listing(creds, rows)

    def remove(
        self,
        session: str,
        listing: Listing,
        removals: Sequence[Removal],
        *,
        run: str,
        state: State | None,
    ) -> list[Gone]:
        """Remove rows that are unchanged since the listing and that nobody holds; return those that were removed.

        A unit is removed whole or not at all. With a state, the same statement moves its rows into the archive.
        """
        rows = [listing.row(each.entry) for each in removals]
        sizes: dict[int, int] = {}
        for each in removals:
            sizes[each.unit] = sizes.get(each.unit, 0) + 1
        wanted = [
            {
                "place": place,
                "key_type": row.type or "",
                "key_id": f"{session}{SEPARATOR}{row.id}" if self._prefix else row.id,
                "version": row.version,
                "updated": row.updated,
                "unit": each.unit,
                "size": sizes[each.unit],
                "kind": each.entry.kind,
                "reason": each.reason,
            }
            for place, (row, each) in enumerate(zip(rows, removals, strict=True))
        ]
        # One JSON document: the driver needs five times as long for as many arrays.
        values: list[object] = [json.dumps(wanted), *self._queries.of_session(session)]
        if state is not None:
            values += [run, state.store, session, listing.creds.identity.fingerprint]
        found = self._database.rows(self._removing(state), values)
        return [Gone(*each) for each in found]

    def _removing(self, state: State | None) -> Composed:
        if state not in self._statements:
            queries = self._queries
            same_type: Composable = SQL("true")
            if queries.type is not None:
                same_type = SQL("{} = w.key_type").format(queries.type)
            self._statements[state] = SQL(_REMOVE).format(
                table=queries.table,
                same_type=same_type,
                id=queries.id,
                wanted=queries.wanted,
                keys=queries.is_key,
                version=queries.version,
                updated=queries.updated_microseconds,
                archive=SQL("") if state is None else state.sql(_ARCHIVE),
            )
        return self._statements[state]
