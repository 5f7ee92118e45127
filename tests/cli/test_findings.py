"""`scan` says what is wrong with a directory, and the commands that it prints end it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.journal import Journal
from tests.cli.conftest import Run
from tests.cli.sessions import company, environment, mended, numbers_in_names, snapshot
from tests.volume.directories import opened

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


def findings(run: Run, path: Path, *options: str) -> dict[str, dict[str, dict[str, object]]]:
    document = json.loads(run("scan", path, "-o", "json", *options).out)
    return {
        each["company"] or each["path"]: {found["code"]: found for found in each["findings"]}
        for each in document["directories"]
    }


def paste(found: dict[str, dict[str, object]], code: str) -> None:
    commands = found[code]["commands"]
    assert isinstance(commands, list)
    assert commands
    for command in commands:
        done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment())
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_whole_session_has_no_findings(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "healthy")
    assert findings(run, session) == {"1": {}}
    assert run("scan", session).code == 0


def test_one_pairing_in_two_directories_is_said_once_for_both(tmp_path: Path, run: Run) -> None:
    company(tmp_path, "1", "healthy")
    shutil.copytree(tmp_path / "company_1", tmp_path / "company_2")
    company(tmp_path, "3", "old")
    found = findings(run, tmp_path)
    assert [set(each) for each in found.values()] == [{"SharedPairing"}, {"SharedPairing"}, set()]
    done = run("scan", tmp_path)
    assert done.code == 1
    assert done.err.count("One pairing in 2 directories") == 1
    (tmp_path / "company_2").rename(tmp_path / "company_2.bak")
    assert run("scan", tmp_path).code == 0


def test_one_directory_under_two_names(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A bind mount needs rights that a test has not: the same device and inode under a second name.
    company(tmp_path, "1", "healthy")
    company(tmp_path, "2", "old")
    real = os.open

    def bound(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        return real("company_1" if path == "company_2" else path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr("baileys_janitor.volume.files.roots.os.open", bound)
    found = findings(run, tmp_path)
    assert list(found) == ["1"]
    assert str(tmp_path / "company_2") in str(found["1"]["SharedDirectory"]["message"])


@AS_ROOT
def test_files_of_root_are_named_and_given_back_by_the_command(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "it's 1", "old")
    for path in (session, *session.iterdir()):
        os.chown(path, 1000, 1000)
    for path in sorted(session.glob("session-*"))[:3]:
        os.chown(path, 0, 0)
    for path in sorted(session.glob("pre-key-*"))[:2]:
        path.chmod(0o444)
    found = findings(run, tmp_path)["it's 1"]
    assert "3 files belong to user 0 and 2 files are read-only" in str(found["NotWritable"])
    paste(found, "NotWritable")
    assert findings(run, tmp_path) == {"it's 1": {}}


def test_empty_files_are_counted_and_removed_by_the_command(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "old")
    emptied = sorted(session.glob("session-*"))[:3]
    hour_ago = time.time() - 3600
    for path in emptied:
        os.truncate(path, 0)
        os.utime(path, (hour_ago, hour_ago))
    before = set(os.listdir(session))
    found = findings(run, session)["1"]
    assert str(found["EmptyFiles"]["message"]).startswith("3 files are empty (3 session)")
    paste(found, "EmptyFiles")
    assert before - set(os.listdir(session)) == {path.name for path in emptied}
    assert findings(run, session) == {"1": {}}


def test_a_memory_file_without_its_key_is_a_fault_until_a_cleanup(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "orphan")
    assert list(findings(run, session)["1"]) == ["MemoryWithoutKey"]
    mended(session)
    assert findings(run, session) == {"1": {}}


def test_readable_credentials_are_advice_and_closed_by_the_command(
    tmp_path: Path, run: Run
) -> None:
    session = company(tmp_path, "1", "healthy")
    session.chmod(0o755)
    found = findings(run, session)["1"]
    assert list(found) == ["CredentialsReadable"]
    done = run("scan", session)
    assert (done.code, done.err) == (0, "")
    paste(found, "CredentialsReadable")
    assert findings(run, session) == {"1": {}}


def test_a_linked_creds_json_is_called_a_link(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path / "root", "1", "healthy")
    (session / "creds.json").rename(tmp_path / "secret.json")
    (session / "creds.json").symlink_to(tmp_path / "secret.json")
    for command in (["scan"], ["clean"]):
        done = run(*command, session)
        assert done.code == 1
        assert "creds.json is a symbolic link" in done.err
    assert list(findings(run, session)["1"]) == ["CredentialsLinked"]


def test_keys_without_credentials_name_both_causes(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path / "instances", "1", "healthy")
    for name in ("creds.json", ".janitor~activity"):
        (session / name).unlink()
    done = run("scan", tmp_path)
    assert done.code == 1
    assert "Keys without credentials" in done.err
    assert "Evolution API" in done.err
    (session / ".janitor~activity").write_text("")
    assert next(iter(findings(run, session)["1"])) == "CredentialsMissing"


def test_what_many_have_in_common_is_said_once(tmp_path: Path, run: Run) -> None:
    for number in range(5):
        session = tmp_path / f"company_{number}"
        session.mkdir(mode=0o755)
        (session / "creds.json").write_text("{}")
        (session / "creds.json").chmod(0o644)
    lines = run("scan", tmp_path).out.splitlines()
    said = [line for line in lines if "Every user of this machine" in line]
    assert [line.split(":")[0] for line in said] == ["0, 1, 2 and 2 more"]
    wide = run("scan", tmp_path, "-o", "wide").out
    assert wide.count("Every user of this machine") == 5
    assert wide.count("chmod o-rwx") == 5


def test_findings_change_nothing_and_hold_no_number(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "orphan")
    session.chmod(0o755)
    for path in sorted(session.glob("session-*"))[:2]:
        os.truncate(path, 0)
    before = snapshot(tmp_path)
    shown = "".join(str(run("scan", tmp_path, "-o", output)) for output in ("table", "json"))
    assert snapshot(tmp_path) == before
    assert not [number for number in numbers_in_names([session]) if number in shown]


def test_the_gravest_fault_of_all_directories_comes_first(tmp_path: Path, run: Run) -> None:
    first, last = company(tmp_path, "1", "healthy"), company(tmp_path, "2", "old")
    empty = first / "session-12025550199.0.json"
    empty.touch()
    os.utime(empty, (time.time() - 3600,) * 2)
    (last / "creds.json").unlink()
    said = [line for line in run("scan", tmp_path).err.splitlines() if line.startswith("Error: ")]
    assert "company_2" in said[0]
    assert "company_1" in said[1]


def test_cleanups_that_help_little_again_and_again_name_the_rotation(
    tmp_path: Path, run: Run
) -> None:
    session = company(tmp_path, "1", "healthy")
    for name in set(os.listdir(session)) - {"creds.json"}:
        (session / name).unlink()
    os.utime(session / "creds.json")
    for number in range(12):
        (session / f"session-4915{number}.0.json").write_text("{}")
    for number in range(164):
        (session / f"device-list-4915{number}.json").write_text("[]")
    [before] = findings(run, session, "--count", "Total").values()
    assert set(before) == {"ThresholdUnreachable"}
    with opened(session) as directory:
        journal = Journal(directory, owners_of(directory))
        for number in range(3):
            done = CleanResult(f"r{number}", "Completed", removed=number, after=175 + number)
            journal.begin(done.run, "Daily", "", int(time.time()))
            journal.end(done, int(time.time()))
    [found] = findings(run, session, "--count", "Total").values()
    told = found["RotationRecommended"]
    assert str(told["message"]).startswith("The last 3 cleanups removed fewer than 5 files each")
    assert told["commands"] == [f"baileys-janitor rotate {session}"]
    assert run("rotate", session).code == 0
