"""The process that backs up, as it is: real sessions, stores and keys, and whatever kills it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from baileys_janitor.api.backup.backup_settings import resolved
from baileys_janitor.backup.archive.encryption import generate
from baileys_janitor.watch.backups import work
from baileys_janitor.watch.backups.child import ChildProcess
from baileys_janitor.watch.backups.protocol import Result, Task, plain
from tests.backup.servers import ENVIRON, FaultyStore, S3Server, faulty_store, free_port, rclone
from tests.cli.sessions import company, janitor, numbers_in_names, terminal
from tests.watch.processes import running, until

SCHEMA = json.loads((files("baileys_janitor.cli") / "schema" / "output.v1.json").read_text())


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture
def faulty() -> Iterator[FaultyStore]:
    with faulty_store() as store:
        yield store


class Home:
    """Session directories, keys, and a directory to back up to."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root = place / "sessions"
        self.sessions = [company(self.root, name, "old") for name in ("acme", "962303")]
        secret, self.recipient = generate()
        self.identity = place / "identity.txt"
        self.identity.write_text(f"{secret}\n")
        (place / "store").mkdir()
        self.here = {"name": "here", "url": str(place / "store")}

    def group(self, *repositories: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "recipients": [self.recipient],
            "repositories": list(repositories),
            "drill": {"identityFile": str(self.identity)},
            **more,
        }

    def task(self, do: str, group: dict[str, Any], path: str = "company_acme") -> Task:
        names = tuple(each["name"] for each in group["repositories"])
        backups = resolved(group)
        assert backups is not None
        return Task(do, path, str(self.root), path, path, plain(backups), names)

    def config(self, group: dict[str, Any]) -> Path:
        file = self.place / "watch.yaml"
        file.write_text(json.dumps({"backup": group}))
        return file


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def s3_at(url: str, bucket: str = "bucket", name: str = "away") -> dict[str, Any]:
    return {"name": name, "url": f"s3://{bucket}/web1", "endpoint": url}


def ended(child: ChildProcess) -> tuple[list[tuple[int, dict[str, Result]]], str]:
    """All answers of a process, and how it ended."""
    found = []

    def over() -> str | None:
        answers, ending = child.poll()
        found.extend(answers)
        return None if ending is None else ending or "well"

    return found, until(over, "the process ends")


def outcomes(answers: list[tuple[int, dict[str, Result]]]) -> list[dict[str, str]]:
    return [{k: v.code or v.outcome for k, v in results.items()} for _, results in answers]


