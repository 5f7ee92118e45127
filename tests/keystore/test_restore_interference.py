"""Restores that are killed at any message, and others that write at the same time: all of a session, or nothing."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from baileys_janitor.keystore.restore.view import View, Viewer
from tests.keystore.backups import Store, keep_in_first_layout
from tests.keystore.restores import everything, fetched, lose, restore, small, undo
from tests.keystore.server import wait_until
from tests.keystore.test_interference import killed
from tests.keystore.test_undo import execute_plainly
from tests.real.sessions import ALL_CHECKS

#: Of so many messages that a restore sends, one is tried.
STEP = 1 if ALL_CHECKS else 7


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    """A store whose session `acme` was lost after its backup."""
    keep_in_first_layout(url, small("acme"))
    found = Store(url, tmp_path / "store", now=time.time())
    found.back_up()
    lose(found)
    return found


def test_killed_at_any_message_a_session_has_all_of_it_or_nothing(store: Store) -> None:
    archive = fetched(store)
    lost = everything(store)

    def work(url: str) -> None:
        assert restore(store, into=url, archive=archive).outcome == "Completed"

    messages = killed(store.url, work, None, deliver=True)
    whole = everything(store)
    assert messages > 20
    outcomes = set()
    for kill_at in range(1, messages + 1, STEP):
        _begin_again(store)
        assert everything(store) == lost
        killed(store.url, work, kill_at, deliver=kill_at % 2 == 1)
        wait_until(lambda: _alone(store.url), "the server has noticed")

        found = everything(store)

        done = _recorded(store.url) > 0
        assert len(found["whatsapp_auth"]) == done
        assert len(found["whatsapp_keys"]) == (len(whole["whatsapp_keys"]) if done else 0)
        outcomes.add(done)
        again = restore(store, archive=archive, run="restore-2")
        assert again.outcome == ("NothingToDo" if done else "Completed")
        assert undo(store, "restore-1" if done else "restore-2").outcome == "Completed"
        assert everything(store) == lost
    assert False in outcomes


def _begin_again(store: Store) -> None:
    lose(store)
    execute_plainly(store.url, "DROP SCHEMA IF EXISTS baileys_janitor CASCADE")


def _alone(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND state IS NOT NULL"
        ).fetchone() == (True,)


def _recorded(url: str) -> int:
    with psycopg.connect(url) as connection:
        there = connection.execute("SELECT to_regclass('baileys_janitor.restored')").fetchone()
        if there == (None,):
            return 0
        found = connection.execute("SELECT count(*) FROM baileys_janitor.restored").fetchone()
        assert found is not None
        return int(found[0])


@pytest.mark.parametrize(
    ("before", "statement"),
    [
        (
            "",
            "INSERT INTO whatsapp_keys VALUES ('acme', 'tctoken', '2201@lid', '{\"mine\": 1}')",
        ),
        ("", "INSERT INTO whatsapp_auth VALUES ('acme', '{\"mine\": 1}')"),
        (
            "INSERT INTO whatsapp_keys VALUES ('acme', 'sender-key-memory', '120363000000000001@g.us', '1')",
            "UPDATE whatsapp_keys SET value = '{\"b\": true}' WHERE key_type = 'sender-key-memory'",
        ),
    ],
)
def test_what_a_process_writes_during_a_restore_stays_and_nothing_is_restored(
    store: Store, monkeypatch: pytest.MonkeyPatch, before: str, statement: str
) -> None:
    if before:
        execute_plainly(store.url, before)
    look = Viewer.view
    written = []

    def view(*arguments: object, **more: object) -> View:
        found = look(*arguments, **more)  # type: ignore[arg-type]
        execute_plainly(store.url, statement)
        written.append(everything(store))
        return found

    monkeypatch.setattr(Viewer, "view", view)

    result = restore(store)

    assert (result.outcome, result.code) == ("Refused", "StillRunning")
    assert [everything(store)] == written
