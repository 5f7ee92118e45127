"""`scan` counts, shows and judges; it never changes anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from baileys_janitor.cli.scanning import look
from baileys_janitor.policy.reasons import SAVE_CREDENTIALS
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.scanning import credentials
from tests.cli.conftest import Run
from tests.cli.sessions import company, environment, janitor, mended, snapshot


def levels(document: str) -> dict[str, str]:
    return {each["company"]: each["level"] for each in json.loads(document)["directories"]}


def test_a_table_has_a_row_for_each_company_and_a_sum(fleet: Path, run: Run) -> None:
    done = run("scan", fleet)
    heading, *rows = done.out.splitlines()
    assert done.code == 0
    assert heading.split()[:3] == ["COMPANY", "LEVEL", "FILES"]
    assert [row.split()[:2] for row in rows[:3]] == [
        ["1", "Critical"],
        ["2", "Emergency"],
        ["10", "Emergency"],
    ]
    assert rows[3].startswith("3 directories: 2 Emergency, 1 Critical; ")
    assert all(advice.startswith("10: ") for advice in rows[4:])


def test_one_directory_has_one_row_named_by_its_path(tmp_path: Path, run: Run) -> None:
    session = mended(company(tmp_path, "1", "orphan")).rename(tmp_path / "auth")
    heading, row, _total = run("scan", session).out.splitlines()
    assert heading.startswith("PATH ")
    assert row.startswith(f"{session}  Critical")


def test_three_hundred_directories_are_three_hundred_rows(tmp_path: Path, run: Run) -> None:
    for number in range(300):
        path = tmp_path / f"company_{number}"
        path.mkdir(mode=0o700)
        (path / "creds.json").write_text("{}")
    lines = run("scan", tmp_path).out.splitlines()
    assert [line.split()[0] for line in lines[1:301]] == [str(number) for number in range(300)]
    assert lines[301].startswith("300 directories: 300 Healthy; 300 files")
    assert len(lines) == 302


def test_wide_shows_every_kind_and_the_path(old: Path, run: Run) -> None:
    heading, row, *_ = run("scan", old, "-o", "wide").out.splitlines()
    shown = dict(zip(heading.split(), row.split("  "), strict=False))
    assert "SK-MEMORY" in shown
    cells = row.split()
    assert cells[-2:] == ["Paired", str(old)]


def test_json_counts_what_lies_there(old: Path, run: Run) -> None:
    [found] = json.loads(run("scan", old, "-o", "json").out)["directories"]
    files = [path for path in old.iterdir() if not path.name.startswith(".janitor~")]
    assert found["total"] == len(files) == sum(found["byKind"].values())
    assert found["bytes"] == sum(path.stat().st_size for path in files)
    assert sum(found["ages"].values()) == len(files)
    assert found["byKind"]["preKey"] == len(list(old.glob("pre-key-*")))
    assert (found["company"], found["identity"], found["level"]) == (
        "962302",
        "Paired",
        "Emergency",
    )
    assert found["oldest"] < found["lastActivity"] <= found["newest"]


def test_yaml_is_the_same_document(old: Path, run: Run) -> None:
    as_json = json.loads(run("scan", old, "-o", "json").out)
    as_yaml = yaml.safe_load(run("scan", old, "-o", "yaml").out)
    assert as_yaml["directories"] == as_json["directories"]


def test_a_scan_changes_nothing(fleet: Path, run: Run) -> None:
    before = snapshot(fleet)
    for output in ("table", "wide", "json", "yaml"):
        assert run("scan", fleet, "-o", output).code == 0
    assert snapshot(fleet) == before


def test_the_environment_names_the_path(fleet: Path) -> None:
    done = janitor("scan", "-o", "json", env={"BAILEYS_SESSIONS_PATH": str(fleet)})
    assert (done.code, len(levels(done.out))) == (0, 3)


def test_a_path_on_the_command_line_wins_over_the_environment(fleet: Path) -> None:
    env = {"BAILEYS_SESSIONS_PATH": "/nowhere"}
    assert len(levels(janitor("scan", fleet, "-o", "json", env=env).out)) == 3


def test_no_path_at_all_is_bad_usage(run: Run) -> None:
    done = run("scan")
    assert (done.code, done.out) == (2, "")
    assert "BAILEYS_SESSIONS_PATH" in done.err


def test_company_selects(fleet: Path, run: Run) -> None:
    done = run("scan", fleet, "--company", "2", "-o", "json")
    assert levels(done.out) == {"2": "Emergency"}
    assert run("scan", fleet, "--company", "77").code == 2


@pytest.mark.parametrize(
    ("level", "code"), [("Warning", 3), ("critical", 3), ("Emergency", 0), (None, 0)]
)
def test_fail_on_exits_with_3_from_a_level_on(
    tmp_path: Path, run: Run, level: str | None, code: int
) -> None:
    session = mended(company(tmp_path, "1", "orphan"))
    options = [] if level is None else ["--fail-on", level]
    assert run("scan", session, *options).code == code


def test_fail_on_does_not_know_other_words(old: Path, run: Run) -> None:
    assert run("scan", old, "--fail-on", "Healthy").code == 2


def test_what_could_not_be_looked_at_outweighs_fail_on(old: Path, run: Run) -> None:
    done = run("scan", old, "/nowhere", "--fail-on", "Emergency", "-o", "json")
    assert done.code == 1
    document = json.loads(done.out)
    assert len(document["directories"]) == 1
    assert document["problems"] == [
        {
            "path": "/nowhere",
            "company": None,
            "code": "DirectoryMissing",
            "message": "/nowhere does not exist; check the path.",
        }
    ]
    assert done.err == "Error: /nowhere does not exist; check the path.\n"


def test_a_linked_company_is_refused_by_name_and_the_others_go_on(fleet: Path, run: Run) -> None:
    (fleet / "company_3").symlink_to("company_1")
    done = run("scan", fleet)
    assert done.code == 1
    assert f"{fleet}/company_3: The path leads through a symbolic link" in done.err
    assert "3 directories" in done.out


def test_a_directory_without_creds_has_no_level(tmp_path: Path, run: Run) -> None:
    (tmp_path / "company_1").mkdir()
    done = run("scan", tmp_path, "-o", "json", "--fail-on", "Warning")
    assert (done.code, levels(done.out)) == (0, {"1": "Unknown"})


def _missing(session: Path) -> None:
    (session / "creds.json").unlink()


def _too_large(session: Path) -> None:
    with (session / "creds.json").open("a") as file:
        file.write(" " * (1 << 20))


def _cut(session: Path) -> None:
    os.truncate(session / "creds.json", 100)


def _emptied(session: Path) -> None:
    os.truncate(session / "creds.json", 0)


@pytest.mark.parametrize("fail_on", [None, "Warning", "Emergency"])
@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (_cut, "CredentialsCorrupt"),
        (_emptied, "CredentialsCorrupt"),
        (_missing, "CredentialsMissing"),
        (_too_large, "CredentialsTooLarge"),
    ],
)
def test_broken_credentials_have_no_level_and_exit_with_1(
    tmp_path: Path, run: Run, broken: Callable[[Path], None], code: str, fail_on: str | None
) -> None:
    session = company(tmp_path, "1", "healthy")
    broken(session)
    options = [] if fail_on is None else ["--fail-on", fail_on]
    done = run("scan", session, "-o", "json", *options)
    document = json.loads(done.out)
    assert (done.code, levels(done.out)) == (1, {"1": "Unknown"})
    assert [each["code"] for each in document["problems"]] == [code]
    assert document["directories"][0]["advice"][0]["type"] == code
    assert done.err.startswith(f"Error: {session}: ")
    table = run("scan", session, *options)
    assert (table.code, table.err) == (1, done.err)
    assert "Healthy" not in table.out
    assert "creds.json" not in table.out, "it is on standard error"
    assert [each["severity"] for each in document["directories"][0]["findings"]] == ["Fault"]


@pytest.mark.parametrize("broken", [_cut, _missing])
@pytest.mark.parametrize("command", [["scan"], ["clean"], ["clean", "--apply"]])
def test_the_way_out_of_broken_credentials_is_the_same_everywhere(
    old: Path, run: Run, broken: Callable[[Path], None], command: list[str]
) -> None:
    broken(old)
    done = run(*command, old)
    assert done.code == 1
    assert SAVE_CREDENTIALS[1:] in done.err


def test_the_others_keep_their_levels_beside_broken_credentials(fleet: Path, run: Run) -> None:
    _cut(fleet / "company_2")
    done = run("scan", fleet, "-o", "json", "--fail-on", "Critical")
    assert done.code == 1, "1 outweighs 3"
    assert levels(done.out) == {"1": "Critical", "2": "Unknown", "10": "Emergency"}


def test_a_directory_that_waits_for_its_pairing_is_no_error(tmp_path: Path, run: Run) -> None:
    waiting = tmp_path / "company_1"
    waiting.mkdir()
    (waiting / "notes.txt").write_text("kept")
    assert run("scan", waiting, "--fail-on", "Warning") == run("scan", waiting)
    assert (run("scan", waiting).code, run("clean", waiting).code) == (0, 0)


def test_a_creds_that_is_whole_at_the_second_read_is_not_corrupt(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def torn_at_first(directory: int) -> tuple[bytes, str]:
        reads.append(directory)
        return (b'{"cut', "") if len(reads) == 1 else ((old / "creds.json").read_bytes(), "")

    monkeypatch.setattr(credentials, "read_creds", torn_at_first)
    [found] = json.loads(run("scan", old, "-o", "json").out)["directories"]
    assert found["identity"] == "Paired"


def test_too_many_files_are_counted_and_no_more(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "read_listing", partial(read_listing, limit=10))
    [found] = json.loads(run("scan", old, "-o", "json").out)["directories"]
    assert found["total"] == sum(found["byKind"].values()) == len(list(old.glob("[!.]*")))
    assert (found["ages"], found["bytes"], found["reclaimable"]) == (None, None, 0)
    assert [each["type"] for each in found["advice"]] == ["TooManyFiles"]
    table = run("scan", old)
    assert (table.code, "200,000" in table.err) == (1, True)


def test_a_reader_that_leaves_is_no_error(old: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "baileys_janitor", "scan", str(old), "-o", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 0)
    process.stderr.close()


def test_ctrl_c_ends_with_130_and_one_word(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(_directory: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(look, "read_listing", pressed)
    done = run("scan", old)
    assert (done.code, done.out, done.err.strip()) == (130, "", "Interrupted.")


def test_a_fault_of_ours_is_one_line_that_holds_no_data(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_directory: int) -> None:
        raise ValueError("session-4915112345678.0.json")

    monkeypatch.setattr(look, "read_listing", fails)
    done = run("scan", old)
    assert done.code == 1
    assert done.err.startswith("Error: unexpected ValueError in tests.cli.test_scan, line ")
    assert "49151" not in done.err
    assert len(done.err.splitlines()) == 1


def test_a_plain_scan_loads_no_library_that_it_does_not_need(old: Path) -> None:
    program = (
        "import sys; from baileys_janitor.cli.main import main; "
        f"main(['scan', {str(old)!r}, '-o', 'json']); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment()
    )
    loaded = set(done.stderr.split())
    assert "baileys_janitor.cli.scanning.look" in loaded
    assert loaded.isdisjoint({"rich", "pydantic", "yaml", "kopf", "kubernetes", "aiohttp"})


def test_names_of_any_bytes_do_not_end_the_scan(old: Path, tmp_path: Path) -> None:
    strange = os.fsencode(old) + b"/session-\xff\x1b[31m.json"
    with open(strange, "wb"):
        pass
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/company_\xe9\x07")
    old.rename(odd)
    done = janitor("scan", tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (done.code, done.err) == (0, "")
    assert "\\xe9\\x07  Emergency" in done.out
