"""`baileys-janitor keystore`: what people see, what machines read, and what never shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from baileys_janitor import extras
from baileys_janitor.cli.main import main
from tests.keystore.data import Key, company, first_layout, removable, rows
from tests.keystore.test_undo import execute_plainly
from tests.real import sessions

Run = Callable[..., tuple[int, str, str]]
PHONE = re.compile(r"\d{9,}")


@pytest.fixture
def run(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The command on the test's database, whose URL is in a file: exit code and both streams."""
    for variable in os.environ:
        if variable.startswith(("BAILEYS_", "DRY_RUN")):
            monkeypatch.delenv(variable)
    file = tmp_path / "url"
    file.write_text(f"{url}\n")

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["keystore", command, *map(str, arguments), "--url-file", str(file)])
        return code, *capsys.readouterr()

    return call


def document(run: Run, command: str, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(command, *arguments, "--json")[1])
    return found


def test_scan_reports_what_the_companys_own_cleaner_did(url: str, run: Run) -> None:
    first_layout(url, company(), company("4915512345678", seed=4))

    code, out, err = run("scan")

    assert (code, err) == (0, "")
    assert re.search(r"^Keys +596 in 2 sessions \(2 with creds\), values [\d.]+ KiB$", out, re.M)
    assert re.search(r"^Size +table [\d.]+ KiB, indexes [\d.]+ KiB, all [\d.]+ KiB$", out, re.M)
    assert re.search(r"^Oldest +\S+Z \(90d ago\)$", out, re.M)
    assert re.search(r"^Newest +\S+Z \(\d+[ms] ago\)$", out, re.M)
    shares = re.findall(
        r"^(under 1 day|\d+ to \d+ days|over 30 days) +([\d,]+) +([\d.]+)%$", out, re.M
    )
    assert [name for name, _, _ in shares] == [
        "under 1 day", "1 to 7 days", "7 to 14 days", "14 to 30 days", "over 30 days",
    ]  # fmt: skip
    assert sum(int(count) for _, count, _ in shares) == 596
    assert sum(float(share) for _, _, share in shares) == pytest.approx(100, abs=0.3)
    assert re.search(r"^pre-key +60 +", out, re.M)
    assert "49*********78" in out
    assert not PHONE.search(out)


def test_scan_lists_the_fullest_sessions(url: str, run: Run) -> None:
    first_layout(url, company(), company("4915512345678", seed=4, old=20))

    out = run("scan", "--verbose")[1]

    assert re.search(r"^49\*+78 +Emergency +\d+\n962302 +Critical +177$", out, re.M)
    assert not PHONE.search(out)


