"""A restore that is taken back: only what it has put there, while nobody uses it, and for the same identity alone."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from baileys_janitor.keystore.clean import Cleaning, Keeping
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from tests.keystore.backups import Store, keep_in_first_layout
from tests.keystore.restores import RUN, everything, lose, restore, small, undo
from tests.keystore.test_clean import SETTINGS
from tests.keystore.test_undo import execute_plainly
from tests.pairings import whole

PUT = 14


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    """A store whose session `acme` was lost after its backup, and restored."""
    keep_in_first_layout(url, small("acme"))
    found = Store(url, tmp_path / "store", now=time.time())
    found.back_up()
    lose(found)
    assert restore(found).rows == PUT
    return found


def runs(store: Store) -> dict[str, tuple[str, int]]:
    from baileys_janitor.keystore.undo import Undoing

    with store.opened() as database:
        found = Undoing(database, inspect(database, layout_of())).runs()
    return {each.run: (each.reason, each.rows) for each in found}


def test_it_is_listed_rehearsed_and_taken_back_once(store: Store) -> None:
    assert runs(store) == {RUN: ("Restore", PUT)}
    before = everything(store)

    looked = undo(store, None, dry_run=True)
    assert everything(store) == before
    done = undo(store, None)

    assert (looked.outcome, looked.taken_away) == ("DryRun", PUT)
    assert (done.outcome, done.taken_away, done.restored, done.run) == ("Completed", PUT, 0, RUN)
    assert everything(store) == {"whatsapp_keys": [], "whatsapp_auth": []}
    assert runs(store) == {}
    assert undo(store).outcome == "NothingToDo"
    assert undo(store, "restore-9").code == "RunUnknown"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE whatsapp_keys SET value = '{\"new\": 1}' WHERE key_type = 'pre-key'",
        "INSERT INTO whatsapp_keys VALUES ('acme', 'pre-key', '900', '{}')",
        'UPDATE whatsapp_auth SET creds = creds || \'{"lastPropHash": "x"}\'',
    ],
)
def test_nothing_goes_once_a_process_has_written(store: Store, statement: str) -> None:
    execute_plainly(store.url, statement)
    before = everything(store)

    looked = undo(store, dry_run=True)
    done = undo(store)

    assert (done.outcome, done.kept) == ("Capped", {"SessionWritten": PUT})
    assert looked.kept == done.kept
    assert everything(store) == before


def test_nothing_goes_from_a_session_that_was_paired_again(store: Store) -> None:
    execute_plainly(store.url, f"UPDATE whatsapp_auth SET creds = '{whole('z').decode()}'::jsonb")
    before = everything(store)

    assert undo(store).kept == {"IdentityChanged": PUT}
    assert everything(store) == before


def test_rows_that_somebody_has_removed_do_not_keep_the_others(store: Store) -> None:
    execute_plainly(store.url, "DELETE FROM whatsapp_keys WHERE key_type = 'device-list'")

    assert undo(store).taken_away == PUT - 1
    assert everything(store) == {"whatsapp_keys": [], "whatsapp_auth": []}


def test_another_runs_lock_is_respected(store: Store) -> None:
    from baileys_janitor.keystore.session import Sessions

    with store.opened() as other:
        sessions = Sessions(other, inspect(other, layout_of()))
        with other.transaction():
            assert sessions.lock("acme")
            _refused_as_busy(store)


def _refused_as_busy(store: Store) -> None:
    again = restore(store, run="restore-2")

    assert undo(store).kept == {"Busy": PUT}
    assert (again.outcome, again.code) == ("Refused", "Busy")


def test_the_record_goes_when_the_undo_window_is_over(store: Store) -> None:
    execute_plainly(
        store.url,
        "UPDATE baileys_janitor.restored SET restored_at = now() - interval '73 hours';"
        "UPDATE whatsapp_keys SET created_at = created_at - interval '1 hour'",
    )

    with store.opened() as database:
        facts = inspect(database, layout_of())
        assert Cleaning(database, facts, SETTINGS, "run-1", keeping=Keeping()).apply().outcome in (
            "NothingToDo",
            "Completed",
        )

    assert undo(store).code == "RunPurged"
    with psycopg.connect(store.url) as connection:
        found = connection.execute("SELECT count(*) FROM baileys_janitor.restored").fetchone()
    assert found == (0,)


def test_what_was_put_holds_no_key_in_its_record(store: Store) -> None:
    with psycopg.connect(store.url) as connection:
        found = connection.execute("SELECT r::text FROM baileys_janitor.restored AS r").fetchone()

    assert found is not None
    assert "private" not in found[0]
    assert "adva" not in found[0]
