"""The owner of a session, read from its creds by path: no private key leaves the database.

The result is a document with the members that `policy.identity` examines, which decides as it does for creds.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL, Literal

from baileys_janitor.keystore.layout import JSON_TEXT_TWICE, SEPARATOR
from baileys_janitor.keystore.postgres.queries import Queries, identifier, quoted
from baileys_janitor.policy.files.identity import (
    CORRUPT,
    MAX_CREDS_BYTES,
    TOO_LARGE,
    Identity,
    mapped_user,
    read_identity,
)

if TYPE_CHECKING:
    from psycopg.sql import Composable, Composed

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database

# The few texts that PostgreSQL cannot parse and the library can (NUL, half a surrogate pair) count as Corrupt.
_READ: Final = """
SELECT bytes, json_typeof(creds), json_build_object(
  'me', CASE json_typeof(creds -> 'me') WHEN 'object' THEN json_build_object(
    'id', creds -> 'me' -> 'id', 'lid', creds -> 'me' -> 'lid') END,
  'account', CASE json_typeof(creds -> 'account') WHEN 'object' THEN json_build_object() END,
  'nextPreKeyId', creds -> 'nextPreKeyId',
  'firstUnuploadedPreKeyId', creds -> 'firstUnuploadedPreKeyId',
  'registrationId', creds -> 'registrationId',
  'signedIdentityKey', CASE json_typeof(creds -> 'signedIdentityKey') WHEN 'object' THEN json_build_object(
    'public', creds -> 'signedIdentityKey' -> 'public') END
)::text
FROM (SELECT octet_length(raw::text) AS bytes,
             CASE WHEN octet_length(raw::text) <= {most} THEN {decoded} END AS creds
      FROM (SELECT {column} AS raw FROM {table} AS k WHERE {wanted} LIMIT 2) AS found OFFSET 0) AS read
"""

#: The creds are a text inside a text, and the layout does not declare it.
ENCODED_TWICE: Final = "EncodedTwice"


class Creds:
    """The identity of a session, the size of its creds (None without any), and their oddity, if any."""

    __slots__ = ("identity", "oddity", "size")

    def __init__(self, identity: Identity, size: int | None, oddity: str | None = None) -> None:
        self.identity = identity
        self.size = size
        self.oddity = oddity


class CredsReader:
    """Reads the creds of one store's sessions, inside a transaction."""

    def __init__(self, database: Database, facts: Facts, queries: Queries) -> None:
        self._database = database
        self._facts = facts
        self._queries = queries

    def read(self, session: str) -> Creds:
        """Return the creds of a session; unreadable ones are Corrupt, as in a file."""
        found = self._database.readable_rows(*self._statement(session))
        if found is None:
            return Creds(Identity(CORRUPT), 0)
        if not found or found[0][0] is None:
            return Creds(read_identity(None), None)
        size, kind, text = found[0]
        if len(found) > 1:  # it is unknown which of the two the library reads
            return Creds(Identity(CORRUPT), size)
        if size > MAX_CREDS_BYTES:
            return Creds(Identity(TOO_LARGE), size)
        if kind != "object":
            return Creds(Identity(CORRUPT), size, ENCODED_TWICE if kind == "string" else None)
        return Creds(self._with_mapped_lid(session, read_identity(text.encode())), size)

    def _statement(self, session: str) -> tuple[Composed, tuple[str, ...]]:
        credentials = self._facts.layout.credentials
        if self._facts.credentials is not None:
            table: Composable = identifier(self._facts.credentials)
            column = quoted("k", credentials.creds)
            wanted: Composable = SQL("{} = %s").format(quoted("k", credentials.session))
            values: tuple[str, ...] = (session,)
        else:
            table, column = self._queries.table, self._queries.value
            wanted, values = self._queries.creds_of(session)
        twice = credentials.encoding == JSON_TEXT_TWICE
        statement = SQL(_READ).format(
            most=Literal(MAX_CREDS_BYTES),
            decoded=SQL("(raw::json #>> '{{}}')::json").format() if twice else SQL("raw::json"),
            column=column,
            table=table,
            wanted=wanted,
        )
        return statement, values

    def _with_mapped_lid(self, session: str, identity: Identity) -> Identity:
        """Return the identity with the own LID of the mapping rows, where `me.lid` is missing.

        Both rows of the pair must name each other. An invalid `me.lid` is left in doubt.
        """
        if not identity.lid_in_doubt or identity.lid_unreadable:
            return identity
        lid = self._mapped(session, identity.phone_user)
        if not lid or self._mapped(session, f"{lid}_reverse") != identity.phone_user:
            return identity
        return identity.with_lid(lid)

    def _mapped(self, session: str, ident: str) -> str:
        """Return the user that a mapping row holds; "" when there is none, or it cannot be read."""
        condition, values = self._queries.key_of(session, "lid-mapping", ident)
        found = self._database.rows(
            SQL("SELECT {}::text FROM {} AS k WHERE {} LIMIT 2").format(
                self._queries.value, self._queries.table, condition
            ),
            values,
        )
        text = found[0][0] if len(found) == 1 else None
        return mapped_user(None if text is None else text.encode())


def sessions_statement(facts: Facts, queries: Queries) -> Composed:
    """Return the statement that lists the sessions with creds, by name."""
    credentials = facts.layout.credentials
    if facts.credentials is not None:
        return SQL(
            "SELECT DISTINCT {0}::text FROM {1} AS k WHERE {0} IS NOT NULL ORDER BY 1"
        ).format(quoted("k", credentials.session), identifier(facts.credentials))
    if facts.layout.prefixed:
        ending = len(SEPARATOR + credentials.row)
        return SQL("SELECT DISTINCT left({}, {}) FROM {} AS k WHERE {} ORDER BY 1").format(
            queries.id, Literal(-ending), queries.table, queries.is_creds
        )
    return SQL("SELECT DISTINCT {} FROM {} AS k WHERE {} ORDER BY 1").format(
        queries.session, queries.table, queries.is_creds
    )
