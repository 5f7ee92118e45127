"""The Job as a process: its result, its exit code, its signals, and what it may import."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from baileys_janitor.job import main as jobs
from baileys_janitor.job import work
from baileys_janitor.job.result import (
    CleanResult,
    KeptCopy,
    PurgeResult,
    Result,
    ScanResult,
    UndoResult,
    decode,
)
from baileys_janitor.job.task import Member, Task
from baileys_janitor.policy.settings import DEFAULTS
from tests.real.sessions import unpack
from tests.volume.directories import DUE, build, held, trashed

#: Beside dataclasses, hashlib and json, a Job imports small modules that are written in C, and nothing
#: else of the standard library: no typing, ctypes, signal, asyncio ...
SMALL = {"__future__", "_bisect", "_ctypes", "errno", "fcntl", "gc"}
#: The most modules of ours that an action imports, without the packages that they lie in.
MODULES_MAX = {"scan": 41, "clean": 56}
#: What none but the other actions need, or a directory with earlier runs.
NOT_FOR = {
    "scan": {
        "operations",
        "report.run_results",
        "runs.clean",
        "runs.exclusive",
        "runs.journal",
        "runs.purge",
        "runs.recovery",
        "runs.undo",
    },
    "clean": {"runs.purge", "runs.recovery", "runs.undo"},
}


def run_job(log: Path, task: Task | str, *arguments: str) -> tuple[int, Result, str]:
    """Run a task as the pod does: exit code, result, and what was said on standard error."""
    text = task if isinstance(task, str) else task.to_json()
    done = subprocess.run(
        [sys.executable, *arguments, "-m", "baileys_janitor", "job", text],
        env={**os.environ, "TERMINATION_LOG": str(log)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, decode(log.read_bytes()), done.stderr


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "termination-log"


def scan_of(volume: Path, *paths: str) -> Task:
    return Task("scan", [Member(str(volume), path) for path in paths], [DEFAULTS])


def test_one_bad_member_never_spoils_the_others(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "a")
    build(tmp_path / "c")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "file").write_text("x")
    code, result, said = run_job(log, scan_of(tmp_path, "a", "b", "link", "../x", "file", "c"))
    assert (code, said) == (0, "")
    errors = [member.error for member in result.members if isinstance(member, ScanResult)]
    assert errors == [
        None,
        "DirectoryMissing",
        "SymlinkRefused",
        "PathRefused",
        "NotADirectory",
        None,
    ]


def test_a_session_is_scanned_cleaned_undone_and_purged(tmp_path: Path, log: Path) -> None:
    session = build(tmp_path / "a")
    before = held(session)
    member = Member(str(tmp_path), "a")

    def act(action: str, **more: object) -> object:
        task = Task(action, [member], [DEFAULTS], run="r1", **more)  # type: ignore[arg-type]
        code, result, _ = run_job(log, task)
        assert code == 0
        return result.members[0]

    dry = act("clean", dry_run=True)
    assert isinstance(dry, CleanResult)
    assert (dry.outcome, dry.removed, held(session)) == ("DryRun", len(DUE), before)
    cleaned = act("clean", reason="Daily")
    assert isinstance(cleaned, CleanResult)
    assert (cleaned.outcome, cleaned.removed) == ("Completed", len(DUE))
    again = act("clean", reason="Daily")
    assert isinstance(again, CleanResult)
    assert (again.outcome, again.code, again.removed) == ("Repeated", "Completed", len(DUE))
    look = act("scan")
    assert isinstance(look, ScanResult)
    assert (look.trash_runs, look.trash_files) == (1, len(DUE))
    undone = act("undo")
    assert isinstance(undone, UndoResult)
    assert (undone.outcome, held(session)) == ("Completed", before)
    purged = act("purge", undo_window=0)
    assert isinstance(purged, PurgeResult)
    assert purged.trash_runs == 0


def kept_in(session: Path) -> list[Path]:
    return sorted(session.glob(".janitor~creds~*"))


def test_copies_are_kept_for_many_and_one_bad_member_spoils_nothing(
    tmp_path: Path, log: Path
) -> None:
    whole = [unpack("warning", tmp_path / name) for name in ("a", "b")]
    torn = unpack("corrupt", tmp_path / "torn")
    members = [
        Member(str(tmp_path), "a", 0),
        Member(str(tmp_path), "gone", 0),
        Member(str(tmp_path), "torn", 1),
        Member(str(tmp_path), "b", 1),
    ]
    task = Task("keep", members, [], copies=[(10, 86_400.0), (3, 3600.0)])
    code, result, said = run_job(log, task)
    assert (code, said) == (0, "")
    found = [(each.outcome, each.code) for each in result.members if isinstance(each, KeptCopy)]
    assert found == [
        ("Kept", None),
        ("NotKept", "DirectoryMissing"),
        ("NotKept", "CredentialsCorrupt"),
        ("Kept", None),
    ]
    for session in whole:
        [copy] = kept_in(session)
        assert copy.read_bytes() == (session / "creds.json").read_bytes()
        assert copy.stat().st_mode & 0o777 == 0o600
    assert kept_in(torn) == []
    _, result, _ = run_job(log, task)
    assert [getattr(each, "outcome", None) for each in result.members[::3]] == ["NotDue", "NotDue"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_cleanup_keeps_a_copy_first_where_one_is_due(
    tmp_path: Path, log: Path, dry_run: bool
) -> None:
    session = unpack("emergency", tmp_path / "a")
    member, copies = Member(str(tmp_path), "a"), [(10, 86_400.0)]
    task = Task("clean", [member], [DEFAULTS], run="r1", copies=copies, dry_run=dry_run)
    _, result, _ = run_job(log, task)
    [cleaned] = result.members
    assert isinstance(cleaned, CleanResult)
    assert cleaned.removed > 0
    assert cleaned.scan is not None
    kept = 0 if dry_run else 1
    assert (cleaned.scan.copies, cleaned.scan.uncopied) == (kept, dry_run)
    assert len(kept_in(session)) == kept


@pytest.mark.parametrize("scenario", ["emergency", "stopped", "corrupt", "unpaired", "orphan"])
def test_genuine_sessions_keep_what_they_need(tmp_path: Path, log: Path, scenario: str) -> None:
    session = unpack(scenario, tmp_path / "a")
    before = held(session)
    task = Task("clean", [Member(str(tmp_path), "a")], [DEFAULTS], run="r1", emergency=True)
    code, result, _ = run_job(log, task)
    cleaned = result.members[0]
    assert isinstance(cleaned, CleanResult)
    assert code == 0
    assert {**trashed(session), **held(session)} == before
    assert cleaned.removed == len(trashed(session))


@pytest.mark.parametrize("text", ["", "{}", '{"v":1,"action":"scan","members":[]}'])
def test_a_bad_task_ends_with_one_sentence_and_code_2(log: Path, text: str) -> None:
    code, result, said = run_job(log, text)
    assert (code, result.failure) == (2, "BadTask")
    assert said.startswith("baileys-janitor job: ")
    assert said.count("\n") == 1


def test_an_unforeseen_failure_is_still_a_result(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "a")
    build(tmp_path / "b")

    real = work.scan

    def fail_once(directory: int, *rest: object, **more: object) -> ScanResult:
        if os.fstat(directory).st_ino == (tmp_path / "a").stat().st_ino:
            raise MemoryError("session-4917 is what this must not say")
        return real(directory, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "scan", fail_once)
    monkeypatch.setenv("TERMINATION_LOG", str(log))
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        code = jobs.main([scan_of(tmp_path, "a", "b").to_json()])
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    first, second = decode(log.read_bytes()).members
    assert isinstance(first, ScanResult)
    assert isinstance(second, ScanResult)
    assert (code, first.error, second.error) == (1, "Unexpected", None)
    assert b"4917" not in log.read_bytes()


def test_without_a_termination_log_the_result_goes_to_standard_output(tmp_path: Path) -> None:
    build(tmp_path / "a")
    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", "job", scan_of(tmp_path, "a").to_json()],
        env={**os.environ, "TERMINATION_LOG": str(tmp_path / "no" / "such")},
        capture_output=True,
        timeout=60,
    )
    assert len(decode(done.stdout).members) == 1


def test_a_longer_result_of_an_earlier_run_is_replaced(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "a")
    log.write_text("x" * 9000)
    _, result, _ = run_job(log, scan_of(tmp_path, "a"))
    assert len(result.members) == 1


def test_a_deadline_ends_the_work_with_a_result(tmp_path: Path, log: Path) -> None:
    build(tmp_path / "a")
    task = Task("scan", [Member(str(tmp_path), "a")] * 3, [DEFAULTS], deadline=1e-9)
    code, result, _ = run_job(log, task)
    errors = [member.error for member in result.members if isinstance(member, ScanResult)]
    assert (code, errors) == (0, ["DeadlineReached"] * 3)


SLOW = """
import os, sys, time
from baileys_janitor.job.main import main
from baileys_janitor.volume.files.file_system import FileSystem
real = FileSystem.move
def move(self, name, new):
    real(self, name, new)
    if "~run~" in new:
        os.write(1, b"moved")  # the parent sends its signal now
        os.read(0, 1)
