"""`rotate` ends a pairing in its directory, `rollback` brings it back; both say first what they would do."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from baileys_janitor.cli.rotate import rollback_command, rotate_command
from baileys_janitor.cli.terminal.pasting import command
from tests.backup.sessions import RECIPIENT
from tests.cli.backups import documents
from tests.cli.conftest import Run
from tests.cli.sessions import Done, company, numbers_in_names, snapshot
from tests.cli.waiting import Clock, waiting
from tests.volume.directories import held

APPLY = ("--stopped", "--apply")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return waiting(monkeypatch, rotate_command, rollback_command)


def carried(session: Path) -> set[str]:
    """The names of the session's own files."""
    return set(held(session))


def printed_command(done: Done) -> list[str]:
    """The words of the last command that was printed on a line of its own."""
    lines = [line for line in done.out.splitlines() if line.startswith("  baileys-janitor ")]
    return shlex.split(lines[-1])[1:]


def test_without_apply_it_says_what_would_move_and_moves_nothing(old: Path, run: Run) -> None:
    before = snapshot(old)
    done = run("rotate", old)
    assert (done.code, done.err) == (0, "")
    assert snapshot(old) == before
    assert "would move to the trash" in done.out
    assert "stays: it applies to any pairing" in done.out
    assert printed_command(done) == ["rotate", "--stopped", "--apply", str(old)]


def test_the_printed_commands_rotate_and_bring_every_byte_back(
    old: Path, run: Run, clock: Clock
) -> None:
    before = held(old)
    rotated = run(*printed_command(run("rotate", old)))
    assert rotated.code == 0
    assert clock.waited == 70
    assert all(name.startswith("lid-mapping-") for name in carried(old))
    assert "asks for a pairing" in rotated.out
    back = run(*printed_command(rotated))
    assert back.code == 0
    assert held(old) == before
    assert "are back as they were" in back.out
    for number in numbers_in_names([old]):
        assert number not in rotated.out.replace(str(old), "") + rotated.err.replace(str(old), "")


def test_documents_keep_to_their_schema(old: Path, run: Run) -> None:
    [planned] = documents(run("rotate", old, "-o", "json"))
    [done] = documents(run("rotate", old, *APPLY, "-o", "json"))
    assert (planned["outcome"], planned["applied"], planned["run"]) == ("DryRun", False, None)
    assert (done["outcome"], done["applied"], done["backup"]) == ("Completed", True, None)
    assert done["movedByKind"] == planned["movedByKind"]
    [would] = documents(run("rollback", old, "-o", "json"))
    [back] = documents(run("rollback", old, *APPLY, "-o", "json"))
    assert (would["outcome"], would["run"], would["until"]) == (
        "DryRun",
        done["run"],
        done["until"],
    )
    assert (back["outcome"], back["restored"]) == ("Completed", done["moved"])
    [nothing] = documents(run("rollback", old, "-o", "json"))
    assert (nothing["outcome"], nothing["code"]) == ("Refused", "NothingRotated")


def test_nobody_to_ask_whether_the_process_is_stopped_is_bad_usage(old: Path, run: Run) -> None:
    before = snapshot(old)
    for name in ("rotate", "rollback"):
        if name == "rollback":
            run("rotate", old, *APPLY)
            before = snapshot(old)
        done = run(name, old, "--apply")
        assert done.code == 2
        assert command(name, *APPLY, paths=[str(old)]) in done.err
        assert snapshot(old) == before


def test_a_process_that_writes_is_left_alone(old: Path, run: Run, clock: Clock) -> None:
    before = snapshot(old)
    (old / "creds.json").stat()
    clock.acts[30] = lambda: os.utime(old / "creds.json")
    done = run("rotate", old, *APPLY)
    assert (done.code, "so its process runs" in done.err) == (1, True)
    assert snapshot(old).keys() == before.keys()


def test_a_process_that_was_not_stopped_gets_its_session_back(
    old: Path, run: Run, clock: Clock
) -> None:
    before = held(old)
    data = (old / "creds.json").read_bytes()
    clock.acts[64] = lambda: (old / "creds.json").write_bytes(data)
    done = run("rotate", old, *APPLY, "-o", "json")
    [found] = documents(done)
    assert (done.code, found["code"], found["applied"]) == (1, "StillWriting", False)
    assert held(old) == before


