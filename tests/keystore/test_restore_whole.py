"""A session that was stopped before its backup moves as a whole."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.archived import CONTENT, record
from tests.keystore.backups import Store, keep_in_first_layout
from tests.keystore.restores import everything, exported, fill, lose, restore, small, undo
from tests.pairings import whole


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    """A store with a session that has just been backed up."""
    keep_in_first_layout(url, small("acme"))
    found = Store(url, tmp_path / "store", now=time.time())
    assert found.back_up().outcome == "Completed"
    return found


def test_a_whole_session_needs_an_archive_of_a_stopped_one(store: Store) -> None:
    lose(store)

    done = restore(store, mode="Whole", acknowledged=["NothingRanSince"])

    assert (done.outcome, done.code) == ("Refused", "NotQuiesced")


@pytest.fixture
def stopped(store: Store) -> Store:
    """The same store, whose archive was made while no process used the session."""
    store.now += 60
    assert store.back_up(quiesced=True).repositories[0].outcome == "Put"
    lose(store)
    return store


def test_a_session_that_was_stopped_moves_as_a_whole(stopped: Store, tmp_path: Path) -> None:
    empty = everything(stopped)

    unsaid = restore(stopped, mode="Whole")
    done = restore(stopped, mode="Whole", acknowledged=["NothingRanSince"], run="restore-2")

    assert unsaid.code == "NothingRanSince"
    assert (done.outcome, done.rows) == ("Completed", len(CONTENT))
    assert exported(stopped, tmp_path / "back") == {
        name: json.loads(data) for name, data in CONTENT.items()
    }
    assert undo(stopped, "restore-2").taken_away == len(CONTENT)
    assert everything(stopped) == empty


@pytest.mark.parametrize("name", ["session-2201.0.json", "pre-key-29.json", "creds.json"])
def test_a_move_goes_on_from_its_own_rows_alone(stopped: Store, name: str) -> None:
    fill(stopped, {name: CONTENT[name]})
    same = restore(stopped, mode="Whole", acknowledged=["NothingRanSince"])
    fill(
        stopped,
        {
            name: whole(lastAccountSyncTimestamp=1, nextPreKeyId=40)
            if name == "creds.json"
            else record(3)
        },
    )

    other = restore(stopped, mode="Whole", acknowledged=["NothingRanSince"], run="restore-2")

    assert (same.outcome, same.rows) == ("Completed", len(CONTENT) - 1)
    assert (other.outcome, other.code) == ("Refused", "NotAsArchived")
