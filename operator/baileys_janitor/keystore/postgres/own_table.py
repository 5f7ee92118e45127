"""A table of the janitor's own, created only when needed: whether it exists, and whether this user may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.postgres.queries import quoted
from baileys_janitor.keystore.postgres.state import CREATING

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from baileys_janitor.keystore.postgres.connect import Database

_THERE: Final = """
SELECT c.oid IS NOT NULL, n.oid IS NOT NULL,
       coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false),
       coalesce((SELECT bool_and(has_table_privilege(c.oid, needed)) FROM unnest(%s::text[]) AS needed), false)
FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = %s::text
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r' AND c.relname = %s::text
"""


class OwnTable:
    """One table in the janitor's schema. `rights` are those needed for writing to it, `columns` its definition."""

    def __init__(
        self, database: Database, schema: str, name: str, columns: str, rights: tuple[str, ...]
    ) -> None:
        self._database = database
        self._schema = schema
        self._columns = columns
        self.sql: Composed = SQL("{}").format(quoted(schema, name))
        with database.transaction(read_only=True):
            self._there, self._has_schema, self.readable, self._writable = database.row(
                _THERE, (list(rights), schema, name)
            )

    def ensure(self) -> None:
        """Create it where it is missing. Raises KeystoreProblem, RightsMissing where this user may not use it."""
        if self._there:
            if not (self.readable and self._writable):
                raise KeystoreProblem(
                    errors.RIGHTS_MISSING,
                    f"This user may not write to a table of the janitor's in the schema {self._schema}.",
                )
            return
        with self._database.transaction():
            self._database.row("SELECT pg_advisory_xact_lock(%s, %s)::text", CREATING)
            if not self._has_schema:
                self._database.do(
                    SQL("CREATE SCHEMA IF NOT EXISTS {}").format(quoted(self._schema))
                )
            self._database.do(
                SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(self.sql, SQL(self._columns))
            )
        self._there = self.readable = self._writable = True
