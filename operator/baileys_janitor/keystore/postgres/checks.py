"""The actual tables of the database, and why nothing may be removed from them.

`inspect` raises where the table cannot even be read. Everything that only forbids removals is one of the
`hindrances`: the report still runs and includes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from baileys_janitor.keystore import errors
from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import JSON, TableName

if TYPE_CHECKING:
    from baileys_janitor.keystore.layout import Layout
    from baileys_janitor.keystore.postgres.connect import Database

_WITH_ZONE: Final = "timestamp with time zone"
_WITHOUT_ZONE: Final = "timestamp without time zone"
_JSON_TYPES: Final = ("json", "jsonb")
_TEXT_TYPES: Final = ("text", "character varying")
_TABLE_KINDS: Final = ("r", "p")

_SERVER = """
SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on', current_user::text,
       current_setting('server_version_num')::int, extract(epoch FROM clock_timestamp())::float8
"""
_TABLE = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = %s::text AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN %s::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = %s::text END
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL), t.typtype::text, a.attgenerated::text <> '',
       has_column_privilege(%s::oid, a.attnum, 'SELECT'), has_column_privilege(%s::oid, a.attnum, 'UPDATE'),
       a.attidentity::text <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%%', false)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_UNIQUE = """
SELECT array_agg(a.attname::text) FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid
  AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
WHERE i.indrelid = %s::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid
"""
_RIGHTS = "SELECT has_table_privilege(%s::oid, 'DELETE'), has_table_privilege(%s::oid, 'INSERT')"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type as the server prints it, and the user's rights on it.

    `numbered`: the server assigns a number of its own to each new row there.
    """

    name: str
    type: str
    generated: bool
    readable: bool
    updatable: bool
    enumerated: bool
    numbered: bool = False

    @property
    def textual(self) -> bool:
        """Whether it can be compared as text using its index."""
        return self.type in _TEXT_TYPES

    @property
    def timestamp(self) -> bool:
        """Whether its type is a timestamp."""
        return self.type in (_WITH_ZONE, _WITHOUT_ZONE)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalogue describes it. `hidden`: row level security may hide rows from this user."""

    oid: int
    name: TableName
    kind: str
    hidden: bool
    columns: dict[str, Column]
    unique: tuple[frozenset[str], ...]
    deletable: bool
    insertable: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """The server, and the layout's tables in it.

    `credentials` is None where creds are in a row of the keys' table, or nowhere. `updated` and `created` are the
    columns of times, None where the table has none. `now` is the server's time in Unix seconds.
    """

    layout: Layout
    keys: Table
    credentials: Table | None
    updated: Column | None
    created: Column | None
    replica: bool
    user: str
    version: int
    now: float

    def column(self, name: str) -> Column:
        """Return a column of the keys' table."""
        return self.keys.columns[name]


def inspect(database: Database, layout: Layout) -> Facts:
    """Return the tables of a layout as the database has them. Raises KeystoreProblem where they cannot be read."""
    with database.transaction(read_only=True):
        recovering, read_only, user, version, now = database.row(_SERVER)
        keys = _table(database, layout.table, "keys.table")
        own = layout.credentials.table
        credentials = None if own is None else _table(database, own, "credentials.table")
    _check_columns(layout, keys, credentials)
    columns = keys.columns
    return Facts(
        layout,
        keys,
        credentials,
        columns.get(layout.columns.updated),
        columns.get(layout.columns.created),
        recovering or read_only,
        user,
        version,
        now,
    )


def _table(database: Database, name: TableName, field: str) -> Table:
    found = database.rows(_TABLE, (name.name, name.schema, name.schema))
    if not found:
        raise KeystoreProblem(
            errors.TABLE_MISSING,
            f"{field}: there is no table {name} that this user can see; check the name, its capitals and its schema.",
        )
    oid, schema, table, kind, hidden = found[0]
    resolved = TableName(table, schema)
    if kind not in _TABLE_KINDS:
        raise KeystoreProblem(
            errors.NOT_A_TABLE,
            f"{field}: {name} is a view or a foreign table; name the table itself.",
        )
    columns = {
        column: Column(column, shown, generated, readable, updatable, typtype == "e", numbered)
        for column, shown, typtype, generated, readable, updatable, numbered in database.rows(
            _COLUMNS, (oid, oid, oid)
        )
    }
    unique = tuple(frozenset(names) for (names,) in database.rows(_UNIQUE, (oid,)))
    deletable, insertable = database.row(_RIGHTS, (oid, oid))
    return Table(oid, resolved, kind, hidden, columns, unique, deletable, insertable)


def _check_columns(layout: Layout, keys: Table, credentials: Table | None) -> None:
    columns = layout.columns
    for key in ("session", "type", "id", "value"):
        name = getattr(columns, key)
        if name:
            _require(keys, name, f"keys.columns.{key}")
    if credentials is not None:
        found = layout.credentials
        _require(credentials, found.session, "credentials.columns.session")
        _require(credentials, found.creds, "credentials.columns.creds")
        _check_encoding(layout, credentials.columns[found.creds])
    elif layout.credentials.row:
        _check_encoding(layout, keys.columns[columns.value])
    for key in ("updated", "created"):
        column = keys.columns.get(getattr(columns, key))
        if column is not None and not column.readable:
            raise _no_right(keys.name, column.name)