FileSystem.move = move
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_between_two_removals_with_a_result(
    tmp_path: Path, log: Path, number: signal.Signals
) -> None:
    session = build(tmp_path / "a")
    task = Task("clean", [Member(str(tmp_path), "a")], [DEFAULTS], run="r1")
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, task.to_json()],
        env={**os.environ, "TERMINATION_LOG": str(log)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.read(5)
        process.send_signal(number)
        process.stdin.close()
        assert process.wait(60) == 0
    result = decode(log.read_bytes()).members[0]
    assert isinstance(result, CleanResult)
    assert (result.outcome, result.code, result.removed) == ("Capped", "Interrupted", 1)
    assert result.left == len(DUE) - 1
    assert len(trashed(session)) == 1
    assert not (session / ".cleanup.lock").exists()


MODULES = """
import sys
import dataclasses, hashlib, json  # and all that they import themselves
before = set(sys.modules)
from baileys_janitor.__main__ import main
sys.argv = ["baileys-janitor", "job", sys.argv[1]]
code = main()
new = set(sys.modules) - before
packages = {name for name in new if hasattr(sys.modules[name], "__path__")}
print(code, *sorted(new - packages))
"""


@pytest.mark.parametrize("action", ["scan", "clean"])
def test_a_job_imports_nothing_costly(tmp_path: Path, log: Path, action: str) -> None:
    build(tmp_path / "a")
    task = Task(action, [Member(str(tmp_path), "a")], [DEFAULTS], run="r1")
    # Without site packages: their .pth files import what they like.
    path = [str(Path(jobs.__file__).parents[2])]
    done = subprocess.run(
        [sys.executable, "-S", "-c", MODULES, task.to_json()],
        env={"TERMINATION_LOG": str(log), "PYTHONPATH": ":".join(path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    code, *imported = done.stdout.split()
    assert (code, done.stderr) == ("0", "")
    ours = {name for name in imported if name.startswith("baileys_janitor")}
    assert set(imported) - ours <= SMALL
    unwanted = {f"baileys_janitor.volume.{name}" for name in NOT_FOR[action]}
    assert all(find_spec(name) for name in unwanted)
    assert not unwanted & ours
    assert 0 < len(ours) <= MODULES_MAX[action]


def test_no_phone_number_leaves_the_volume(tmp_path: Path, log: Path) -> None:
    session = build(tmp_path / "a")
    (session / "session-491701234567.0.json").mkdir()
    numbers = {number for name in held(session) for number in re.findall(r"\d{4,}", name)}
    for action in ("scan", "clean", "undo", "keep"):
        task = Task(
            action, [Member(str(tmp_path), "a")], [DEFAULTS], run="r1", copies=[(10, 86_400.0)]
        )
        _, result, said = run_job(log, task)
        _, _, body = log.read_text().partition("\n")
        assert result.members
        leaked = {number for number in numbers if len(number) > 5 and number in body + said}
        assert not leaked
