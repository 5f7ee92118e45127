"""`undo` puts a run back, or says in a sentence why not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from baileys_janitor.volume.files.run_plan import read_plan, write_plan
from baileys_janitor.volume.files.state_files import owners_of, remove
from baileys_janitor.volume.files.state_names import plan_name
from baileys_janitor.volume.restoring.restore_session import SessionRestoring
from baileys_janitor.volume.runs.journal import Journal
from tests.archived import COMES_BACK, CONTENT, archived
from tests.cli.conftest import Run
from tests.cli.sessions import company, snapshot
from tests.volume.directories import opened


def without_janitor(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {
        name: (content, mtime)
        for name, (content, mtime, _inode) in snapshot(directory).items()
        if ".janitor~" not in name and (directory / name).is_file()
    }


def test_undo_puts_every_byte_and_time_back(old: Path, run: Run) -> None:
    before = without_janitor(old)
    assert run("clean", old, "--apply").code == 0
    assert without_janitor(old) != before
    done = run("undo", old)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{old}: 25 files of run cli-")
    assert without_janitor(old) == before


def test_list_shows_the_runs_newest_first(old: Path, run: Run) -> None:
    first = json.loads(run("clean", old, "--apply", "--max-removals-files", "5", "-o", "json").out)
    second = json.loads(run("clean", old, "--apply", "-o", "json").out)
    ids = [each["directories"][0]["run"] for each in (second, first)]
    done = run("undo", "--list", old, "-o", "json")
    [directory] = json.loads(done.out)["directories"]
    assert [each["run"] for each in directory["runs"]] == ids
    assert [each["files"] for each in directory["runs"]] == [20, 5]
    assert "CommandLine" in run("undo", "--list", old).out


def test_a_named_run_is_put_back_and_the_others_stay(old: Path, run: Run) -> None:
    first = json.loads(run("clean", old, "--apply", "--max-removals-files", "5", "-o", "json").out)
    run("clean", old, "--apply")
    name = first["directories"][0]["run"]
    document = json.loads(run("undo", old, name, "-o", "json").out)
    assert document["directories"] == [
        {
            "path": str(old),
            "company": "962302",
            "run": name,
            "applied": True,
            "restored": 5,
            "takenAway": 0,
            "skipped": {},
        }
    ]
    assert len(list(old.glob(".janitor~run~*"))) == 20


def test_a_root_is_put_back_as_it_was_cleaned(fleet: Path, run: Run) -> None:
    run("clean", fleet, "--company", "1", "--apply")
    before = without_janitor(fleet)
    assert run("clean", fleet, "--apply").code == 0
    done = run("undo", fleet)
    assert done.code == 0
    assert without_janitor(fleet) == before
    assert "company_1:" not in done.out


def test_an_empty_trash_is_said(old: Path, run: Run) -> None:
    before = snapshot(old)
    done = run("undo", old)
    assert done.code == 1
    assert "There is no run to put back: the trash is empty." in done.err
    assert run("undo", "--list", old).code == 0
    assert snapshot(old) == before


def test_an_unknown_run_is_said_and_the_latest_named(old: Path, run: Run) -> None:
    run("clean", old, "--apply")
    done = run("undo", old, "cli-20200101t000000-abcdef")
    assert done.code == 1
    assert "No run cli-20200101t000000-abcdef is known here" in done.err
    assert "The latest is cli-" in done.err


def test_a_purged_run_is_gone_for_good_and_says_so(old: Path, run: Run) -> None:
    first = json.loads(run("clean", old, "--apply", "-o", "json").out)["directories"][0]["run"]
    run("clean", old, "--apply", "--undo-window", "0s")
    done = run("undo", old, first)
    assert done.code == 1
    assert "The run's files are gone for good" in done.err


def test_another_identity_gets_nothing_of_the_old_one(old: Path, run: Run) -> None:
    run("clean", old, "--apply")
    creds = json.loads((old / "creds.json").read_text())
    creds["registrationId"] += 1
    (old / "creds.json").write_text(json.dumps(creds))
    after = without_janitor(old)
    done = run("undo", old)
    assert done.code == 1
    assert "paired again since this run" in done.err
    assert without_janitor(old) == after


def test_a_file_that_exists_again_stays_as_it_is(old: Path, run: Run) -> None:
    before = {path.name for path in old.glob("session-*")}
    run("clean", old, "--apply")
    name = min(before - {path.name for path in old.glob("session-*")})
    (old / name).write_text("newer")
    done = run("undo", old)
    assert done.code == 1
    assert (
        "1 file stays in the trash. The library has written a file of that name since." in done.err
    )
    assert (old / name).read_text() == "newer"
    assert name not in done.err + done.out


def test_a_repaired_memory_file_stays_gone_and_that_is_no_error(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "orphan")
    run("clean", session, "--apply")
    done = run("undo", session)
    assert (done.code, done.err) == (0, "")
    assert "A memory file does harm without the sender key" in done.out


def test_dry_run_in_the_environment_puts_nothing_back(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("clean", old, "--apply")
    before = snapshot(old)
    monkeypatch.setenv("DRY_RUN", "true")
    done = run("undo", old)
    assert done.code == 0
    assert "DRY_RUN=true: this is a dry run, nothing is put back." in done.err
    assert "25 files" in done.out
    assert "would be put back" in done.out
    assert snapshot(old) == before


def test_an_undo_keeps_a_run_that_an_undo_window_would_have_purged(old: Path, run: Run) -> None:
    run("clean", old, "--apply", "--undo-window", "30d")
    with opened(old) as directory:
        owners = owners_of(directory)
        [run_id] = Journal(directory, owners).runs
        plan = read_plan(directory, run_id, owners)
        assert plan is not None
        remove(directory, plan_name(run_id))
        write_plan(directory, run_id, plan.files, plan.time - 10 * 86_400, owners)
    assert run("undo", old).code == 0


def test_the_environment_names_the_path(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("clean", old, "--apply")
    monkeypatch.setenv("BAILEYS_SESSIONS_PATH", str(old.parent))
    assert run("undo").code == 0


def test_a_trash_that_nobody_can_judge_is_not_called_empty(old: Path, run: Run) -> None:
    run("clean", old, "--apply")
    (old / ".janitor~journal").unlink()
    done = run("undo", old)
    assert done.code == 1
    assert "25 files in the trash belong to runs that are not in the journal" in done.err


def test_state_that_is_not_ours_is_told_instead_of_an_empty_trash(old: Path, run: Run) -> None:
    run("clean", old, "--apply")
    (old / ".janitor~journal").unlink()
    os.mkfifo(old / ".janitor~journal")
    for arguments in (["undo", old], ["undo", "--list", old]):
        done = run(*arguments)
        assert done.code == 1
        assert "not the janitor's own file" in done.err
        assert "empty" not in done.out + done.err


def restored(path: Path, creds: bytes | None) -> Path:
    """A session that was restored from an archive as run `r1`, in the place of what creds.json was."""
    path.mkdir()
    if creds is not None:
        (path / "creds.json").write_bytes(creds)
    source = archived(CONTENT, time.time() - 86_400)
    with opened(path) as directory:
        result = SessionRestoring(
            directory,
            "r1",
            source,
            CONTENT.__getitem__,
            now=time.time(),
            expected=source.identity.fingerprint,
            pause=lambda seconds: None,
        ).apply()
    assert result.outcome == "Completed"
    return path


@pytest.mark.parametrize("creds", [None, b'{"noiseKey":{"pri'], ids=["empty", "torn"])
def test_a_restore_from_an_archive_is_listed_and_undone(
    creds: bytes | None, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = restored(tmp_path / "session", creds)
    [directory] = json.loads(run("undo", "--list", path, "-o", "json").out)["directories"]
    [known] = directory["runs"]
    assert (known["run"], known["reason"], known["files"]) == ("r1", "Restore", len(COMES_BACK))
    replaced = int(creds is not None)
    with monkeypatch.context() as patch:
        patch.setenv("DRY_RUN", "true")
        would = json.loads(run("undo", path, "-o", "json").out)
    done = json.loads(run("undo", path, "-o", "json").out)
    for document in (would, done):
        [directory] = document["directories"]
        assert (directory["restored"], directory["takenAway"]) == (
            replaced,
            len(COMES_BACK) - replaced,
        )
    assert without_janitor(path).keys() == ({"creds.json"} if creds else set())


def test_what_an_undo_of_a_restore_did_is_said_in_a_sentence(tmp_path: Path, run: Run) -> None:
    path = restored(tmp_path / "session", b"")
    assert run("undo", path).out.splitlines() == [
        f"{path}: 1 file of run r1 put back, and 13 files that run r1 had restored taken away again."
    ]


def test_a_restored_session_that_is_in_use_is_not_taken_away(tmp_path: Path, run: Run) -> None:
    path = restored(tmp_path / "session", None)
    (path / "session-2201.0.json").write_bytes(b"{}")
    done = run("undo", path)
    assert done.code == 1
    assert "A process has written to the session's files since the restore began" in done.err
    assert without_janitor(path).keys() == COMES_BACK
