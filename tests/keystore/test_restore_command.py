"""`baileys-janitor keystore restore`: what people and machines read, what it asks for first, and what never shows."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from baileys_janitor.cli.keystore.archives import backup_rows, restore_rows
from baileys_janitor.cli.main import main
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.grants import grants
from tests.archived import CONTENT
from tests.backup.sessions import RECIPIENT, SECRET
from tests.keystore.backups import keep_in_first_layout
from tests.keystore.restores import small
from tests.keystore.test_undo import execute_plainly
from tests.pairings import whole

PHONE = "4915512345678"
MANY_DIGITS = re.compile(r"\d{9,}")
ARCHIVED = len(CONTENT)
COMES_BACK = ARCHIVED - 2
LOSE = "DELETE FROM whatsapp_keys; DELETE FROM whatsapp_auth"


@dataclass
class Commands:
    """The commands on the test's database, whose URL is in a file, and on a directory as repository."""

    call: Callable[..., tuple[int, str, str]]
    home: Path
    waited: list[float]

    def restore(self, *more: object) -> tuple[int, str, str]:
        store, key = self.home / "store", self.home / "backup.key"
        return self.call("restore", "--from", store, "--identity", key, *more)

    def fingerprints(self) -> Path:
        path = self.home / "fingerprints.txt"
        path.write_text(self.call("fingerprints")[1])
        return path


