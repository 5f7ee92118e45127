"""Statements about the keys' table, composed for its layout. Every name in them is quoted by the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL, Composed, Identifier, Literal

from baileys_janitor.keystore.adapter import KEY_TYPES, OTHER_TYPE
from baileys_janitor.keystore.layout import SEPARATOR

if TYPE_CHECKING:
    from psycopg.sql import Composable

    from baileys_janitor.keystore.postgres.checks import Column, Facts, Table

_SMALL_BYTES: Final = 16


def quoted(*names: str) -> Identifier:
    """Return a name in quotes, with percent signs doubled: every statement is searched for `%s`."""
    return Identifier(*(each.replace("%", "%%") for each in names))


def literal(text: str) -> Literal:
    """Return a text constant, for values of the layout."""
    return Literal(text.replace("%", "%%"))


def identifier(table: Table) -> Identifier:
    """Return the quoted name of a table with its schema."""
    return quoted(table.name.schema or "", table.name.name)


class Queries:
    """Expressions for the columns of one keys' table, called `k` in every statement.

    `session`, `name` (of a key within its session) and `key_type` (the library's, or `other`) are text. `updated` is a
    time with a zone, None where the table has none. `is_creds` holds for rows of creds. `type` and `id` are the columns
    as text; `type` is None where the id includes it. `wanted` holds for rows of one session: its parameters come from
    `of_session`.
    """

    def __init__(self, facts: Facts) -> None:
        layout, columns = facts.layout, facts.layout.columns
        self._prefixed = layout.prefixed
        self._row = layout.credentials.row
        self.table = identifier(facts.keys)
        self.value = _column(columns.value)
        self.type = _as_text(facts, columns.type) if columns.type else None
        self.id: Composable = _as_text(facts, columns.id) if columns.id else SQL("''")
        self.updated = _time(facts.updated, columns.zone)
        self.created = _time(facts.created, columns.zone)
        self.name = self.id
        if self._prefixed:
            # The library's own ids contain colons, so the first colon ends the session.
            self.session: Composable = SQL("split_part({}, {}, 1)").format(
                self.id, literal(SEPARATOR)
            )
            self.name = SQL("substr({0}, strpos({0}, {1}) + 1)").format(self.id, literal(SEPARATOR))
            self.wanted: Composable = SQL("starts_with({}, %s)").format(self.id)
        else:
            self.session = SQL("{}::text").format(_column(columns.session))
            self.wanted = SQL("{} = %s").format(_column(columns.session))
        self.is_creds = self._is_creds()
        self.is_key = SQL("({}) IS NOT TRUE").format(self.is_creds)
        self.key_type = self._key_type()

    @property
    def version(self) -> Composable:
        """A number that changes with every write of a row, as text."""
        return SQL("k.xmin::text")

    @property
    def size(self) -> Composable:
        """The bytes of the value; 0 where the library would find nothing: no value, an empty one or `null`."""
        return SQL(
            "CASE WHEN {0} IS NULL THEN 0"
            " WHEN pg_column_size({0}) <= {1} AND {0}::text IN ('', 'null', '\"\"', '\"null\"') THEN 0"
            " ELSE pg_column_size({0}) END"
        ).format(self.value, Literal(_SMALL_BYTES))

    @property
    def updated_microseconds(self) -> Composable:
        """The time of the last write in microseconds since 1970; NULL where there is none."""
        if self.updated is None:
            return SQL("NULL::bigint")
        return SQL(
            "CASE WHEN isfinite({0}) THEN (extract(epoch FROM {0}) * 1000000)::bigint END"
        ).format(self.updated)

    def of_session(self, session: str) -> tuple[str, ...]:
        """Return the parameters of `wanted` for a session."""
        return (session + SEPARATOR,) if self._prefixed else (session,)

    def creds_of(self, session: str) -> tuple[Composable, tuple[str, ...]]:
        """Return the condition for the row of a session's creds, and its parameters."""
        if self._prefixed:
            return SQL("{} = %s").format(self.id), (session + SEPARATOR + self._row,)
        return SQL("{} AND {}").format(self.wanted, self.is_creds), (session,)

    def key_of(self, session: str, key_type: str, ident: str) -> tuple[Composable, tuple[str, ...]]:
        """Return the condition for one key of a session, and its parameters."""
        if self.type is not None:
            condition = SQL("{} AND {} = %s AND {} = %s").format(self.wanted, self.type, self.id)
            return condition, (session, key_type, ident)
        name = f"{key_type}-{ident}"
        if self._prefixed:
            return SQL("{} = %s").format(self.id), (session + SEPARATOR + name,)
        return SQL("{} AND {} = %s").format(self.wanted, self.id), (session, name)

    def _is_creds(self) -> Composable:
        if not self._row:
            return SQL("false")
        if self._prefixed:
            ending = SEPARATOR + self._row
            return SQL("right({}, {}) = {}").format(self.id, Literal(len(ending)), literal(ending))
        named = self.id if self.type is None else self.type
        return SQL("{} = {}").format(named, literal(self._row))

    def _key_type(self) -> Composable:
        known = SQL(", ").join(map(literal, KEY_TYPES))
        other = literal(OTHER_TYPE)
        if self.type is not None:
            return SQL("CASE WHEN {0} IN ({1}) THEN {0} ELSE {2} END").format(
                self.type, known, other
            )
        cases = [
            SQL("WHEN starts_with({}, {}) THEN {}").format(
                self.name, literal(f"{each}-"), literal(each)
            )
            for each in KEY_TYPES
        ]
        return SQL("CASE {} ELSE {} END").format(SQL(" ").join(cases), other)


def _column(name: str) -> Identifier:
    return quoted("k", name)


def _as_text(facts: Facts, name: str) -> Composable:
    column = _column(name)
    return column if facts.column(name).textual else SQL("{}::text").format(column)


def _time(column: Column | None, zone: str) -> Composed | Identifier | None:
    """Return a time with its zone; infinite values become NULL."""
    if column is None or not column.timestamp:
        return None
    named = _column(column.name)
    if column.type == "timestamp with time zone":
        return named
    return SQL("({} AT TIME ZONE {})").format(named, literal(zone or "UTC"))