def _require(table: Table, name: str, field: str) -> None:
    column = table.columns.get(name)
    if column is None:
        there = ", ".join(sorted(table.columns)[:12])
        raise KeystoreProblem(
            errors.COLUMN_MISSING, f"{field}: {table.name} has no column {name}; it has {there}."
        )
    if not column.readable:
        raise _no_right(table.name, name)


def _check_encoding(layout: Layout, column: Column) -> None:
    json = column.type in _JSON_TYPES
    wants_json = layout.credentials.encoding == JSON
    if wants_json and not json:
        raise KeystoreProblem(
            errors.COLUMN_TYPE,
            f"credentials.encoding: {column.name} is {column.type}, not json or jsonb; set JsonText, or JsonTextTwice "
            "where the text was encoded twice.",
        )
    if not json and not column.textual:
        raise KeystoreProblem(
            errors.COLUMN_TYPE,
            f"credentials: {column.name} is {column.type}; only json, jsonb and text can be read.",
        )


def _no_right(table: TableName, column: str) -> KeystoreProblem:
    return KeystoreProblem(
        errors.RIGHTS_MISSING,
        f"This user may not read {column} of {table}: `baileys-janitor keystore grants` prints the rights it needs.",
    )


def hindrances(facts: Facts) -> list[KeystoreProblem]:
    """Return why nothing may be removed, as far as the catalogue shows; the first is the one to report."""
    layout = facts.layout
    found: list[KeystoreProblem] = []
    if layout.countable_only:
        found.append(
            KeystoreProblem(
                errors.COUNTED_ONLY,
                "A row holds a whole session here, so no single key can be removed: such a store is only counted.",
            )
        )
    if facts.replica:
        found.append(
            KeystoreProblem(
                errors.REPLICA,
                "This database only takes reads: it is a replica. Use the primary's address.",
            )
        )
    found += [_hidden(table, facts.user) for table in _tables(facts) if table.hidden]
    found += _times_of(facts)
    if not layout.countable_only:
        found += _key_of(facts)
        found += _rights_of(facts)
    if not layout.countable_only and facts.credentials is None and not layout.credentials.row:
        found.append(
            KeystoreProblem(
                errors.COLUMN_MISSING,
                "credentials: without creds nobody knows which keys are the tenant's own; name their table or row.",
            )
        )
    return found


def _tables(facts: Facts) -> list[Table]:
    return [facts.keys] if facts.credentials is None else [facts.keys, facts.credentials]


def _hidden(table: Table, user: str) -> KeystoreProblem:
    return KeystoreProblem(
        errors.ROW_SECURITY,
        f"Row level security may hide rows of {table.name} from this user, and a cleanup that sees a part decides "
        f"wrongly: as a superuser, ALTER ROLE {user} BYPASSRLS, or give it a policy USING (true) and table ownership "
        "without FORCE ROW LEVEL SECURITY.",
    )


def _times_of(facts: Facts) -> list[KeystoreProblem]:
    columns, updated, created = facts.layout.columns, facts.updated, facts.created
    if updated is None:
        named = f"{facts.keys.name} has no column {columns.updated}" if columns.updated else ""
        reason = named or f"{facts.keys.name} has no time of the last write"
        return [
            KeystoreProblem(
                errors.NO_TIMES,
                f"{reason}, so no key's age is known: keys are counted, never removed. A column that every write "
                "sets, named as keys.columns.updated, changes that.",
            )
        ]
    if not updated.timestamp:
        return [
            KeystoreProblem(
                errors.TIME_TYPE,
                f"keys.columns.updated: {updated.name} is {updated.type}, not a timestamp, so nothing is removed; "
                "a generated or converted column of type timestamptz is needed.",
            )
        ]
    if updated.type == _WITHOUT_ZONE and not columns.zone:
        return [
            KeystoreProblem(
                errors.TIME_ZONE_UNKNOWN,
                f"keys.columns.updated: {updated.name} has no time zone, so ages are off by hours; name the zone that "
                "its writer uses as keys.columns.zone (UTC with Prisma), or make it timestamptz.",
            )
        ]
    if created is not None and not created.timestamp:
        return [
            KeystoreProblem(
                errors.TIME_TYPE,
                f"keys.columns.created: {created.name} is {created.type}, not a timestamp; leave it out by naming "
                'it "".',
            )
        ]
    return []


def _key_of(facts: Facts) -> list[KeystoreProblem]:
    columns = facts.layout.columns
    key = {name for name in (columns.session, columns.type, columns.id) if name}
    if any(unique <= key for unique in facts.keys.unique):
        return []
    return [
        KeystoreProblem(
            errors.NO_UNIQUE_KEY,
            f"No unique key of {facts.keys.name} covers {', '.join(sorted(key))}, so a row cannot be named: add a "
            "primary key or a unique index on them.",
        )
    ]


def _rights_of(facts: Facts) -> list[KeystoreProblem]:
    keys = facts.keys
    missing = [] if keys.deletable else ["DELETE"]
    # Rows held by another process are skipped, and detecting them requires the right to lock a row.
    if not any(column.updatable for column in keys.columns.values()):
        missing.append("UPDATE of one column")
    if not missing:
        return []
    return [
        KeystoreProblem(
            errors.RIGHTS_MISSING,
            f"This user lacks {' and '.join(missing)} on {keys.name}: `baileys-janitor keystore grants` prints the "
            "rights it needs.",
        )
    ]