@pytest.fixture
def commands(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    """Two sessions that were backed up a moment ago."""
    for variable in os.environ:
        if variable.startswith(("BAILEYS_", "DRY_RUN")):
            monkeypatch.delenv(variable)
    waited: list[float] = []
    monkeypatch.setattr(restore_rows, "pause", waited.append)
    (tmp_path / "url").write_text(f"{url}\n")
    (tmp_path / "backup.key").write_text(SECRET)
    (tmp_path / "store").mkdir()

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        words = ["keystore", command, *map(str, arguments), "--url-file", str(tmp_path / "url")]
        code = main(words)
        return code, *capsys.readouterr()

    keep_in_first_layout(url, small("acme"), small(PHONE, {**CONTENT, "creds.json": whole("b")}))
    found = Commands(call, tmp_path, waited)
    backed_up = call("backup", "--to", tmp_path / "store", "--recipient", RECIPIENT)
    assert backed_up[0] == 0, backed_up
    return found


def number(url: str, table: str = "whatsapp_keys") -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


def test_a_session_is_looked_at_restored_and_taken_away_again(url: str, commands: Commands) -> None:
    execute_plainly(url, LOSE)

    looked = commands.restore("--session", PHONE)
    assert number(url) == 0
    done = commands.restore("--session", PHONE, "--stopped", "--apply")
    assert number(url) == COMES_BACK - 1
    [run] = re.findall(r"keystore undo --run (\S+)", done[1])
    listed = commands.call("undo", "--list")
    undone = commands.call("undo", "--run", run)

    assert (looked[0], looked[2]) == (0, "")
    assert "49*********78: there are no creds." in looked[1]
    assert "which the database remembers" in looked[1]
    assert re.search(r"^ *2 +preKey$", looked[1], re.M)
    assert re.search(r"^ *1 +OwnSenderKey +The tenant's own sender key", looked[1], re.M)
    assert "run the same command with --stopped --apply." in looked[1]
    assert done[0] == 0
    assert f"{COMES_BACK} rows were restored from" in done[1]
    assert "Messages from the company's own phone" in done[1]
    assert f"{run}  " in listed[1]
    assert (undone[0], undone[1]) == (
        0,
        f"Taken away again: {COMES_BACK} rows of 1 session.\n",
    )
    assert number(url) == number(url, "whatsapp_auth") == 0
    for _, out, err in (looked, done, listed, undone):
        assert not MANY_DIGITS.search(out + err)


def test_machines_read_the_same(url: str, commands: Commands) -> None:
    execute_plainly(url, LOSE)

    looked = json.loads(commands.restore("--all", "--json")[1])
    done = json.loads(commands.restore("--all", "--stopped", "--apply", "-o", "json")[1])
    run = done["sessions"][0]["run"]
    undone = json.loads(commands.call("undo", "--run", run, "--json")[1])

    assert looked["schema"] == done["schema"] == "baileys-janitor/keystore-restore/v1"
    assert [each["outcome"] for each in looked["sessions"]] == ["DryRun"] * 2
    assert {each["session"] for each in done["sessions"]} == {"acme", "49*********78"}
    for each in done["sessions"]:
        assert (each["applied"], each["restored"]) == (True, COMES_BACK)
        assert each["restoredByKind"]["session"] == 3
        assert each["keptBack"]["OwnSenderKey"] == {"senderKey": 1}
        assert each["run"] == run
    assert done["problems"] == []
    assert (undone["takenAway"], undone["sessions"]) == (2 * COMES_BACK, 2)


def test_after_the_loss_of_a_database_the_kept_fingerprints_bring_all_back(
    url: str, commands: Commands
) -> None:
    kept = commands.fingerprints()
    execute_plainly(url, f"{LOSE}; DROP SCHEMA baileys_janitor CASCADE")

    forgotten = commands.restore("--all")
    unknown = commands.restore("--session", "acme")
    done = commands.restore("--all", "--fingerprints", kept, "--stopped", "--apply")

    assert forgotten[0] == 2
    assert "--all: the database remembers no archive, so give --fingerprints" in forgotten[2]
    assert unknown[0] == 1
    assert "write it out (--fingerprint)" in unknown[2]
    assert done[0] == 0
    assert f"2 sessions restored, {2 * COMES_BACK} rows." in done[1]
    assert re.search(r"^49\*+78 +restored +14 ", done[1], re.M)
    assert not MANY_DIGITS.search(done[1] + done[2])
    assert commands.waited == [2.0] * 5  # nobody is watched where no rows are, but afterwards


def test_a_session_with_rows_is_watched_for_a_minute_first(url: str, commands: Commands) -> None:
    execute_plainly(url, "DELETE FROM whatsapp_keys WHERE key_type = 'device-list'")

    quiet = commands.restore("--session", "acme", "--stopped", "--apply")

    assert quiet[0] == 0
    assert "Watching" in quiet[2]
    assert sum(commands.waited) == 70


def test_a_process_that_runs_is_noticed_before_and_after(
    url: str, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute_plainly(url, "DELETE FROM whatsapp_keys WHERE key_type = 'device-list'")
    count = number(url)

    def write(_: float) -> None:
        execute_plainly(
            url,
            "UPDATE whatsapp_keys SET value = value WHERE company_id = 'acme' AND key_type = 'tctoken'",
        )

    monkeypatch.setattr(restore_rows, "pause", write)
    before = commands.restore("--session", "acme", "--stopped", "--apply")
    assert number(url) == count
    execute_plainly(url, LOSE)
    after = commands.restore("--session", "acme", "--stopped", "--apply")

    assert before[0] == 1
    assert "acme: the session's rows were just written" in before[2]
    assert after[0] == 1
    assert "acme: a process has written to the session within 10 seconds after" in after[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say which sessions to restore"),
        (["--session", "acme", "--all"], "Say which sessions to restore"),
        (["--session", "acme", "--apply"], "--apply needs --stopped"),
        (["--all", "--archive", "latest", "--fingerprint", "0" * 16], "is of one session"),
        (["--all", "--archive", "20261128T093500Z-0a1b2c3d.tar.gz.age"], "is of one session"),
        (["--session", "acme", "--archive", "x"], "x is not an archive's name"),
        (["--session", "acme", "--mode", "Wild"], "Wild"),
    ],
)
def test_bad_usage_gets_a_sentence(commands: Commands, arguments: list[str], sentence: str) -> None:
    code, _, err = commands.restore(*arguments)

    assert (code, sentence in err) == (2, True), err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--session", "nobody"], "nobody: The repository holds no archive of this session"),
        (
            ["--session", "acme", "--preset", "SessionBlob", "--table", "whatsapp_auth",
             "--column", "session=company_id"],
            "A row holds a whole session here",
        ),
        (["--session", "acme", "--mode", "Credentials"], "acme: The creds can be read and are paired, so they stay."),
        (["--session", "acme", "--mode", "Whole"], "was made while the session's process ran"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(
    url: str, commands: Commands, arguments: list[str], sentence: str
) -> None:
    code, _, err = commands.restore(*arguments)

    assert (code, sentence in err) == (1, True), err
    assert err.count("Error:") == 1
    assert "creds.json" not in err


def test_an_archive_of_another_session_is_refused_by_the_creds_in_the_table(
    url: str, commands: Commands
) -> None:
    execute_plainly(
        url,
        f"UPDATE whatsapp_auth SET creds = '{whole('z').decode()}'::jsonb WHERE company_id = 'acme'",
    )

    code, _, err = commands.restore("--session", "acme")

    assert code == 1
    assert "acme: The archive is of another identity than this session's rows" in err


def test_a_user_with_the_printed_rights_can_do_it(url: str, commands: Commands) -> None:
    role = f"janitor{os.urandom(4).hex()}"
    execute_plainly(url, f"DROP SCHEMA baileys_janitor CASCADE; {LOSE}")
    execute_plainly(url, grants(layout_of(), role))
    parts = {**conninfo_to_dict(url), "user": role}
    (commands.home / "url").write_text(make_conninfo(**parts))
    [fingerprint] = {
        line.partition(" ")[0]
        for line in _fingerprint_of_acme(commands).splitlines()
        if line.endswith("acme")
    }
    arguments = ("--session", "acme", "--fingerprint", fingerprint, "--stopped", "--apply")
    try:
        execute_plainly(url, f"GRANT SELECT ON whatsapp_auth TO {role}")
        refused = commands.restore(*arguments)
        execute_plainly(url, f"DROP OWNED BY {role}; DROP ROLE {role}")
        execute_plainly(url, grants(layout_of(), role, restore=True))
        done = commands.restore(*arguments)
        undone = commands.call("undo")
    finally:
        execute_plainly(url, f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert refused[0] == 1
    assert "keystore grants --restore" in refused[2]
    assert done[0] == 0, done
    assert undone[0] == 0, undone


def _fingerprint_of_acme(commands: Commands) -> str:
    from baileys_janitor.policy.archives.pairing import read_credentials

    found = read_credentials(whole())
    assert found is not None
    return f"{found.fingerprint}-{found.pairing}  acme"


def test_an_archive_for_a_move_is_made_of_a_session_to_which_nobody_writes(
    url: str, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[float] = []
    monkeypatch.setattr(backup_rows, "pause", steps.append)
    put = ("--to", commands.home / "store", "--recipient", RECIPIENT, "--stopped")
    done = commands.call("backup", *put)

    def write(_: float) -> None:
        execute_plainly(url, "UPDATE whatsapp_auth SET creds = creds WHERE company_id = 'acme'")

    monkeypatch.setattr(backup_rows, "pause", write)
    refused = commands.call("backup", *put, "--force")
    execute_plainly(url, LOSE)
    moved = commands.restore(
        "--session", "acme", "--mode", "Whole", "--acknowledge", "NothingRanSince"
    )

    assert (done[0], sum(steps)) == (0, 60)
    assert re.search(r"^acme +put ", done[1], re.M)
    assert refused[0] == 1
    assert "acme: the session's rows were just written" in refused[2]
    assert not re.search(r"^acme ", refused[1], re.M)
    assert moved[0] == 0, moved
    assert re.search(r"^ *1 +senderKeyMemory$", moved[1], re.M)
