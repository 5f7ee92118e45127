"""Rows come back from an archive as files do: what breaks nothing, never over a row that exists, and undoably."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baileys_janitor.keystore.adapter import key_of
from baileys_janitor.volume.restoring.restore_session import SessionRestoreResult, SessionRestoring
from tests.archived import COMES_BACK, CONTENT, MEMORY, NEVER, OWN_KEY, archived, record
from tests.keystore.backups import STORES, Store, keep_in_first_layout
from tests.keystore.restores import (
    everything,
    exported,
    fetched,
    fill,
    lose,
    restore,
    small,
    undo,
)
from tests.keystore.test_undo import execute, execute_plainly
from tests.pairings import whole
from tests.real.sessions import ALL_CHECKS
from tests.volume.directories import opened

RAISED = 1030
#: A contact's record with much in it, so that its value is compressed, and one that has only closed sessions.
MORE = {
    **CONTENT,
    "session-2299.0.json": record(5, 6, 7, -1, note="Ünï ✓ \\ \n" * 400),
    "session-2298.0.json": record(5),
}
CREDS = {
    "kept": whole(),
    "behind": whole(nextPreKeyId=7, firstUnuploadedPreKeyId=7),
    "unpaired": whole(me=..., account=...),
    "no object": b"[]",
}


_BAD_REFERENCE = """
DELETE FROM whatsapp_keys WHERE company_id = 'acme'; CREATE TABLE c (id text PRIMARY KEY);
INSERT INTO c VALUES ('other'); ALTER TABLE whatsapp_keys ADD FOREIGN KEY (company_id) REFERENCES c
"""
_DEAF_TRIGGER = """
DELETE FROM whatsapp_keys WHERE company_id = 'acme';
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER no BEFORE INSERT ON whatsapp_keys FOR EACH ROW EXECUTE FUNCTION no()
"""


@pytest.fixture
def store(url: str, tmp_path: Path) -> Store:
    """A store with two sessions, of which `acme` has just been backed up."""
    keep_in_first_layout(url, small("acme"), small("other", {**CONTENT, "creds.json": whole("b")}))
    found = Store(url, tmp_path / "store", now=time.time())
    assert found.back_up().outcome == "Completed"
    return found


def restored_from_files(directory: Path, archived_at: float) -> SessionRestoreResult:
    with opened(directory) as held:
        source = archived(CONTENT, archived_at)
        return SessionRestoring(
            held,
            "r1",
            source,
            CONTENT.__getitem__,
            now=time.time(),
            pause=lambda _: None,
            expected=source.identity.fingerprint,
        ).apply()


def unclosed(documents: Mapping[str, Any]) -> dict[str, Any]:
    """Documents without the times at which sessions were closed just now."""
    text = json.dumps(documents)
    return json.loads(text, object_hook=_forget_the_time)  # type: ignore[no-any-return]


def _forget_the_time(found: dict[str, Any]) -> dict[str, Any]:
    return {
        key: "now" if key == "closed" and value > 1e12 else value for key, value in found.items()
    }


@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("mode", ["Safe", "Credentials"])
def test_in_every_layout_what_may_come_back_does(
    url: str, tmp_path: Path, name: str, mode: str
) -> None:
    keep, keys, credentials = STORES[name]
    keep(url, small("acme", MORE), small("other"))
    if name == "other names":
        execute_plainly(url, 'CREATE UNIQUE INDEX ON "b.o""ts".auth ("te nant")')
    store = Store(url, tmp_path / "store", keys, credentials, now=time.time())
    store.back_up()
    lose(store)
    empty = everything(store)

    looked = restore(store, apply=False, mode=mode)
    assert everything(store) == empty
    done = restore(store, mode=mode)

    found = exported(store, tmp_path / "back")
    assert (looked.outcome, done.outcome, done.state) == ("DryRun", "Completed", "Absent")
    names = (MORE.keys() - NEVER) if mode == "Safe" else {"creds.json"}
    assert found.keys() == names
    assert done.rows == looked.rows == len(names)
    assert done.restored_by_kind == looked.restored_by_kind
    creds = found.pop("creds.json")
    assert (creds["nextPreKeyId"], creds["firstUnuploadedPreKeyId"]) == (RAISED, RAISED)
    assert {**creds, "nextPreKeyId": 31, "firstUnuploadedPreKeyId": 31} == json.loads(whole())
    for each, document in unclosed(found).items():
        before = json.loads(MORE[each])
        if each.startswith("session-"):
            for entry in before["_sessions"].values():
                if entry["indexInfo"]["closed"] == -1:
                    entry["indexInfo"]["closed"] = "now"
        assert document == before

    taken = undo(store)
    assert (taken.outcome, taken.taken_away) == ("Completed", len(names))
    assert everything(store) == empty


@given(
    st.sets(st.sampled_from(sorted(CONTENT.keys() - {"creds.json"}))),
    st.sampled_from([None, *CREDS]),
)
@settings(
    max_examples=200 if ALL_CHECKS else 12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_rows_come_back_exactly_as_files_do(
    store: Store, tmp_path_factory: pytest.TempPathFactory, there: set[str], creds: str | None
) -> None:
    room = tmp_path_factory.mktemp("room")
    content = {name: CONTENT[name] for name in sorted(there)}
    if creds is not None:
        content["creds.json"] = CREDS[creds]
    fill(store, content)
    before = everything(store)
    directory = room / "session"
    directory.mkdir()
    for name, data in content.items():
        (directory / name).write_bytes(data)
        os.utime(directory / name, (store.now - 3600,) * 2)
    by_files = restored_from_files(directory, store.now)

    by_rows = restore(store, run=str(time.monotonic_ns()))

    assert by_rows.outcome == by_files.outcome
    assert (by_rows.code, by_rows.told) == (by_files.code, by_files.told)
    assert by_rows.restored_by_kind == by_files.restored_by_kind
    assert by_rows.kept_back == by_files.kept_back
    files = {
        path.name: json.loads(path.read_bytes())
        for path in directory.iterdir()
        if not path.name.startswith(".")
    }
    assert unclosed(exported(store, room / "back")) == unclosed(files)
    kept = {name: rows for name, rows in before.items() if name == "whatsapp_keys"}
    moved = sum(1 for each in by_rows.told if each == "LoneMemories")
    after = everything(store)
    assert len(set(kept["whatsapp_keys"]) - set(after["whatsapp_keys"])) == moved
    undo(store, None)
    left = everything(store)
    assert set(before["whatsapp_auth"]) == set(left["whatsapp_auth"])
    assert len(set(before["whatsapp_keys"]) ^ set(left["whatsapp_keys"])) == moved


def test_nothing_is_put_over_a_row_that_exists(store: Store) -> None:
    execute_plainly(
        store.url,
        "DELETE FROM whatsapp_keys WHERE company_id = 'acme' AND key_type = 'device-list';"
        "UPDATE whatsapp_keys SET value = '{\"mine\": 1}' WHERE key_type = 'tctoken'",
    )
    before = everything(store)

    done = restore(store)

    after = everything(store)
    assert done.restored_by_kind == {"deviceList": 1}
    assert set(before["whatsapp_keys"]) < set(after["whatsapp_keys"])
    assert before["whatsapp_auth"] == after["whatsapp_auth"]
    assert restore(store, run="restore-2").outcome == "NothingToDo"


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("UPDATE whatsapp_auth SET creds = '[]' WHERE company_id = 'acme'", "Corrupt"),
        ("UPDATE whatsapp_auth SET creds = 'null' WHERE company_id = 'acme'", "Corrupt"),
        (
            "UPDATE whatsapp_auth SET creds = creds - 'me' - 'account' WHERE company_id = 'acme'",
            "Unpaired",
        ),
    ],
)
def test_broken_creds_are_replaced_in_their_row_and_come_back_with_an_undo(
    store: Store, statement: str, state: str
) -> None:
    execute_plainly(
        store.url, "ALTER TABLE whatsapp_auth ADD COLUMN plan text DEFAULT 'gold'; " + statement
    )
    before = everything(store)

    done = restore(store)

    assert (done.outcome, done.state, done.restored_by_kind) == ("Completed", state, {"creds": 1})
    assert done.next_pre_key_id == RAISED
    with psycopg.connect(store.url) as connection:
        row = connection.execute(
            "SELECT creds->>'nextPreKeyId', plan FROM whatsapp_auth WHERE company_id = 'acme'"
        ).fetchone()
    assert row == (str(RAISED), "gold")
    assert undo(store).taken_away == 1
    assert everything(store) == before


def test_creds_whose_column_is_null_are_written_into_it(store: Store) -> None:
    execute_plainly(
        store.url,
        "ALTER TABLE whatsapp_auth ALTER creds DROP NOT NULL;"
        "UPDATE whatsapp_auth SET creds = NULL WHERE company_id = 'acme'",
    )
    before = everything(store)

    assert restore(store).restored_by_kind == {"creds": 1}
    assert undo(store).outcome == "Completed"
    assert everything(store) == before


def test_counters_of_whole_creds_are_raised_above_what_the_archive_knows(store: Store) -> None:
    execute_plainly(
        store.url,
        """UPDATE whatsapp_auth SET creds = creds || '{"nextPreKeyId": 7, "firstUnuploadedPreKeyId": 7}'
           WHERE company_id = 'acme'""",
    )
    before = everything(store)

    done = restore(store)

    assert (done.told, done.next_pre_key_id) == (["CountersRaised"], RAISED)
    assert done.restored_by_kind == {}
    assert everything(store) != before
    assert undo(store).taken_away == 1
    assert everything(store) == before


def test_a_note_of_who_has_a_lost_key_goes_into_the_archive_and_stays_there(store: Store) -> None:
    key_type, ident = key_of(OWN_KEY) or ("", "")
    execute(
        store.url,
        "DELETE FROM whatsapp_keys WHERE company_id = 'acme' AND (key_type = 'device-list' OR"
        " (key_type = %s AND key_id = %s))",
        *(key_type, ident),
    )

    done = restore(store)

    assert "LoneMemories" in done.told
    assert not _there(store, MEMORY)
    assert _there(store, "device-list-2201.json")
    assert undo(store).outcome == "Completed"
    assert not _there(store, MEMORY)
    assert not _there(store, "device-list-2201.json")


def _there(store: Store, name: str) -> bool:
    with psycopg.connect(store.url) as connection:
        found = connection.execute(
            "SELECT 1 FROM whatsapp_keys WHERE company_id = 'acme' AND key_type = %s AND key_id = %s",
            key_of(name),
        ).fetchone()
    return found is not None


@pytest.mark.parametrize(
    ("creds", "expected", "code"),
    [
        (whole("z"), None, "AnotherIdentity"),
        (whole(advSecretKey="another"), None, "AnotherPairing"),
        (whole(noiseKey=...), None, "CredentialsIncomplete"),
        (None, "", "IdentityUnknown"),
        (None, "0" * 16, "FingerprintDiffers"),
    ],
)
def test_whose_session_it_is_decides(
    store: Store, creds: bytes | None, expected: str | None, code: str
) -> None:
    fill(store, {} if creds is None else {"creds.json": creds})
    before = everything(store)

    looked = restore(store, apply=False, expected=expected)
    done = restore(store, expected=expected)

    assert (looked.outcome, looked.code) == (done.outcome, done.code) == ("Refused", code)
    assert everything(store) == before


def test_what_the_janitor_recorded_last_says_whose_session_it_is(store: Store) -> None:
    lose(store)
    assert restore(store).outcome == "Completed"
    lose(store)

    assert restore(store, expected="", run="restore-2").outcome == "Completed"
    execute_plainly(store.url, "UPDATE baileys_janitor.restored SET fingerprint = repeat('0', 16)")
    lose(store)
    refused = restore(store, expected="", run="restore-3")

    assert (refused.outcome, refused.code) == ("Refused", "AnotherIdentity")


@pytest.mark.parametrize(
    ("statement", "code", "sentence"),
    [
        ("UPDATE whatsapp_auth SET creds = to_jsonb(creds::text)", "RowsRefused", "JsonTextTwice"),
        (
            "ALTER TABLE whatsapp_auth DROP CONSTRAINT whatsapp_auth_pkey",
            "NoUniqueKey",
            "whatsapp_auth covers company_id",
        ),
        (
            "ALTER TABLE whatsapp_keys DROP CONSTRAINT whatsapp_keys_pkey",
            "NoUniqueKey",
            "whatsapp_keys covers",
        ),
        (
            _BAD_REFERENCE,
            "RowsRefused",
            "A constraint of the table refuses the rows",
        ),
        (
            _DEAF_TRIGGER,
            "StillRunning",
            "or a trigger keeps them out",
        ),
    ],
)
def test_what_stands_in_the_way_is_named_and_nothing_changes(
    store: Store, statement: str, code: str, sentence: str
) -> None:
    execute_plainly(store.url, statement)
    before = everything(store)

    code_, text = _refused(store)

    assert (code_, sentence in text) == (code, True), text
    assert everything(store) == before


def _refused(store: Store) -> tuple[str | None, str]:
    from baileys_janitor.keystore.errors import KeystoreProblem

    try:
        result = restore(store)
    except KeystoreProblem as problem:
        return problem.code, problem.sentence
    assert result.outcome in ("Refused", "Failed")
    return result.code, result.message or ""


def test_numbers_that_the_server_gives_rows_are_given_anew(url: str, tmp_path: Path) -> None:
    execute_plainly(
        url,
        "CREATE TABLE named (number bigserial PRIMARY KEY, other int GENERATED ALWAYS AS IDENTITY UNIQUE,"
        " sid text, id text, data text, UNIQUE (sid, id))",
    )
    keys = {
        "preset": "NamedRows",
        "table": "named",
        "columns": {"session": "sid", "id": "id", "value": "data"},
    }
    found = small("acme")

    def insert(session: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            rows = [("creds", json.dumps(found.creds))]
            rows += [(f"{key.type}-{key.id}", key.value) for key in found.keys]
            connection.cursor().executemany(
                "INSERT INTO named (sid, id, data) VALUES (%s, %s, %s)",
                [(session, *row) for row in rows],
            )

    insert("acme")
    store = Store(url, tmp_path / "store", keys, now=time.time())
    store.back_up()
    execute_plainly(url, "TRUNCATE named RESTART IDENTITY")
    insert("other")

    done = restore(store)

    assert (done.outcome, done.rows) == ("Completed", len(COMES_BACK))
    insert("third")  # the numbers of the rows that came back are not given twice


def test_no_time_is_after_the_archives_own(store: Store) -> None:
    execute_plainly(
        store.url,
        "UPDATE whatsapp_keys SET updated_at = now() + interval '1 year' WHERE key_type = 'tctoken';",
    )
    execute_plainly(store.url, "ALTER TABLE whatsapp_keys DISABLE TRIGGER touched")
    execute_plainly(
        store.url,
        "UPDATE whatsapp_keys SET updated_at = now() + interval '1 year' WHERE key_type = 'tctoken'",
    )
    store.now += 3600
    store.back_up(force=True)
    archive = fetched(store)
    lose(store)

    assert restore(store, archive=archive).outcome == "Completed"

    with psycopg.connect(store.url) as connection:
        found = connection.execute(
            "SELECT extract(epoch FROM max(updated_at))::float8 FROM whatsapp_keys"
            " WHERE company_id = 'acme'"
        ).fetchone()
    assert found is not None
    assert found[0] <= store.now


def test_a_whole_store_is_left_alone_where_sessions_are_blobs(store: Store) -> None:
    from baileys_janitor.keystore.errors import KeystoreProblem

    archive = fetched(store)
    blobs = Store(
        store.url,
        store.home,
        {"preset": "SessionBlob", "table": "whatsapp_auth", "columns": {"session": "company_id"}},
    )

    with pytest.raises(KeystoreProblem) as refused:
        restore(blobs, archive=archive)

    assert refused.value.code == "CountedOnly"
    assert "A row holds a whole session here" in refused.value.sentence


def test_a_value_that_is_cut_stays_out(url: str, tmp_path: Path) -> None:
    keep, keys, credentials = STORES["NamedRows"]
    keep(url, small("acme"))
    execute_plainly(
        url,
        """UPDATE "Session" SET data = '{"cut' WHERE id = 'tctoken-2201@lid';
           UPDATE "Session" SET data = '{"version": "v9"}' WHERE id = 'session-2201.0';
           UPDATE "Session" SET data = NULL WHERE id = 'pre-key-29'""",
    )
    store = Store(url, tmp_path / "store", keys, credentials, now=time.time())
    store.back_up()
    lose(store)

    done = restore(store)

    assert done.kept_back["ContentDiffers"] == {"tcToken": 1}
    assert done.kept_back["SessionFormUnknown"] == {"session": 1}
    assert done.kept_back["EmptyFile"] == {"preKey": 1}
    assert done.rows == len(COMES_BACK) - 3
