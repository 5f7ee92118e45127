"""`baileys-janitor report` on real directories, as people type it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.cli.sessions import company, numbers_in_names, terminal
from tests.cli.test_output import strict
from tests.report.conftest import Run
from tests.report.test_renderings import SCHEMA

VALIDATOR = jsonschema.Draft202012Validator(strict(SCHEMA))


def digest(root: Path) -> str:
    """Names, content and times of all that lies beneath a directory."""
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        found.update(f"{path} {status.st_mtime_ns} {status.st_mode}".encode(errors="replace"))
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def test_a_report_changes_nothing_and_holds_no_number(
    fleet: Path, run: Run, tmp_path: Path
) -> None:
    numbers = numbers_in_names([fleet])
    before = digest(fleet)
    for kind in ("md", "html", "json"):
        done = run("report", fleet, "-o", kind)
        assert done.code == 0, done.err
        assert not [number for number in numbers if number in done.out + done.err]
        assert "4915112345678" not in done.out
        assert "49•••••••••78" in done.out.replace("\\u2022", "•")
        assert run("report", fleet, "--names", "-o", kind).out.count("4915112345678")
    assert digest(fleet) == before


def test_json_is_as_the_schema_says(fleet: Path, run: Run) -> None:
    document = json.loads(run("report", fleet, "-o", "json").out)
    VALIDATOR.validate(document)
    sessions = {each["name"]: each for each in document["sessions"]}
    assert sessions["962302"]["growthPerDay"] > 0
    assert sessions["962302"]["period"]["commandLine"] == 1
    assert sessions["acme"]["period"]["automatic"] == 28
    assert sessions["acme"]["plan"]["removed"] == sessions["acme"]["reclaimable"] > 0
    assert sessions["new"]["lastCleanup"] is None
    lost = json.loads(run("report", fleet, "--incident", "962302", "-o", "json").out)
    VALIDATOR.validate(lost)
    assert lost["incident"]["name"] == "962302"
    assert [each["name"] for each in lost["sessions"]] == ["962302"]


def test_what_a_cleanup_did_is_in_the_next_report(tmp_path: Path, run: Run) -> None:
    company(tmp_path, "acme", "old")
    assert run("clean", "--apply", tmp_path).code == 0
    document = json.loads(run("report", tmp_path, "-o", "json").out)
    [session] = document["sessions"]
    assert session["period"]["runs"] == session["period"]["commandLine"] == 1
    assert session["period"]["removed"] == 25
    assert sum(document["cleanups"]["removedByKind"].values()) == 25
    run("undo", tmp_path)
    document = json.loads(run("report", tmp_path, "-o", "json").out)
    assert document["cleanups"]["totals"]["undone"] == 1
    answers = {each["id"]: each["answer"] for each in document["checks"]["success"]}
    assert answers["noManualActs"] == "Attention"


def test_what_only_a_look_at_several_shows_is_found(tmp_path: Path, run: Run) -> None:
    first = company(tmp_path, "1", "prekeys")
    shutil.copytree(first, tmp_path / "company_491511234567")
    document = json.loads(run("report", tmp_path, "-o", "json").out)
    VALIDATOR.validate(document)
    types = {
        each["name"]: {one["type"] for one in each["findings"]} for each in document["sessions"]
    }
    assert {name for name, found in types.items() if "SharedPairing" in found} == {
        "1",
        "49••••••••67",
    }
    [group] = [each for each in document["findings"] if each["type"] == "SharedPairing"]
    assert "491511234567" not in group["message"]
    assert document["summary"]["needAttention"] == 2
    few = run("report", tmp_path).out
    assert "SharedPairing" in few
    assert "491511234567" not in few


def test_a_journal_that_cannot_be_read_marks_its_directory_alone(tmp_path: Path, run: Run) -> None:
    company(tmp_path, "1", "old")
    company(tmp_path, "2", "orphan")
    (tmp_path / "company_1" / ".janitor~journal").mkdir()
    done = run("report", tmp_path, "-o", "json")
    document = json.loads(done.out)
    assert done.code == 1
    assert [each["name"] for each in document["problems"]] == ["1"]
    assert {each["name"] for each in document["sessions"]} == {"1", "2"}
    assert "journal" in done.err


def test_a_forged_journal_is_bounded(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "old")
    (session / ".janitor~journal").write_bytes(os.urandom(1 << 20) + b"\n" * 1000)
    done = run("report", tmp_path, "-o", "json")
    VALIDATOR.validate(json.loads(done.out))
    assert json.loads(done.out)["sessions"][0]["runs"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{file}"], 1, "is a file"),
        (["{nowhere}"], 1, "does not exist"),
        (["{empty}"], 1, "holds no session directory"),
        (["{fleet}", "--cluster"], 2, "--cluster reports on BaileysTenants"),
        (["{fleet}", "-n", "shop"], 2, "add --cluster"),
        (["{fleet}", "--incident", "nobody"], 2, "no such session here"),
        (["{fleet}", "--days", "31"], 2, "--days"),
        (["{fleet}", "--to", "{file}"], 2, "is not a report of baileys-janitor, so it is kept"),
        (["{fleet}", "--to", "{empty}"], 2, "name a file"),
        (["{fleet}", "--to", "{nowhere}/r.html"], 1, "cannot be written"),
        (["{fleet}", "--to", "{link}"], 2, "symbolic link"),
        (["{fleet}", "--to", "{fleet}/company_acme/r.html"], 2, "lies in a session directory"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    fleet: Path, run: Run, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("file")
    places = {name: tmp_path / name for name in ("file", "nowhere", "empty", "link")}
    done = run("report", *(each.format(fleet=fleet, **places) for each in arguments))
    assert done.code == code
    assert said in " ".join(done.err.split())
    assert done.out == ""
    assert "Traceback" not in done.err
    assert (tmp_path / "file").read_text() == "precious"


def test_a_weekly_report_replaces_the_last_one_and_its_name_says_the_format(
    fleet: Path, run: Run, tmp_path: Path
) -> None:
    starts = {"html": "<!doctype html>", "md": "<!-- baileys-janitor report -->", "json": "{"}
    for suffix, start in starts.items():
        to = tmp_path / f"report.{suffix}"
        for _ in range(2):
            done = run("report", fleet, "--to", to)
            assert (done.code, done.out) == (0, "")
        assert to.read_text().startswith(start)
        assert to.stat().st_mode & 0o777 == 0o644
    any_of_ours = tmp_path / "report.html"
    assert run("report", fleet, "--to", any_of_ours, "-o", "md").code == 0
    assert sorted(os.listdir(tmp_path)) == [f"report.{each}" for each in sorted(starts)]


def test_a_report_that_cannot_be_finished_leaves_the_last_one(
    fleet: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baileys_janitor.report.html import page

    to = tmp_path / "report.html"
    run("report", fleet, "--to", to)
    before = to.read_bytes()

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "render", fail)
    done = run("report", fleet, "--to", to)
    assert done.code == 1
    assert "No space left on device" in done.err
    assert os.listdir(tmp_path) == ["report.html"]
    assert to.read_bytes() == before


def test_at_a_terminal_a_page_is_not_poured_out(fleet: Path) -> None:
    code, shown = terminal("report", fleet, "-o", "html")
    assert code == 2
    assert "--to report.html" in " ".join(shown.split())


def test_at_a_terminal_the_report_fits_into_80_columns(fleet: Path) -> None:
    code, shown = terminal("report", fleet, env={"COLUMNS": "80"})
    assert code == 0
    lines = shown[shown.index("# Session report") :].replace("\r", "").split("\n")
    assert [line for line in lines if len(line) > 80 and not line.startswith("|")] == []


def test_an_incident_may_be_named_by_its_path_alone(fleet: Path, run: Run, tmp_path: Path) -> None:
    lost = tmp_path / "auth"
    shutil.copytree(fleet / "company_broken", lost)
    for arguments in (
        ["--incident", lost],
        [lost, "--incident", lost],
        [lost, "--incident", "auth"],
    ):
        done = run("report", *arguments)
        assert done.code == 0, done.err
        assert "Do not stop the process" in done.out
        assert "Recovery checklist" in done.out


def test_a_report_that_was_killed_while_it_was_written_leaves_the_last_one(
    fleet: Path, run: Run, tmp_path: Path
) -> None:
    from baileys_janitor.cli.report.destination import write_report

    to = tmp_path / "report.html"
    run("report", fleet, "--to", to)
    before, inode = to.read_bytes(), to.stat().st_ino
    for most in range(4):
        child = os.fork()
        if not child:
            write_report(str(to), dies_after(most))
            os._exit(1)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        assert to.read_bytes() == before
    assert run("report", fleet, "--to", to).code == 0
    assert to.stat().st_ino != inode


def dies_after(most: int) -> Iterator[str]:
    """Pieces of a report, and a death in the middle of them."""
    for _ in range(most):
        yield "<!doctype html>" * 10_000
    os.kill(os.getpid(), signal.SIGKILL)
    yield ""
