"""`restore` puts a kept copy of creds.json back, says what comes first, and never shows a key."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.cli.restore import restore_command
from baileys_janitor.volume.runs import exclusive
from tests.cli.conftest import Run
from tests.cli.sessions import files_of, numbers_in_names, snapshot
from tests.cli.test_output import VALIDATOR
from tests.cli.waiting import Clock, waiting

APPLY = ("--mode", "Credentials", "--stopped", "--apply")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return waiting(monkeypatch)


@pytest.fixture
def torn(old: Path, run: Run) -> Path:
    """A session whose creds.json was cut after a copy was kept; its process seems to run."""
    run("keep", old)
    os.truncate(old / "creds.json", 90)
    os.utime(next(old.glob("session-*")))
    return old


def creds(session: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((session / "creds.json").read_bytes())
    return document


def test_without_apply_it_says_what_would_be_and_what_comes_first(torn: Path, run: Run) -> None:
    before = snapshot(torn)
    done = run("restore", torn, "--mode", "Credentials")
    assert done.code == 0
    assert snapshot(torn) == before
    assert "creds.json cannot be read" in done.out
    assert "Both pre-key counters would be 1,096 (the copy's: 97)" in done.out
    assert "so the process seems to run" in done.out
    first = done.out.index("Do not stop or restart the tenant's process")
    assert first < done.out.index(
        f"baileys-janitor restore --mode Credentials --stopped --apply {torn}"
    )


def test_what_is_printed_works_when_pasted(torn: Path, run: Run, clock: Clock) -> None:
    line = run("restore", torn, "--mode", "Credentials").out.rpartition(": baileys-janitor ")[2]
    done = run(*line.split())
    assert (done.code, creds(torn)["nextPreKeyId"]) == (0, 1096)
    assert creds(torn)["firstUnuploadedPreKeyId"] == 1096
    assert clock.waited == 70
    undo = done.out.rpartition(": baileys-janitor ")[2]
    assert run(*undo.split()).code == 0
    assert (torn / "creds.json").stat().st_size == 90


def test_apply_alone_asks_for_the_process_to_be_stopped(torn: Path, run: Run) -> None:
    before = snapshot(torn)
    done = run("restore", torn, "--mode", "Credentials", "--apply")
    assert done.code == 2
    assert "--stopped" in done.err
    assert snapshot(torn) == before


def test_a_process_that_writes_is_noticed_and_nothing_is_restored(
    torn: Path, run: Run, clock: Clock
) -> None:
    clock.acts[50] = lambda: (torn / "pre-key-97.json").write_text("{}")
    done = run("restore", torn, *APPLY)
    assert done.code == 1
    assert "its process runs" in done.err
    assert (torn / "creds.json").stat().st_size == 90


def test_a_process_that_saves_within_the_minute_wins(torn: Path, run: Run, clock: Clock) -> None:
    kept = next(torn.glob(".janitor~creds~*")).read_bytes()
    clock.acts[58] = lambda: (torn / "creds.json").write_bytes(kept)
    assert run("restore", torn, *APPLY).code == 1
    assert (torn / "creds.json").read_bytes() == kept


def test_a_process_that_writes_over_it_afterwards_is_told(
    torn: Path, run: Run, clock: Clock
) -> None:
    kept = next(torn.glob(".janitor~creds~*")).read_bytes()
    clock.acts[65] = lambda: (torn / "creds.json").write_bytes(kept)
    done = run("restore", torn, *APPLY)
    assert done.code == 1
    assert "written over the restored creds.json" in done.err


@pytest.mark.parametrize("spoil", ["empty", "missing"])
def test_an_empty_and_a_missing_file_are_restored_too(torn: Path, run: Run, spoil: str) -> None:
    if spoil == "empty":
        os.truncate(torn / "creds.json", 0)
    else:
        (torn / "creds.json").unlink()
    before = files_of(torn) - {b"creds.json"}
    assert run("restore", torn, *APPLY).code == 0
    assert creds(torn)["me"]["id"]
    assert files_of(torn) - {b"creds.json"} == before
    assert "Healthy" in run("scan", torn).out or "Emergency" in run("scan", torn).out


def test_a_new_device_that_nobody_paired_is_to_be_stopped(torn: Path, run: Run) -> None:
    fresh = json.loads(next(torn.glob(".janitor~creds~*")).read_bytes())
    del fresh["me"], fresh["account"]
    (torn / "creds.json").write_text(json.dumps(fresh))
    done = run("restore", torn, "--mode", "Credentials")
    assert "made itself a new device: stop it" in done.out
    assert "Do not stop" not in done.out


def test_credentials_that_can_be_read_are_refused_with_a_sentence(old: Path, run: Run) -> None:
    run("keep", old)
    before = snapshot(old)
    done = run("restore", old, *APPLY)
    assert (done.code, done.out) == (1, "")
    assert "creds.json can be read and is paired, so nothing is restored" in done.err
    assert snapshot(old) == before


def test_without_a_copy_it_says_the_way_out(old: Path, run: Run) -> None:
    os.truncate(old / "creds.json", 0)
    done = run("restore", old, "--mode", "Credentials")
    assert done.code == 1
    assert "There is no kept copy of creds.json here" in done.err
    assert "There is no kept copy" in run("restore", old, "--list").out


def test_the_list_shows_each_copy_and_why_one_is_not_used(torn: Path, run: Run) -> None:
    [kept] = torn.glob(".janitor~creds~*")
    copy = json.loads(kept.read_bytes())
    (torn / ".janitor~creds~20250101000000000000").write_text("{}")
    done = run("restore", torn, "--list")
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0] == ["COPY", "KEPT", "PAIRING", "NEXT-PRE-KEY", "SIGNED", "USABLE"]
    assert rows[1][3:] == ["97", "1", "yes"]
    assert rows[2][-1] == "NotWhole"
    assert done.out.splitlines()[3].startswith("NotWhole: ")
    assert max(map(len, done.out.splitlines()[:3])) <= 80
    assert copy["advSecretKey"] not in done.out
    damaged = run("restore", torn, "--mode", "Credentials", "--copy", "2025")
    assert damaged.code == 1
    assert "It is damaged" in damaged.err


def test_the_documents_are_as_the_schema_says(torn: Path, run: Run) -> None:
    listed = json.loads(run("restore", torn, "--list", "-o", "json").out)
    VALIDATOR.validate(listed)
    dry = json.loads(run("restore", torn, "--mode", "Credentials", "-o", "json").out)
    VALIDATOR.validate(dry)
    [copy] = listed["directories"][0]["copies"]
    assert dry["directories"][0]["copy"] == copy
    applied = json.loads(run("restore", torn, *APPLY, "--copy", copy["id"], "-o", "json").out)
    VALIDATOR.validate(applied)
    [directory] = applied["directories"]
    assert (directory["outcome"], directory["applied"]) == ("Completed", True)
    refused = json.loads(run("restore", torn, *APPLY, "-o", "json").out)
    VALIDATOR.validate(refused)
    assert refused["problems"][0]["code"] == "CredentialsWhole"


def test_no_output_holds_a_number_or_a_key(torn: Path, run: Run) -> None:
    copy = json.loads(next(torn.glob(".janitor~creds~*")).read_bytes())
    secrets = {*numbers_in_names([torn]), copy["advSecretKey"], copy["me"]["id"].split(":")[0]}
    secrets = {each for each in secrets if each not in str(torn) and not each.startswith("20")}
    for arguments in (["--list"], ["--mode", "Credentials"], APPLY):
        done = run("restore", torn, *arguments)
        assert not [each for each in secrets if each in done.out + done.err]


def test_a_full_disk_is_said_in_the_words_of_a_restore(
    torn: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive, "is_full", lambda directory: True)
    before = snapshot(torn)
    done = run("restore", torn, *APPLY)
    assert done.code == 1
    assert "The disk is full, so nothing was restored." in done.err
    assert snapshot(torn) == before


def test_a_root_of_several_sessions_needs_one_to_be_named(fleet: Path, run: Run) -> None:
    done = run("restore", fleet, "--mode", "Credentials")
    assert done.code == 2
    assert "--company" in done.err


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--mode", "Whole"],
        ["--mode", "Credentials", "--copy", "x"],
        ["--mode", "Credentials", "--acknowledge", "Anything"],
    ],
)
def test_wrong_options_are_bad_usage(torn: Path, run: Run, options: list[str]) -> None:
    before = snapshot(torn)
    assert run("restore", torn, *options).code == 2
    assert snapshot(torn) == before


def test_a_dry_run_of_the_environment_holds_apply_back(
    torn: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    before = snapshot(torn)
    done = run("restore", torn, *APPLY)
    assert (done.code, snapshot(torn)) == (0, before)
    assert "dry run" in done.err


def test_what_was_found_is_said_until_it_is_acknowledged(torn: Path, run: Run) -> None:
    """Pre-keys that began anew after the copy: perhaps the tenant was paired again."""
    for path in torn.glob("pre-key-*"):
        os.utime(path, (time.time() + 4000,) * 2)
    done = run("restore", torn, "--mode", "Credentials")
    assert done.code == 1
    assert "--acknowledge PreKeysRewritten" in done.err
    again = run("restore", torn, "--mode", "Credentials", "--acknowledge", "PreKeysRewritten")
    assert again.code == 0
    assert "--acknowledge PreKeysRewritten" in again.out


@pytest.mark.parametrize(("answer", "code"), [(False, 1), (True, 0)])
def test_at_a_terminal_it_asks_whether_the_process_is_stopped(
    torn: Path, run: Run, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(restore_command, "_at_terminal", lambda: True)
    monkeypatch.setattr(
        restore_command.click, "confirm", lambda text, **_: asked.append(text) or answer
    )
    done = run("restore", torn, "--mode", "Credentials", "--apply")
    assert (done.code, len(asked)) == (code, 1)
    assert "Do not stop or restart the tenant's process" in done.err
    assert ((torn / "creds.json").stat().st_size > 90) is answer
