"""From files to rows and back, and the real library on rows that were cleaned."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from baileys_janitor.keystore.errors import KeystoreProblem
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.keystore.session import Sessions
from baileys_janitor.keystore.transfer import Transferred, export_session, import_session
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume.files.safe_open import open_session
from baileys_janitor.volume.operations import clean as clean_directory
from tests.keystore.data import FIRST_LAYOUT, rows
from tests.keystore.test_clean import LIMITS, clean
from tests.keystore.test_layouts import NAMED, PREFIXED, TIMES
from tests.keystore.test_undo import execute_plainly
from tests.real import sessions
from tests.running_time import remembered

#: What a cleanup could break; the checks of pre-keys take most of the time, and no pre-key went.
TALKED = [
    "identity",
    "lidMappings",
    "ownDevices",
    "sessions",
    "ownGroups",
    "memberGroups",
    "appState",
]

LAYOUTS: list[tuple[str, dict[str, Any]]] = [
    (FIRST_LAYOUT, {}),
    (NAMED, {"preset": "NamedRows", "columns": TIMES}),
    (PREFIXED, {"preset": "PrefixedRows", "columns": TIMES}),
]


def put_in(
    url: str,
    directory: Path,
    keys: dict[str, Any] | None = None,
    *,
    apply: bool = True,
    now: float | None = None,
) -> Transferred:
    opened = open_session(str(directory), ".")
    try:
        with Database(url, limits=LIMITS) as database:
            facts = inspect(database, layout_of(keys))
            at = time.time() + 3600 if now is None else now  # a fixture has files of this minute
            return import_session(database, facts, opened, "962302", now=at, apply=apply)
    finally:
        os.close(opened)


def take_out(url: str, directory: Path, keys: dict[str, Any] | None = None) -> Transferred:
    with Database(url, limits=LIMITS) as database:
        facts = inspect(database, layout_of(keys))
        return export_session(database, facts, str(directory), "962302")


def content(directory: Path) -> dict[str, tuple[Any, int]]:
    """The document of every file that the library could read, and its time in microseconds."""
    return {
        path.name: (json.loads(path.read_text()), round(path.stat().st_mtime_ns / 1000))
        for path in directory.iterdir()
        if path.suffix == ".json" and path.stat().st_size
    }


@pytest.mark.parametrize(("ddl", "keys"), LAYOUTS)
@pytest.mark.parametrize("scenario", ["emergency", "six"])
def test_a_session_comes_back_as_it_went(
    url: str, tmp_path: Path, scenario: str, ddl: str, keys: dict[str, Any]
) -> None:
    session = sessions.unpack(scenario, tmp_path / "session")
    execute_plainly(url, ddl)

    looked = put_in(url, session, keys, apply=False)
    done = put_in(url, session, keys)
    back = take_out(url, tmp_path / "back", keys)

    of_file = read_identity((session / "creds.json").read_bytes())
    with Database(url, limits=LIMITS) as database:
        facts = inspect(database, layout_of(keys))
        with database.transaction(read_only=True):
            of_row = Sessions(database, facts).creds("962302").identity
    for each in (
        "state",
        "fingerprint",
        "own_users",
        "next_pre_key_id",
        "first_unuploaded_pre_key_id",
    ):
        assert getattr(of_row, each) == getattr(of_file, each)
    before, after = content(session), content(tmp_path / "back")
    assert looked.keys == done.keys == back.keys == len(before) - 1
    assert looked.by_type == done.by_type == back.by_type
    assert after.keys() == before.keys()
    for name, (document, written) in before.items():
        assert after[name][0] == document
        assert name == "creds.json" or abs(after[name][1] - written) <= 1
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "back").iterdir()} == {0o600}


def test_a_dry_run_writes_nothing_and_nothing_is_ever_overwritten(url: str, tmp_path: Path) -> None:
    session = sessions.unpack("healthy", tmp_path / "session")
    execute_plainly(url, FIRST_LAYOUT)
    put_in(url, session, apply=False)
    assert rows(url) == {}
    put_in(url, session)
    before = rows(url)

    for apply in (True, False):
        with pytest.raises(KeystoreProblem) as refused:
            put_in(url, session, apply=apply)
        assert refused.value.code == "RowsExist"
    execute_plainly(url, "DELETE FROM whatsapp_keys")
    with pytest.raises(KeystoreProblem):
        put_in(url, session)

    take_out(url, tmp_path / "back")
    with pytest.raises(KeystoreProblem) as refused:
        take_out(url, tmp_path / "back")
    assert refused.value.code == "RowsExist"
    assert before


def test_a_running_process_is_noticed_before_and_during(url: str, tmp_path: Path) -> None:
    session = sessions.unpack("healthy", tmp_path / "session")
    (session / "creds.json").touch()
    execute_plainly(url, FIRST_LAYOUT)
    with pytest.raises(KeystoreProblem) as refused:
        put_in(url, session, now=time.time())
    assert refused.value.code == "StillRunning"

    execute_plainly(
        url, "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'x'; END $$"
    )
    name = sorted(path.name for path in session.iterdir() if path.name.startswith("session-"))[0]
    opened = open_session(str(session), ".")
    try:
        with Database(url, limits=LIMITS) as database:
            facts = inspect(database, layout_of())
            database.do_many = lambda *_: (session / name).write_text("{}")  # type: ignore[method-assign]
            with pytest.raises(KeystoreProblem) as refused:
                import_session(
                    database, facts, opened, "962302", now=time.time() + 3600, apply=True
                )
    finally:
        os.close(opened)
    assert refused.value.code == "StillRunning"
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM whatsapp_auth").fetchone() == (0,)


@pytest.mark.parametrize(
    ("scenario", "code"), [("corrupt", "CredentialsCorrupt"), ("unpaired", "NotPaired")]
)
def test_a_session_that_is_none_is_not_put_in(
    url: str, tmp_path: Path, scenario: str, code: str
) -> None:
    session = sessions.unpack(scenario, tmp_path / "session")
    execute_plainly(url, FIRST_LAYOUT)

    with pytest.raises(KeystoreProblem) as refused:
        put_in(url, session)

    assert refused.value.code == code


def test_what_is_not_the_librarys_is_left_out(url: str, tmp_path: Path) -> None:
    session = sessions.unpack("healthy", tmp_path / "session")
    (session / "notes.txt").write_text("x")
    (session / "pre-key-900.json").write_text("")
    (session / "pre-key-901.json").write_text("{")
    os.symlink("creds.json", session / "session-1.0.json")
    execute_plainly(url, FIRST_LAYOUT)

    done = put_in(url, session)

    assert (done.skipped, done.unreadable) == (1, 2)
    assert ("962302", "session", "1.0") not in rows(url)


def test_a_session_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    execute_plainly(url, FIRST_LAYOUT)

    with pytest.raises(KeystoreProblem) as refused:
        take_out(url, tmp_path / "back")

    assert refused.value.code == "SessionMissing"
    assert not (tmp_path / "back").exists()


def test_two_rows_that_would_be_one_file_are_not_written(url: str, tmp_path: Path) -> None:
    session = sessions.unpack("healthy", tmp_path / "session")
    execute_plainly(url, FIRST_LAYOUT)
    put_in(url, session)
    execute_plainly(
        url,
        "INSERT INTO whatsapp_keys (company_id, key_type, key_id, value)"
        " VALUES ('962302', 'session', '49:1.0', '1'), ('962302', 'session', '49-1.0', '1')",
    )

    with pytest.raises(KeystoreProblem) as refused:
        take_out(url, tmp_path / "back")

    assert refused.value.code == "RowsRefused"
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("scenario", ["emergency", "six", "awake", "orphan"])
def test_the_same_keys_go_as_from_the_directory(url: str, tmp_path: Path, scenario: str) -> None:
    session = sessions.unpack(scenario, tmp_path / "session")
    names = content(session).keys()
    _put_in_as_running(url, session)

    opened = open_session(str(session), ".")
    try:
        by_files = clean_directory(opened, DEFAULTS, run="run-1", now=time.time())
    finally:
        os.close(opened)
    by_rows = clean(url, settings=DEFAULTS)
    take_out(url, tmp_path / "back")

    assert by_rows.removed == by_files.removed
    assert by_rows.by_reason == by_files.removed_by_reason
    left = {path.name for path in session.iterdir()} & names
    assert {path.name for path in (tmp_path / "back").iterdir()} == left


def _put_in_as_running(url: str, session: Path) -> None:
    """Put a session into the first layout, of which a row has been rewritten since and much is remembered."""
    execute_plainly(url, FIRST_LAYOUT)
    put_in(url, session)
    execute_plainly(
        url,
        "UPDATE whatsapp_keys SET created_at = created_at - interval '1 hour'"
        " WHERE key_type = 'session' AND (key_id LIKE '12015550100%' OR key_id LIKE '240000000000000%');"
        "CREATE SCHEMA baileys_janitor",
    )
    line = remembered(session)
    (session / ".janitor~activity").write_text(line + "\n")
    (session / ".janitor~activity").chmod(0o600)
    # The run creates the tables; the memory is there before it looks.
    with psycopg.connect(url, autocommit=True) as connection:
        with Database(url, limits=LIMITS) as database:
            from baileys_janitor.keystore.postgres.state import State

            State(database, inspect(database, layout_of())).ensure()
        connection.execute(
            "INSERT INTO baileys_janitor.activity (store, session, running)"
            " VALUES ('public.whatsapp_keys', '962302', %s)",
            (line,),
        )


@pytest.mark.usefixtures("node")
def test_the_real_library_goes_on_with_rows_that_were_cleaned(url: str, tmp_path: Path) -> None:
    session = sessions.unpack("emergency", tmp_path / "session", peers=tmp_path / "peers")
    _put_in_as_running(url, session)
    result = clean(url, settings=DEFAULTS)
    assert result.removed == 19
    take_out(url, tmp_path / "back")
    known = conninfo_to_dict(url)
    connection = {
        "host": known["host"], "port": int(str(known["port"])), "user": "postgres", "database": known["dbname"],
    }  # fmt: skip

    before = rows(url)

    report = sessions.check(
        tmp_path / "back",
        tmp_path / "peers",
        database={"connection": connection, "company": "962302"},
        **({} if sessions.ALL_CHECKS else {"only": TALKED}),
    )

    assert report["passed"], [each for each in report["properties"] if not each["passed"]]
    assert rows(url) != before  # the library did write there
