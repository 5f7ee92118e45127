"""Restores of rows for the tests: from the repository of a store, as the command line makes them."""

from __future__ import annotations

from collections.abc import Collection

import psycopg

from baileys_janitor.backup.fetch import FetchedRows, Wanted, fetch_rows
from baileys_janitor.backup.known import Known
from baileys_janitor.backup.names import KEY_STORE, tenant_of
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.keystore.restore.run import RestoringRows, RowsRestored
from baileys_janitor.keystore.restore.view import Asked
from baileys_janitor.keystore.results import UndoResult
from baileys_janitor.keystore.undo import Undoing
from baileys_janitor.policy.restore_codes import SAFE
from tests.backup.sessions import IDENTITIES
from tests.keystore.backups import Store
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
            named = psycopg.sql.Identifier(*([each.schema] if each.schema else []), each.name)
            rows = connection.execute(
                psycopg.sql.SQL("SELECT t.*::text FROM {} AS t ORDER BY 1").format(named)
            )
            found[each.name] = [row for (row,) in rows]
    return found
