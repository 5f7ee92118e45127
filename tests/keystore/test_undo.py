"""Undo: what a run removed comes back byte for byte, and never where it would do harm."""

from __future__ import annotations

import json

import psycopg
import pytest

from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.keystore.results import UndoResult
from baileys_janitor.keystore.undo import Undoing
from tests.keystore.data import Company, Key, company, first_layout, rows
from tests.keystore.test_clean import LIMITS, clean
from tests.policy.worlds import DAY, OWN_LID, creds

GROUP = "120363000000000001@g.us"


def undo(url: str, run: str | None = None, *, dry_run: bool = False) -> UndoResult:
    with Database(url, limits=LIMITS) as database:
        return Undoing(database, inspect(database, layout_of())).undo(run, dry_run=dry_run)


def execute_plainly(url: str, statement: str) -> None:
    """Without a look for parameters in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def execute(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement, values)


def test_what_a_run_removed_comes_back_byte_for_byte(any_url: str) -> None:
    first_layout(any_url, company(), company("7", seed=3))
    before = rows(any_url)
    removed = clean(any_url).removed

    looked = undo(any_url, dry_run=True)
    assert len(rows(any_url)) == len(before) - removed
    result = undo(any_url, "run-1")

    assert (result.outcome, result.restored, result.sessions) == ("Completed", removed, 2)
    assert (looked.outcome, looked.restored) == ("DryRun", removed)
    assert rows(any_url) == before
    assert undo(any_url, "run-1").outcome == "NothingToDo"


def test_an_undo_is_noticed_so_that_the_next_run_takes_nothing_at_once(url: str) -> None:
    first_layout(url, company())
    clean(url)
    undo(url)

    result = clean(url, "run-2")

    assert result.removed == 0
    assert result.kept["AgeCountsAnew"] >= 32


def test_a_row_that_was_written_again_stays_as_it_is(url: str) -> None:
    first_layout(url, company())
    before = rows(url)
    clean(url)
    [key, *_] = sorted(key for key in before.keys() - rows(url).keys() if key[1] == "session")
    execute(
        url,
        "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value) VALUES (%s, %s, %s, '7')",
        *key,
    )
    written = rows(url)[key]

    result = undo(url)

    assert rows(url)[key] == written
    assert (result.outcome, result.kept) == ("Capped", {"NewerExists": 1})
    assert result.restored == 31


def test_a_memory_row_never_comes_back_beside_a_newer_own_key(url: str) -> None:
    first_layout(url, company())
    clean(url)
    group = "120363000000000000@g.us"
    own = f"{group}::{OWN_LID}_1::7"
    execute(
        url,
        "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value) VALUES ('962302', 'sender-key', %s, '7')",
        own,
    )

    result = undo(url)

    assert result.kept == {"NewerExists": 1, "WithItsPair": 1}
    assert ("962302", "sender-key-memory", group) not in rows(url)


def test_an_own_key_never_comes_back_beside_a_newer_memory_row(url: str) -> None:
    first_layout(url, company())
    clean(url)
    group = "120363000000000000@g.us"
    # Another device's key of the same group: other names than those in the archive.
    execute(
        url,
        "DELETE FROM baileys_janitor.archive WHERE key_type = 'sender-key-memory' AND key_id = %s",
        group,
    )
    execute(
        url,
        "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value)"
        " VALUES ('962302', 'sender-key-memory', %s, '{}')",
        group,
    )

    result = undo(url)

    assert result.kept == {"WithItsPair": 1}


def test_a_memory_row_that_was_removed_as_a_repair_stays_away(url: str) -> None:
    found = company(old=0)
    found.keys.append(Key("sender-key-memory", GROUP, DAY, DAY))
    first_layout(url, found)

    result = clean(url)
    assert result.by_reason == {"MemoryWithoutKey": 1}

    assert undo(url).kept == {"OwnKeyMissing": 1}


@pytest.mark.parametrize(
    "change",
    [
        "key_type = 'pre-key', key_id = 'x'",
        "key_type = 'app-state-sync-key'",
        "key_type = 'creds', key_id = 'default'",
    ],
)
def test_what_no_run_has_removed_does_not_come_back(url: str, change: str) -> None:
    first_layout(url, company())
    clean(url)
    execute_plainly(url, f"UPDATE baileys_janitor.archive SET {change} WHERE kind = 'session'")
    before = rows(url)

    result = undo(url)

    assert result.kept == {"NotTheRemovedFile": 8}
    assert {key[1] for key in rows(url).keys() - before.keys()} == {
        "sender-key",
        "sender-key-memory",
    }


def test_a_row_comes_back_only_under_the_key_that_was_judged(url: str) -> None:
    first_layout(url, company())
    clean(url)
    execute_plainly(
        url,
        "UPDATE baileys_janitor.archive SET row = jsonb_set(row::jsonb, '{company_id}', '\"7\"')"
        " WHERE kind = 'session'",
    )

    result = undo(url)

    assert result.kept == {"NotTheRemovedFile": 8}
    assert "7" not in {key[0] for key in rows(url)}


def test_nothing_comes_back_into_another_identity(url: str) -> None:
    first_layout(url, company())
    removed = clean(url).removed
    paired_again = json.dumps(creds(registrationId=78))
    execute(url, "UPDATE whatsapp_auth SET creds = %s", paired_again)

    result = undo(url)

    assert (result.outcome, result.restored) == ("Capped", 0)
    assert result.kept == {"IdentityChanged": removed}


def test_without_a_run_there_is_nothing_to_do(url: str) -> None:
    first_layout(url, Company("1"))

    assert undo(url).outcome == "NothingToDo"
    assert undo(url, "run-9").code == "RunUnknown"


def test_a_run_whose_rows_were_purged_is_told_from_an_unknown_one(url: str) -> None:
    first_layout(url, company())
    clean(url)
    execute(url, "UPDATE baileys_janitor.archive SET removed_at = removed_at - interval '73 hours'")
    assert clean(url, "run-2").purged == 0  # the run itself is not so old
    execute(url, "UPDATE baileys_janitor.runs SET began = began - interval '73 hours'")

    later = clean(url, "run-3")

    assert later.purged == 32
    assert undo(url, "run-1").code == "RunPurged"
