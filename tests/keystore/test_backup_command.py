"""`baileys-janitor keystore backup`, `archives`, `drill`, `fingerprints`: what people see, and what never shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from baileys_janitor.cli.main import main
from baileys_janitor.keystore.backup.memory import StoreMemory
from baileys_janitor.keystore.layout import layout_of
from baileys_janitor.keystore.postgres.checks import inspect
from baileys_janitor.keystore.postgres.connect import Database
from baileys_janitor.keystore.postgres.grants import grants
from tests.backup.servers import ENVIRON, Exchange, FaultyStore
from tests.backup.sessions import RECIPIENT, SECRET
from tests.keystore.backups import keep_in_first_layout, paired
from tests.keystore.test_undo import execute_plainly

PHONE = "4915512345678"
MANY_DIGITS = re.compile(r"\d{9,}")
FINGERPRINT = re.compile(r"^[0-9a-f]{16}-[0-9a-f]{16}  (\S+)$", re.M)


@dataclass
class Commands:
    """The commands on the test's database, whose URL is in a file, and on a directory as repository."""

    call: Callable[..., tuple[int, str, str]]
    home: Path

    @property
    def store(self) -> Path:
        return self.home / "store"

    def backup(self, *more: object) -> tuple[int, str, str]:
        return self.call("backup", "--to", self.store, "--recipient", RECIPIENT, *more)

    def archives(self, *more: object) -> tuple[int, str, str]:
        return self.call("archives", "--from", self.store, *more)

    def drill(self, *more: object) -> tuple[int, str, str]:
        return self.call(
            "drill", "--from", self.store, "--identity", self.home / "backup.key", *more
        )


