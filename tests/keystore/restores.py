"""Restores of rows for the tests: from the repository of a store, as the command line makes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from baileys_janitor.backup.fetch import FetchedRows, Wanted, fetch_rows
from baileys_janitor.backup.known import Known
from baileys_janitor.backup.names import KEY_STORE, tenant_of
from baileys_janitor.keystore.adapter import key_of
from baileys_janitor.keystore.layout import TableName, layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.keystore.restore.run import RestoringRows, RowsRestored
from baileys_janitor.keystore.restore.view import Asked
from baileys_janitor.keystore.results import UndoResult
from baileys_janitor.keystore.transfer import export_session
from baileys_janitor.keystore.undo import Undoing
from baileys_janitor.policy.archives.restore_codes import SAFE
from tests.archived import CONTENT
from tests.backup.sessions import IDENTITIES
from tests.keystore.backups import Store
from tests.keystore.data import DAY, Company, Key
from tests.keystore.test_clean import LIMITS

RUN = "restore-1"


def fetched(store: Store, session: str = "acme") -> FetchedRows:
    """The session's newest archive."""
    wanted = Wanted(KEY_STORE, tenant_of(session), Known(), anybody=True)
    return fetch_rows(store.repository, wanted, IDENTITIES, store.now + 1)


def restore(
    store: Store,
    session: str = "acme",
    *,
    apply: bool = True,
    into: str | None = None,
    run: str = RUN,
    archive: FetchedRows | None = None,
    mode: str = SAFE,
    expected: str | None = None,
    acknowledged: Collection[str] = (),
) -> RowsRestored:
    """Put the newest archive back; the person has written its fingerprint out unless `expected` is given."""
    archive = archive or fetched(store, session)
    found = archive.unpacked.session.identity.fingerprint
    asked = Asked(mode, (), found if expected is None else expected, acknowledged)
    with Database(into or store.url, limits=LIMITS) as database:
        facts = inspect(database, layout_of(store.keys, store.credentials))
        restoring = RestoringRows(database, facts, run)
        if not apply:
            return restoring.look(session, archive, asked)
        restoring.begin()
        result = restoring.apply(session, archive, asked)
        restoring.end()
        return result


def undo(store: Store, run: str | None = RUN, *, dry_run: bool = False) -> UndoResult:
    with store.opened() as database:
        facts = inspect(database, layout_of(store.keys, store.credentials))
        return Undoing(database, facts).undo(run, dry_run=dry_run)


def everything(store: Store) -> dict[str, list[str]]:
    """Every row of the store's tables as the server prints it."""
    layout = layout_of(store.keys, store.credentials)
    tables = [layout.table, *([layout.credentials.table] if layout.credentials.table else [])]
    found = {}
    with psycopg.connect(store.url) as connection:
        for each in tables:
            rows = connection.execute(
                SQL("SELECT t.*::text FROM {} AS t ORDER BY 1").format(named(each))
            )
            found[each.name] = [row for (row,) in rows]
    return found


def named(table: TableName) -> Identifier:
    return Identifier(*([table.schema] if table.schema else []), table.name)


def small(name: str = "acme", content: Mapping[str, bytes] = CONTENT) -> Company:
    """A session with a few keys of each kind, as `tests.archived` has it in files."""
    found = Company(name, creds=json.loads(content["creds.json"]))
    for each, data in content.items():
        key = key_of(each)
        if key is not None:
            found.keys.append(Key(*key, age=3600, created=30 * DAY, value=data.decode()))
    return found


def lose(store: Store, session: str = "acme") -> None:
    """Remove every row of a session."""
    layout = layout_of(store.keys, store.credentials)
    columns, own = layout.columns, layout.credentials
    wanted = SQL("{} = {}").format(Identifier(columns.session or columns.id), Literal(session))
    if layout.prefixed:
        wanted = SQL("starts_with({}, {})").format(Identifier(columns.id), Literal(f"{session}:"))
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(SQL("DELETE FROM {} WHERE {}").format(named(layout.table), wanted))
        if own.table is not None:
            wanted = SQL("{} = {}").format(Identifier(own.session), Literal(session))
            connection.execute(SQL("DELETE FROM {} WHERE {}").format(named(own.table), wanted))


def exported(store: Store, path: Path, session: str = "acme") -> dict[str, Any]:
    """The session as the documents of its files."""
    with store.opened() as database:
        facts = inspect(database, layout_of(store.keys, store.credentials))
        export_session(database, facts, str(path), session)
    return {each.name: json.loads(each.read_bytes()) for each in path.iterdir()}


def fill(store: Store, content: Mapping[str, bytes]) -> None:
    """Have only these rows in the session."""
    lose(store)
    with psycopg.connect(store.url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value, updated_at)"
            " VALUES ('acme', %s, %s, %s, now() - interval '1 hour')",
            [
                (*key, data.decode())
                for name, data in content.items()
                if (key := key_of(name)) is not None
            ],
        )
        if "creds.json" in content:
            cursor.execute(
                "INSERT INTO whatsapp_auth VALUES ('acme', %s)", (content["creds.json"].decode(),)
            )