def test_dry_run_holds_apply_back(old: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    before = snapshot(old)
    done = run("rotate", old, *APPLY)
    assert (done.code, "this is a dry run" in done.err) == (0, True)
    assert snapshot(old) == before


def test_of_several_directories_one_must_be_named(fleet: Path, run: Run) -> None:
    done = run("rotate", fleet)
    assert (done.code, "a rotation is for one" in done.err) == (2, True)
    done = run("rotate", fleet, "--company", "2")
    assert printed_command(done) == ["rotate", *APPLY, "--company", "2", str(fleet)]


@pytest.mark.parametrize("age", ["59m", "29d", "soon", ""])
def test_a_time_to_roll_back_that_makes_no_sense_is_bad_usage(
    old: Path, run: Run, age: str
) -> None:
    done = run("rotate", old, "--rotate-undo", age)
    assert (done.code, "--rotate-undo" in done.err) == (2, True)


def test_what_is_not_paired_is_not_rotated(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "healthy")
    (session / "creds.json").unlink()
    done = run("rotate", session)
    assert (done.code, "no creds.json" in done.err) == (1, True)


def test_scan_and_undo_know_a_session_that_was_rotated_out(old: Path, run: Run) -> None:
    run("rotate", old, *APPLY)
    done = run("scan", old, "-o", "json")
    [found] = json.loads(done.out)["directories"]
    [finding] = found["findings"]
    assert (done.code, finding["code"]) == (0, "AwaitingPairing")
    assert "For 6 days more" in finding["message"] or "For 7 days more" in finding["message"]
    assert finding["commands"] == [command("rollback", paths=[str(old)])]
    done = run("undo", old)
    assert (done.code, command("rollback", *APPLY, paths=[str(old)]) in done.err) == (1, True)


def test_a_rotated_session_is_found_from_above_whatever_is_left_of_it(
    tmp_path: Path, run: Run
) -> None:
    session = company(tmp_path / "root", "1", "healthy").rename(tmp_path / "root" / "a")
    for each in session.glob("lid-mapping-*"):
        each.unlink()
    run("rotate", session, *APPLY)
    assert carried(session) == set()
    assert run("rollback", tmp_path / "root", *APPLY).code == 0
    assert (session / "creds.json").exists()


def test_a_kept_copy_of_what_was_rotated_out_is_no_way_back(old: Path, run: Run) -> None:
    run("keep", old)
    run("rotate", old, *APPLY)
    done = run("restore", old, "--mode", "Credentials")
    assert done.code == 1
    assert command("rollback", paths=[str(old)]) in done.err
    assert "creds.json" not in carried(old)
    run("rollback", old, *APPLY)
    (old / "creds.json").write_bytes(b"{")
    assert run("restore", old, "--mode", "Credentials").code == 0, "then it is one again"


# A backup first


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    path.mkdir()
    return path


def config(tmp_path: Path, store: Path, **group: object) -> Path:
    backup = {"recipients": [RECIPIENT], "repositories": [{"name": "a", "url": str(store)}]}
    path = tmp_path / "janitor.yaml"
    path.write_text(json.dumps({"backup": {**backup, **group}}))
    return path


def archives(store: Path) -> int:
    return len(list(store.rglob("*.age")))


def test_a_backup_is_made_first_where_one_is_configured(
    old: Path, run: Run, tmp_path: Path, store: Path
) -> None:
    path = config(tmp_path, store)
    run("backup", old, "--config", path)
    done = run("rotate", old, *APPLY, "--config", path, "-o", "json")
    [found] = documents(done)
    assert (done.code, found["outcome"], archives(store)) == (0, "Completed", 2)
    assert found["backup"]["repositories"][0]["outcome"] == "Put"


def test_what_is_only_preferred_and_fails_is_said(
    old: Path, run: Run, tmp_path: Path, store: Path
) -> None:
    store.rmdir()
    store.write_text("no directory")
    done = run("rotate", old, *APPLY, "--config", config(tmp_path, store))
    assert (done.code, "Note: " in done.err) == (0, True)
    assert all(name.startswith("lid-mapping-") for name in carried(old))


def test_where_it_is_required_nothing_is_rotated_without_a_backup(
    old: Path, run: Run, tmp_path: Path, store: Path
) -> None:
    path = config(tmp_path, store, beforeOperations="Required")
    store.rmdir()
    store.write_text("no directory")
    before = held(old)
    done = run("rotate", old, *APPLY, "--config", path)
    assert (done.code, "because backup.beforeOperations is Required" in done.err) == (1, True)
    assert held(old) == before


def test_where_none_is_wanted_none_is_made(
    old: Path, run: Run, tmp_path: Path, store: Path
) -> None:
    path = config(tmp_path, store, beforeOperations="Never")
    done = run("rotate", old, *APPLY, "--config", path)
    assert (done.code, archives(store)) == (0, 0)


def test_a_configuration_without_backups_makes_none(old: Path, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "janitor.yaml"
    path.write_text('{"mode": "Enforce"}')
    assert run("rotate", old, *APPLY, "--config", path).code == 0