@pytest.fixture
def commands(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    for variable in os.environ:
        if variable.startswith(("BAILEYS_", "DRY_RUN")):
            monkeypatch.delenv(variable)
    (tmp_path / "url").write_text(f"{url}\n")
    (tmp_path / "backup.key").write_text(SECRET)
    (tmp_path / "store").mkdir()

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        words = ["keystore", command, *map(str, arguments), "--url-file", str(tmp_path / "url")]
        code = main(words)
        return code, *capsys.readouterr()

    keep_in_first_layout(url, paired("acme"), paired(PHONE, "b", seed=4))
    return Commands(call, tmp_path)


def test_sessions_are_backed_up_listed_and_rehearsed(commands: Commands) -> None:
    done = commands.backup()
    again = commands.backup()
    listed = commands.archives()
    of_one = commands.archives("--session", PHONE)
    drilled = commands.drill()

    assert (done[0], done[2]) == (0, "")
    assert re.search(r"^49\*+78 +put +\d+ +[\d.]+ KiB +1 +\d+s$", done[1], re.M)
    assert re.search(r"^acme +put +\d+ ", done[1], re.M)
    assert "keystore fingerprints prints them" in done[1]
    assert (again[0], again[2]) == (0, "")
    assert "2 sessions: 2 unchanged" in again[1]
    assert listed[0] == of_one[0] == drilled[0] == 0
    assert re.search(r"^acme +1 +\d+s ", listed[1], re.M)
    assert re.search(r"^\d+T\d+Z-[0-9a-f]{8}\.tar\.gz\.age +\d+s +\S+ KiB +yes$", of_one[1], re.M)
    assert re.search(r"^acme +passed +\d+s +\d+ ", drilled[1], re.M)
    assert "NAME" in drilled[1]
    assert "ROWS" in drilled[1]
    for code, out, err in (done, again, listed, of_one, drilled):
        assert not MANY_DIGITS.search(out + err), code


def test_machines_read_the_same(commands: Commands) -> None:
    done = json.loads(commands.backup("--json")[1])
    listed = json.loads(commands.archives("--json")[1])
    drilled = json.loads(commands.drill("--json")[1])

    assert [each["schema"] for each in (done, listed, drilled)] == [
        "baileys-janitor/keystore-backup/v1",
        "baileys-janitor/keystore-archives/v1",
        "baileys-janitor/keystore-drill/v1",
    ]
    assert {each["session"] for each in done["sessions"]} == {"acme", "49*********78"}
    assert [each["repositories"][0]["outcome"] for each in done["sessions"]] == ["Put"] * 2
    assert all(each["archives"][0]["known"] for each in listed["sessions"])
    rows = {each["tenant"]: each["rows"] for each in done["sessions"]}
    assert {each["tenant"]: each["files"] for each in drilled["sessions"]} == rows
    assert all(each["outcome"] == "Passed" and each["vouched"] for each in drilled["sessions"])
    assert not any(each["problems"] for each in (done, listed, drilled))


def test_after_a_disaster_the_fingerprints_say_whose_archives_count(
    url: str, commands: Commands
) -> None:
    commands.backup()
    code, out, _ = commands.call("fingerprints")
    kept = commands.home / "fingerprints.txt"
    kept.write_text(out)
    execute_plainly(
        url,
        "DROP SCHEMA baileys_janitor CASCADE; DELETE FROM whatsapp_keys; DELETE FROM whatsapp_auth",
    )

    unknown = commands.drill()
    known = commands.drill("--fingerprints", kept)

    assert code == 0
    assert set(FINGERPRINT.findall(out)) == {"acme", PHONE}
    assert (unknown[0], known[0]) == (0, 0)
    assert unknown[1].count("no record confirms this archive") == 2
    assert known[1].count("passed") == 2
    forged = kept.read_text().splitlines()
    kept.write_text("\n".join(each.replace(each[:4], "0000", 1) for each in forged))
    refused = commands.drill("--fingerprints", kept)
    assert refused[0] == 1
    assert refused[2].count("is of another session than the one that was written out") == 2


def test_archives_are_listed_without_a_database(
    commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.backup()
    capsys.readouterr()

    code = main(["keystore", "archives", "--from", str(commands.store)])

    assert code == 0
    assert re.search(r"^acme +1 ", capsys.readouterr().out, re.M)


def test_a_session_without_whole_creds_is_put_nowhere(url: str, commands: Commands) -> None:
    commands.backup()
    execute_plainly(
        url,
        "UPDATE whatsapp_auth SET creds = creds - 'advSecretKey' WHERE company_id = 'acme';"
        "INSERT INTO whatsapp_auth VALUES ('new', '{}')",
    )

    code, out, err = commands.backup("--force")

    assert code == 1
    assert re.search(
        r"^Error: acme: The creds lack keys .* the archives of before stay\.$", err, re.M
    )
    assert err.count("Error:") == 1
    assert re.search(r"^new +not paired yet ", out, re.M)
    assert len(list((commands.store / "keystore" / "acme").iterdir())) == 1


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["--recipient", "nonsense"], 2, "Recipient 2 is not a public key"),
        (["--no-memory"], 2, "With --no-memory no command removes old archives"),
        (["--session", "nobody"], 1, "nobody: there are no creds of a session of that name"),
        (["--preset", "SessionBlob", "--table", "whatsapp_auth", "--column", "session=company_id"],
         1, "A row holds a whole session here"),
        (["--table", "absent"], 1, "there is no table absent"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(
    commands: Commands, arguments: list[str], exit_code: int, sentence: str
) -> None:
    code, _, err = commands.backup(*arguments)

    assert (code, sentence in err) == (exit_code, True), err
    assert err.count("Error:") == 1
    assert "Traceback" not in err


def test_a_user_that_may_only_read_backs_up_without_memory(url: str, commands: Commands) -> None:
    role = f"reader{os.urandom(4).hex()}"
    execute_plainly(
        url, f"CREATE ROLE {role} LOGIN; GRANT SELECT ON whatsapp_keys, whatsapp_auth TO {role}"
    )
    parts = psycopg.conninfo.conninfo_to_dict(url)
    (commands.home / "url").write_text(psycopg.conninfo.make_conninfo(**{**parts, "user": role}))
    try:
        refused = commands.backup()
        done = commands.backup("--no-memory", "--bucket-days", "30")
        drilled = commands.drill()
    finally:
        execute_plainly(url, f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert refused[0] == 1
    assert "in which archives are remembered" in refused[2]
    assert (done[0], done[2]) == (0, "")
    assert (drilled[0], drilled[1].count("passed")) == (0, 2)


def test_the_rights_that_are_printed_are_enough(url: str, commands: Commands) -> None:
    role = f"janitor{os.urandom(4).hex()}"
    script = grants(layout_of(), role, backup=True)
    execute_plainly(
        url, "ALTER TABLE whatsapp_auth ADD note text; REVOKE ALL ON SCHEMA public FROM public"
    )
    execute_plainly(url, script + f"; GRANT USAGE ON SCHEMA public TO {role}")
    parts = psycopg.conninfo.conninfo_to_dict(url)
    (commands.home / "url").write_text(psycopg.conninfo.make_conninfo(**{**parts, "user": role}))
    try:
        done, drilled = commands.backup(), commands.drill()
    finally:
        execute_plainly(url, f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert (done[0], done[2]) == (0, "")
    assert (drilled[0], drilled[2]) == (0, "")


EMPTY = b"<?xml version='1.0'?><ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount></ListBucketResult>"


def test_a_backup_that_is_killed_while_it_puts_has_held_and_lost_nothing(
    url: str, commands: Commands, faulty: FaultyStore
) -> None:
    arrived = threading.Event()

    def answer(exchange: Exchange) -> None:
        if exchange.method == "GET" and exchange.path not in faulty.objects:
            exchange.answer(200, EMPTY)
        elif arrived.is_set():
            exchange.serve()
        else:
            arrived.set()
            exchange.silence()

    faulty.then = answer
    words = ["--to", "s3://bucket/prod", "--endpoint", faulty.url, "--recipient", RECIPIENT]
    words = ["keystore", "backup", *words, "--session", "acme", "--force"]
    words += ["--url-file", str(commands.home / "url")]
    program = [sys.executable, "-m", "baileys_janitor", *words]
    process = subprocess.Popen(program, env={**os.environ, **ENVIRON})
    try:
        assert arrived.wait(60)
        with psycopg.connect(url) as connection:
            held = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state LIKE '%%transaction%%'",
                (),
            ).fetchone()
    finally:
        process.kill()
        process.wait(60)
    with Database(url) as database:
        memory = StoreMemory(database, inspect(database, layout_of())).sessions()["acme"]
    again = subprocess.run(program, env={**os.environ, **ENVIRON}, capture_output=True, text=True)

    assert held == (0,)
    assert len(memory.archives) == 1  # entered before it was put: whatever arrives is known
    assert not memory.archives[0].verified
    assert (again.returncode, again.stderr) == (0, "")
    assert re.search(r"^acme +put ", again.stdout, re.M)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda exchange: exchange.error(403, "SignatureDoesNotMatch"), "does not accept the credentials"),
        (lambda exchange: exchange.error(404, "NoSuchBucket"), "has no bucket of that name"),
        (lambda exchange: exchange.answer(500), "reported an error of its own (HTTP 500)"),
    ],
)  # fmt: skip
def test_what_a_store_refuses_is_said_of_each_session(
    commands: Commands,
    faulty: FaultyStore,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Exchange], None],
    sentence: str,
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    faulty.then = answer

    code, out, err = commands.call(
        *("backup", "--to", "s3://bucket/prod", "--endpoint", faulty.url, "--recipient", RECIPIENT)
    )

    assert code == 1
    assert re.search(r"^acme +failed ", out, re.M)
    lines = [line for line in err.splitlines() if line.startswith("Error:")]
    assert len(lines) == 2
    assert all(sentence in line for line in lines)
    assert not MANY_DIGITS.search(out + err)