def test_what_is_put_is_restored_in_a_drill_and_an_unchanged_session_is_left(
    home: Home, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    group = home.group(home.here, s3_at(s3.url, s3.bucket()))
    tasks = [home.task(do, group) for do in ("Backup", "Drill", "Backup")]
    answers, ending = ended(ChildProcess(tasks, 60))
    assert ending == "well"
    assert outcomes(answers) == [
        {"here": "Put", "away": "Put"},
        {"here": "Passed", "away": "Passed"},
        {"here": "Unchanged", "away": "Unchanged"},
    ]
    put, drilled, again = (results["away"] for _, results in answers)
    assert put.newest is not None
    assert put.newest.archives == 1
    assert put.newest == again.newest
    assert drilled.archive == put.newest.archive
    assert 0 < (drilled.files or 0) <= (put.newest.files or 0)


def test_an_archive_that_is_lost_is_put_anew_of_a_session_that_has_not_changed(home: Home) -> None:
    backup = home.task("Backup", home.group(home.here))
    tasks = [backup, backup, replace(backup, anew=True), backup]
    answers, _ = ended(ChildProcess(tasks, 60))
    assert [each["here"] for each in outcomes(answers)] == ["Put", "Unchanged", "Put", "Unchanged"]


def test_a_secret_that_is_missing_stops_that_repository_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRON:
        monkeypatch.delenv(name, raising=False)
    group = home.group(home.here, s3_at("http://127.0.0.1:9"))
    answers, _ = ended(ChildProcess([home.task("Backup", group)], 60))
    assert outcomes(answers) == [{"here": "Put", "away": "SecretMissing"}]
    assert "AWS_ACCESS_KEY_ID" in answers[0][1]["away"].message


def test_a_store_that_never_answers_is_ended_by_the_budget_and_what_was_done_stays_known(
    home: Home, faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    faulty.then = lambda exchange: exchange.silence()
    quick, endless = home.group(home.here), home.group(s3_at(faulty.url))
    tasks = [home.task("Backup", quick), home.task("Backup", endless), home.task("Backup", quick)]
    answers, ending = ended(ChildProcess(tasks, 2))
    assert ending == "TooSlow"
    assert outcomes(answers) == [{"here": "Put"}]


def test_a_process_that_is_killed_leaves_no_half_archive_and_the_next_one_goes_on(
    home: Home, faulty: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    faulty.then = lambda exchange: exchange.silence()
    group = home.group(home.here, s3_at(faulty.url))
    child = ChildProcess([home.task("Backup", group)], 60)
    until(lambda: faulty.requests, "the store is asked")
    child.kill()
    assert ended(child)[1] == "Killed"
    answers, _ = ended(ChildProcess([home.task("Backup", home.group(home.here))], 60))
    assert outcomes(answers)[0]["here"] in {"Put", "Unchanged"}
    archives = [each for each in home.place.joinpath("store").rglob("*") if each.is_file()]
    assert archives
    assert all(each.name.endswith(".tar.gz.age") for each in archives)


def test_a_store_that_answers_nobody_is_not_asked_for_everybody(home: Home) -> None:
    group = home.group(home.here, s3_at(f"http://127.0.0.1:{free_port()}"))
    worker = work.Worker(ENVIRON)
    asked: list[list[str]] = []
    opened = work._opened

    def counted(places: Any, environ: Any, **more: Any) -> Any:
        asked.append([each.name for each in places])
        return opened(places, environ, **more)

    work._opened = counted  # type: ignore[assignment]
    try:
        results = [worker.carry_out(home.task("Backup", group)) for _ in range(4)]
    finally:
        work._opened = opened
    assert {each["away"].code for each in results} == {"Unreachable"}
    assert {each["here"].outcome for each in results} <= {"Put", "Unchanged"}
    assert asked == [["here", "away"]] * 2 + [["here"]] * 2


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "IdentityInvalid"), ("another", "WrongIdentity"), (None, "IdentityUnreadable")],
)
def test_an_identity_that_does_not_open_the_archive_fails_the_drill(
    home: Home, text: str | None, code: str
) -> None:
    group = home.group(home.here)
    worker = work.Worker({})
    assert worker.carry_out(home.task("Backup", group))["here"].outcome == "Put"
    if text is None:
        home.identity.unlink()
    else:
        home.identity.write_text(generate()[0] if text == "another" else text)
    result = worker.carry_out(home.task("Drill", group))["here"]
    assert (result.outcome, result.code) == ("Failed", code)
    assert "AGE-SECRET" not in result.message.replace('"AGE-SECRET-KEY-1"', "")


def test_a_directory_that_is_gone_or_torn_is_told_and_nothing_is_put(home: Home) -> None:
    group = home.group(home.here)
    worker = work.Worker({})
    os.truncate(home.sessions[0] / "creds.json", 100)
    torn = worker.carry_out(home.task("Backup", group))["here"]
    gone = worker.carry_out(home.task("Backup", group, "company_gone"))["here"]
    assert (torn.outcome, torn.code) == ("Failed", "CredentialsCorrupt")
    assert (gone.outcome, gone.code) == ("Failed", "DirectoryMissing")
    assert not any(each.is_file() for each in home.place.joinpath("store").rglob("*"))


def test_a_watch_backs_up_and_tells_it_in_80_columns(home: Home, s3: S3Server) -> None:
    config = home.config(home.group(home.here, s3_at(s3.url, s3.bucket())))
    state = home.place / "state.json"
    options = ("--state", state)
    once = ("watch", home.root, "--config", config, *options, "--once")
    done = janitor(*once, env=ENVIRON)
    assert done.code == 0, done.err
    assert "Backups done: 4 Put" in done.err
    assert "Drills done: 4 Passed" in done.err
    document = json.loads(janitor("status", *options, "-o", "json").out)
    jsonschema.validate(document, SCHEMA)
    for each in document["directories"]:
        assert (each["backup"]["backedUp"], each["backup"]["restorable"]) == (
            "UpToDate",
            "DrillPassed",
        )
    code, shown = terminal("status", *options, env={"NO_COLOR": "1"}, columns=80)
    assert code == 0
    heading, *rows = [
        line for line in shown.splitlines() if line.startswith(("NAME", "acme", "96"))
    ]
    assert "BACKUP" in heading
    assert len(rows) == 2
    assert all(len(line.rstrip()) <= 80 for line in (heading, *rows))
    assert "Backup in away: " in janitor("status", *options, "acme").out
    # Nothing is due a moment later, and nothing is asked of anybody.
    again = janitor(*once, env=ENVIRON)
    assert "Backups done" not in again.err
    told = re.sub(r"\d{8}[Tt]\d{6}", "", done.err + again.err + state.read_text() + shown)
    found = [n for n in numbers_in_names(home.sessions) if re.search(rf"(?<![\d.]){n}(?!\d)", told)]
    assert found == []
    assert "AGE-SECRET-KEY" not in told


