"""A session's creds in the table, read and written in the library's encoding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.sql import SQL, Literal

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import JSON_TEXT_TWICE
from baileys_janitor.keystore.postgres.queries import Queries, identifier, quoted
from baileys_janitor.policy.files.identity import MAX_CREDS_BYTES
from baileys_janitor.policy.files.strict_json import JsonError, parse

if TYPE_CHECKING:
    from psycopg.sql import Composable

    from baileys_janitor.keystore.postgres.checks import Facts
    from baileys_janitor.keystore.postgres.connect import Database


class FoundCreds(NamedTuple):
    """The row of creds: `raw` is the column's text, `data` the same as a creds.json, None where it is not one.

    Without a row `exists` is False.
    """

    exists: bool
    raw: str | None = None
    data: bytes | None = None


class CredsRow:
    """The row of creds of one session, in the caller's transaction."""

    def __init__(self, database: Database, facts: Facts, session: str) -> None:
        self._database = database
        credentials, queries = facts.layout.credentials, Queries(facts)
        self._twice = credentials.encoding == JSON_TEXT_TWICE
        if facts.credentials is not None:
            self.table: Composable = identifier(facts.credentials)
            self.column = quoted(credentials.creds)
            self.condition: Composable = SQL("{} = %s").format(quoted("k", credentials.session))
            self.values: tuple[str, ...] = (session,)
        else:
            self.table = queries.table
            self.column = quoted(facts.layout.columns.value)
            self.condition, self.values = queries.creds_of(session)

    def hold(self) -> None:
        """Lock the row against other writers until the transaction ends."""
        self._database.rows(
            SQL("SELECT 1 FROM {} AS k WHERE {} FOR UPDATE").format(self.table, self.condition),
            self.values,
        )

    def read(self) -> FoundCreds:
        """Return the row. Raises KeystoreProblem where it is unclear which row or text the library reads."""
        found = self._database.rows(
            SQL(
                "SELECT CASE WHEN octet_length(k.{0}::text) <= {1} THEN k.{0}::text END FROM {2} AS k WHERE {3} LIMIT 2"
            ).format(self.column, Literal(MAX_CREDS_BYTES), self.table, self.condition),
            self.values,
        )
        if len(found) > 1:
            raise KeystoreProblem(
                errors.ROWS_REFUSED,
                "The table holds several rows of creds of this session, and it is unknown which of them its "
                "process reads: remove all but that one.",
            )
        if not found:
            return FoundCreds(exists=False)
        raw: str | None = found[0][0]
        return FoundCreds(True, raw, None if raw is None else self._document(raw))

    def encoded(self, data: bytes) -> str:
        """Return a creds.json encoded for the column."""
        text = data.decode("utf-8", "surrogatepass")
        return json.dumps(text, ensure_ascii=False) if self._twice else text

    def replace(self, raw: str) -> None:
        """Write the column of the existing row. Raises KeystoreProblem."""
        statement: Any = SQL("UPDATE {} AS k SET {} = %s WHERE {}").format(
            self.table, self.column, self.condition
        )
        if self._database.do(statement, (raw, *self.values)) != 1:
            raise KeystoreProblem(
                errors.ROWS_REFUSED,
                "The table did not take the creds (a trigger or a policy is in the way), so nothing was restored.",
            )

    def _document(self, raw: str) -> bytes | None:
        """Return the creds.json in a column's text. Raises KeystoreProblem for an unexpected encoding."""
        try:
            document = parse(raw)
        except JsonError:
            return raw.encode("utf-8", "surrogatepass")
        if isinstance(document, str) != self._twice and isinstance(document, (str, dict)):
            found = "a text inside a text" if isinstance(document, str) else "no text inside a text"
            way = "JsonTextTwice" if isinstance(document, str) else "Json, or JsonText"
            raise KeystoreProblem(
                errors.ROWS_REFUSED, f"The creds in the table are {found}: set --encoding {way}."
            )
        return (document if isinstance(document, str) else raw).encode("utf-8", "surrogatepass")
