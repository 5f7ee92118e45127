"""`keep` keeps copies of creds.json, says what it did, and never shows one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.sessions import company, numbers_in_names, snapshot
from tests.cli.test_output import VALIDATOR


@pytest.fixture
def mixed(fleet: Path) -> Path:
    """Three whole sessions, one with a torn creds.json, one never paired and one empty directory."""
    company(fleet, "3", "corrupt")
    company(fleet, "4", "unpaired")
    (fleet / "company_5").mkdir()
    return fleet


def copies(session: Path) -> list[Path]:
    return sorted(session.glob(".janitor~creds~*"))


def test_every_whole_creds_json_of_a_root_is_kept(mixed: Path, run: Run) -> None:
    done = run("keep", mixed)
    assert done.code == 1  # company_3
    for name in ("1", "2", "10"):
        session = mixed / f"company_{name}"
        [copy] = copies(session)
        assert copy.read_bytes() == (session / "creds.json").read_bytes()
        assert copy.stat().st_mode & 0o777 == 0o600
    assert (
        not copies(mixed / "company_3") + copies(mixed / "company_4") + copies(mixed / "company_5")
    )
    assert done.err.count("Error:") == 1
    assert "company_3: creds.json cannot be read, so no copy of it was kept." in done.err
    assert f"(baileys-janitor restore --mode Credentials {mixed / 'company_3'})" in done.err
    rows = done.out.splitlines()
    assert rows[0].split() == ["COMPANY", "COPIES", "NEWEST", "OUTCOME"]
    assert [row.split()[0] for row in rows[1:]] == ["1", "2", "3", "4", "5", "10"]
    assert max(map(len, rows)) <= 80


def test_a_second_time_nothing_is_due_and_quiet_says_nothing(fleet: Path, run: Run) -> None:
    run("keep", fleet)
    before = snapshot(fleet)
    done = run("keep", fleet, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert snapshot(fleet) == before
    assert "not due" in run("keep", fleet).out


def test_a_changed_file_is_kept_at_once_if_asked(old: Path, run: Run) -> None:
    run("keep", old)
    creds = json.loads((old / "creds.json").read_bytes())
    creds["nextPreKeyId"] = creds["firstUnuploadedPreKeyId"] = creds["nextPreKeyId"] + 30
    (old / "creds.json").write_text(json.dumps(creds))
    assert "not due" in run("keep", old).out
    document = json.loads(run("keep", old, "--every", "0s", "-o", "json").out)
    [directory] = document["directories"]
    assert (directory["outcome"], directory["copies"]) == ("Kept", 2)
    os.utime(old / "creds.json")


def test_its_document_is_as_the_schema_says(mixed: Path, run: Run) -> None:
    document = json.loads(run("keep", mixed, "-o", "json").out)
    VALIDATOR.validate(document)
    outcomes = {
        each["company"]: (each["outcome"], each["code"]) for each in document["directories"]
    }
    assert outcomes == {
        "1": ("Kept", None),
        "2": ("Kept", None),
        "3": ("NotKept", "CredentialsCorrupt"),
        "4": ("NotKept", "NotPaired"),
        "5": ("NotKept", "CredentialsAbsent"),
        "10": ("Kept", None),
    }
    assert [each["code"] for each in document["problems"]] == ["CredentialsCorrupt"]


def test_no_output_holds_a_number_or_a_key(mixed: Path, run: Run) -> None:
    done = run("keep", mixed)
    creds = json.loads((mixed / "company_1" / "creds.json").read_bytes())
    secrets = {*numbers_in_names([mixed]), creds["advSecretKey"], creds["me"]["id"].split(":")[0]}
    assert not [each for each in secrets if each in done.out + done.err]


def test_a_dry_run_of_the_environment_keeps_nothing(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    done = run("keep", old)
    assert (done.code, copies(old)) == (0, [])
    assert "dry run" in done.err


@pytest.mark.parametrize(
    ("options", "named"), [(["--every", "soon"], "--every"), (["--copies", "0"], "--copies")]
)
def test_a_wrong_option_is_bad_usage(old: Path, run: Run, options: list[str], named: str) -> None:
    done = run("keep", old, *options)
    assert done.code == 2
    assert named in done.err
    assert copies(old) == []


def test_a_cleanup_keeps_a_copy_first_and_a_dry_run_does_not(old: Path, run: Run) -> None:
    creds = (old / "creds.json").read_bytes()
    run("clean", old)
    assert copies(old) == []
    run("clean", old, "--apply")
    assert [copy.read_bytes() for copy in copies(old)] == [creds]
    run("clean", old, "--apply")
    assert len(copies(old)) == 1