def test_a_watch_that_is_killed_in_the_middle_knows_it_at_its_next_start(
    home: Home, faulty: FaultyStore
) -> None:
    faulty.then = lambda exchange: exchange.silence()
    config = home.config(home.group(s3_at(faulty.url)))
    state, log = home.place / "state.json", home.place / "log"
    arguments = (home.root, "--config", config, "--state", state, "--once")
    with running(log, *arguments, env=ENVIRON) as watch:
        until(lambda: faulty.requests, "the store is asked")
        assert "claimedTime" in state.read_text()
        pid = watch.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        watch.send(signal.SIGKILL)
        watch.process.wait()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    done = janitor("watch", *arguments, env=ENVIRON)
    assert done.code == 0, done.err
    document = json.loads(janitor("status", "--state", state, "-o", "json").out)
    found = [each["backup"]["repositories"][0] for each in document["directories"]]
    assert {each["reason"] for each in found} == {"Interrupted"}


def test_a_run_for_cron_fails_when_a_restore_would(home: Home) -> None:
    config = home.config(home.group(home.here))
    home.identity.write_text(generate()[0])
    done = janitor("watch", home.root, "--config", config, "--state", home.place / "s", "--once")
    assert done.code == 1
    assert "Drill failed" in done.err
    assert "reason=WrongIdentity" in done.err
    assert "(and 1 more)" in done.err


def test_old_archives_that_the_store_does_not_let_go_are_told_once(
    home: Home, faulty: FaultyStore
) -> None:
    faulty.then = lambda exchange: (
        exchange.error(403, "AccessDenied") if exchange.method == "GET" else exchange.serve()
    )
    config = home.config(home.group(s3_at(faulty.url), drill={"schedule": "Never"}))
    options = ("--config", config, "--state", home.place / "s")
    done = janitor("watch", home.root, *options, "--once", env=ENVIRON)
    assert done.code == 0, done.err
    assert done.err.count("could not be removed") == 1
    assert (
        "not removed (ReadForbidden)" in janitor("status", "--state", home.place / "s", "acme").out
    )


def test_a_watch_without_the_extra_says_how_to_install_it(home: Home, tmp_path: Path) -> None:
    barred = tmp_path / "barred"
    barred.mkdir()
    (barred / "sitecustomize.py").write_text("import sys\nsys.modules['obstore'] = None\n")
    config = home.config(home.group(home.here))
    done = janitor(
        *("watch", home.root, "--config", config, "--once", "--state", home.place / "s"),
        env={"PYTHONPATH": str(barred)},
    )
    assert done.code == 2
    assert "Backups need the extra `backup`" in done.err


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"schedule": "hourly"}, "backup.schedule"),
        ({"repositories": [{"name": "x", "url": "ftp://x"}]}, "backup.repositories"),
        ({"recipients": ["age1" + "q" * 58], "repositories": []}, "backup.recipients"),
        ({"repositories": [{"name": "x", "url": "/b"}]}, "backup keygen"),
        ({"repositorys": []}, "did you mean repositories?"),
    ],
)
def test_wrong_settings_are_one_sentence(tmp_path: Path, group: dict[str, Any], said: str) -> None:
    config = tmp_path / "watch.yaml"
    config.write_text(json.dumps({"backup": group}))
    done = janitor("watch", tmp_path, "--config", config, "--state", tmp_path / "s", "--once")
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_the_process_loads_no_checks_of_settings(home: Home) -> None:
    code = (
        "import sys; from baileys_janitor.watch.backups import work; "
        "import baileys_janitor.backup.run, baileys_janitor.backup.drill; "
        "print(sorted({'pydantic', 'cronsim', 'yaml', 'click'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