def test_clean_is_a_dry_run_unless_it_is_told_otherwise(
    url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_layout(url, company())
    before = rows(url)

    code, out, err = run("clean")
    assert (code, err) == (0, "")
    assert "Removable 32 keys (sender-key 16, sender-key-memory 8, session 8)" in out
    assert "--apply" in out
    monkeypatch.setenv("DRY_RUN", "true")
    assert "dry run, although --apply" in run("clean", "--apply")[2]
    assert rows(url) == before
    monkeypatch.delenv("DRY_RUN")

    code, out, err = run("clean", "--apply")
    assert (code, err) == (0, "")
    assert "Removed   32 keys" in out
    assert re.search(
        r"^Space +\S+ \S+ of rows, which new rows use again; \S+ \S+ returned to the disk$",
        out,
        re.M,
    )
    assert re.search(r"^Before +298 keys.*\nAfter +266 keys", out, re.M)
    assert len(rows(url)) == 266

    [command] = re.findall(r"baileys-janitor keystore undo --run (\S+)", out)
    assert command in run("undo", "--list")[1]
    assert run("undo", "--run", command)[1] == "Put back: 32 rows of 1 session.\n"
    assert rows(url) == before


def test_verbose_lists_keys_with_masked_ids(url: str, run: Run) -> None:
    found = company()
    found.keys = [
        key._replace(id="4915512345678.0") if key.id == "242000000001_1.0" else key
        for key in found.keys
    ]
    found.keys.append(Key("session", "4915512345678.0", 50 * 86_400, 90 * 86_400))
    first_layout(url, found)

    out = run("clean", "--verbose")[1]

    assert "962302  session-49*********78.0  SessionExpired" in out
    assert "962302  sender-key-memory-12**************01@g.us  OwnSenderKeyExpired" in out
    assert not PHONE.search(out)


def test_machines_read_the_same_figures(url: str, run: Run) -> None:
    first_layout(url, found := company())

    scan = document(run, "scan")
    clean = document(run, "clean", "--apply")
    undo = document(run, "undo")

    assert scan["schema"] == "baileys-janitor/keystore-scan/v1"
    assert scan["keys"]["total"] == len(found.keys)
    assert scan["keys"]["byType"]["session"]["count"] == 22
    assert sum(scan["keys"]["ages"].values()) == len(found.keys)
    assert scan["table"]["totalBytes"] == scan["table"]["bytes"] + scan["table"]["indexBytes"]
    assert (clean["outcome"], clean["removed"], clean["undoable"]) == ("Completed", 32, True)
    assert clean["removed"] == len(removable(found)) == sum(clean["removedByType"].values())
    assert clean["before"]["keys"]["total"] - clean["after"]["keys"]["total"] == 32
    assert (undo["restored"], undo["run"]) == (32, clean["run"])
    assert document(run, "undo", "--list")["runs"] == []


def test_more_than_is_usual_is_a_warning(url: str, run: Run) -> None:
    first_layout(url, company())

    assert "Warning: 32 keys would be removed" in run("clean", "--warn-above", 31)[2]
    assert run("clean", "--warn-above", 32)[2] == ""


def test_what_forbids_removals_is_said_and_fails_a_cleanup_alone(url: str, run: Run) -> None:
    first_layout(url, company())
    execute_plainly(url, "ALTER TABLE whatsapp_keys DROP updated_at")

    code, out, _ = run("scan")
    assert code == 0
    assert "Not cleaned: public.whatsapp_keys has no column updated_at" in out
    code, out, err = run("clean", "--apply")
    assert code == 1
    assert "Keys      298" in out
    assert err.startswith("Error: public.whatsapp_keys has no column updated_at")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scan", "--preset", "Redis"), "keys.preset: one of KeyTypeColumn"),
        (("scan", "--column", "session"), "--column is written KEY=NAME"),
        (("scan", "--column", "expires=expires_at"), "there is no field 'expires'"),
        (("scan", "--table", ""), "keys.table: a name is missing"),
        (("clean", "--session-max-age", "soon"), "--session-max-age 'soon' is no duration"),
        (("clean", "--pause", "x"), "--pause 'x' is no duration"),
        (("clean", "--max-removals-percent", "101"), "101"),
        (("export", "d", "--session", "1"), "--stopped"),
        (("import", "d"), "--session is needed"),
        (("import", "company_1", "--apply"), "--stopped"),
    ],
)
def test_bad_usage_is_one_sentence(run: Run, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert words in err


def test_a_session_goes_into_the_table_and_out_again(url: str, run: Run, tmp_path: Path) -> None:
    session = sessions.unpack("healthy", tmp_path / "company_962302", now=time.time() - 3600)
    first_layout(url)

    code, out, _ = run("import", session)
    assert code == 0
    assert "would be put into the table" in out
    assert rows(url) == {}
    code, out, _ = run("import", session, "--stopped", "--apply")
    assert code == 0
    assert len(rows(url)) > 50
    assert "already" in run("import", session)[2]
    code, out, _ = run("export", tmp_path / "back", "--session", "962302", "--stopped")
    assert code == 0
    assert len(list((tmp_path / "back").iterdir())) == len(rows(url)) + 1
    code, _, err = run("import", tmp_path / "nowhere", "--session", "1")
    assert code == 1
    assert "Traceback" not in err


def test_passwords_are_never_printed(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = conninfo_to_dict(url)
    typed = f"postgresql://postgres:hunter2@/{known['dbname']}?host={known['host']}&port={known['port']}"
    first_layout(url, company())

    for arguments in (
        ["scan", typed],
        ["clean", typed, "--apply"],
        ["clean", typed, "--json"],
        ["scan", typed.replace(str(known["dbname"]), "none")],
        ["scan", "postgresql://u:hunter2@127.0.0.1:1/d"],
        ["scan", "postgresql://u:hunter2@["],
    ):
        main(["keystore", *arguments])
    shown = "".join(capsys.readouterr())

    assert "can be seen by every user" in shown
    assert "hunter2" not in shown


def test_a_url_comes_from_the_environment_too(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first_layout(url, company())
    monkeypatch.setenv("BAILEYS_JANITOR_DATABASE_URL", url)

    assert main(["keystore", "scan"]) == 0
    monkeypatch.delenv("BAILEYS_JANITOR_DATABASE_URL")
    assert main(["keystore", "scan"]) == 2
    assert "set BAILEYS_JANITOR_DATABASE_URL" in capsys.readouterr().err


def test_without_the_driver_one_sentence_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from baileys_janitor.cli.main import main\n"
        "assert main(['--help']) == 0 and main(['keystore', 'scan', '--help']) == 0\n"
        "sys.exit(main(['keystore', sys.argv[1], 'postgresql://h/d']))"
    )

    done = subprocess.run([sys.executable, "-c", code, "scan"], capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr == f"Error: {extras.sentence('postgres')}\n"


def test_grants_quote_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keystore", "grants", "--table", '"a""b; --"', "--role", 'r"x']) == 0

    out = capsys.readouterr().out
    assert 'GRANT DELETE ON "a""b; --" TO "r""x";' in out
    assert 'GRANT UPDATE ("updated_at") ON "a""b; --" TO "r""x";' in out
