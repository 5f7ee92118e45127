"""The rights that the janitor needs, as SQL: the minimum for each kind of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg.sql import SQL, Identifier

from baileys_janitor.keystore.postgres.state import SCHEMA

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from baileys_janitor.keystore.layout import Layout, TableName

ROLE: Final = "baileys_janitor"


def grants(
    layout: Layout,
    role: str = ROLE,
    schema: str = SCHEMA,
    *,
    backup: bool = False,
    restore: bool = False,
) -> str:
    """Return a script for a superuser or the tables' owner; every name in it is quoted.

    With `backup` it includes the rights for backups: reading whole rows of creds; with `restore` those for restores:
    writing them.
    """
    user = Identifier(role)
    keys = _table(layout.table)
    lines = [
        "-- A user of its own. Give it a password with \\password, or log in by certificate.",
        _text(SQL("CREATE ROLE {} LOGIN;").format(user)),
    ]
    schemas = {layout.table.schema, _creds_schema(layout)} - {None}
    lines += [
        _text(SQL("GRANT USAGE ON SCHEMA {} TO {};").format(Identifier(str(name)), user))
        for name in sorted(map(str, schemas))
    ]
    lines += [
        "",
        "-- To count, and for dry runs.",
        _text(SQL("GRANT SELECT ON {} TO {};").format(keys, user)),
    ]
    credentials = layout.credentials
    if credentials.table is not None:
        read = SQL(", ").join([Identifier(credentials.session), Identifier(credentials.creds)])
        lines.append(
            _text(
                SQL("GRANT SELECT ({}) ON {} TO {};").format(read, _table(credentials.table), user)
            )
        )
    if layout.countable_only:
        return "\n".join(lines) + "\n"
    columns = layout.columns
    lockable = Identifier(columns.updated or columns.value)
    lines += [
        "",
        "-- To clean. UPDATE of one column is what passing over rows in use takes; nothing is ever updated.",
        _text(SQL("GRANT DELETE ON {} TO {};").format(keys, user)),
        _text(SQL("GRANT UPDATE ({}) ON {} TO {};").format(lockable, keys, user)),
        "",
        "-- For undo: the janitor's own tables, and putting rows back.",
        _text(
            SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {};").format(Identifier(schema), user)
        ),
        _text(SQL("GRANT INSERT ON {} TO {};").format(keys, user)),
    ]
    if (backup or restore) and credentials.table is not None:
        lines += [
            "",
            "-- For backups, which read whole rows. The archives are remembered in the schema above. Drills take",
            "-- temporary tables, which every user may make unless that was revoked (GRANT TEMPORARY ON DATABASE).",
            _text(SQL("GRANT SELECT ON {} TO {};").format(_table(credentials.table), user)),
        ]
    if restore:
        lines += [
            "",
            "-- For restores: creds come back or get other counters, and an undo takes them away.",
        ]
        lines += _restoring(layout, user)
    lines += [
        "",
        "-- Only where row level security is on: it would hide rows, and nothing is cleaned then.",
        _text(SQL("-- ALTER ROLE {} BYPASSRLS;").format(user)),
    ]
    return "\n".join(lines) + "\n"


def _restoring(layout: Layout, user: Identifier) -> list[str]:
    credentials = layout.credentials
    if credentials.table is None:
        value = Identifier(layout.columns.value)
        return [
            _text(SQL("GRANT UPDATE ({}) ON {} TO {};").format(value, _table(layout.table), user))
        ]
    table, creds = _table(credentials.table), Identifier(credentials.creds)
    return [
        _text(SQL("GRANT INSERT, DELETE ON {} TO {};").format(table, user)),
        _text(SQL("GRANT UPDATE ({}) ON {} TO {};").format(creds, table, user)),
    ]


def _creds_schema(layout: Layout) -> str | None:
    table = layout.credentials.table
    return None if table is None else table.schema


def _table(name: TableName) -> Identifier:
    return Identifier(name.name) if name.schema is None else Identifier(name.schema, name.name)


def _text(statement: Composed) -> str:
    return statement.as_string(None)
