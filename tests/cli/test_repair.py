"""`repair` takes one contact's files and nothing else, asks before it does, and never shows a number."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.cli.scanning import look_again
from tests.cli.conftest import Run
from tests.cli.sessions import Done, environment, files_of, numbers_in_names, snapshot
from tests.cli.test_output import VALIDATOR
from tests.real.sessions import unpack

#: A contact of the fixture with two devices, known under its number and its LID.
PHONE, LID = "12015550101", "240000000000977"
THEIRS = {f"session-{LID}_1.0.json", f"session-{LID}_1.5.json"}
OWN_PHONE, OWN_LID = "12015550100", "240000000000000"
GROUP = "120363400000000000@g.us"
OWN_UNIT = {f"sender-key-memory-{GROUP}.json", f"sender-key-{GROUP}--{OWN_LID}_1--7.json"}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session for tests that must not change anything of it."""
    return unpack("old", tmp_path_factory.mktemp("root") / "company_962302")


@pytest.fixture
def session(untouched: Path, tmp_path: Path) -> Path:
    return shutil.copytree(untouched, tmp_path / "company_962302")


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What comes through standard input."""

    def pipe(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    pipe("")
    return pipe


pytestmark = pytest.mark.usefixtures("piped")


def names(session: Path) -> set[str]:
    return {os.fsdecode(name) for name in files_of(session)}


def document(done: Done) -> dict[str, Any]:
    """The one directory of a document that keeps to its schema."""
    printed = json.loads(done.out)
    VALIDATOR.validate(printed)
    [found] = printed["directories"]
    return found  # type: ignore[no-any-return]


def assert_no_number(session: Path, *texts: str) -> None:
    for number in {*numbers_in_names([session]), PHONE, LID}:
        for text in texts:
            plain = re.sub(r"repair-[0-9t]+-", "", text.replace(str(session), ""))
            assert number not in plain.replace(GROUP, "")


# The dry run


def test_a_dry_run_shows_what_would_move_and_touches_nothing(session: Path, run: Run) -> None:
    before = snapshot(session)
    done = run("repair", session, "--contact", "+1 (201) 555-0101")
    assert done.code == 0
    assert snapshot(session) == before
    assert "962302: contact 12*******01 (number and LID), 2 devices: 2 files" in done.out
    assert "Nothing was moved. To move 2 files, stop the process" in done.out
    assert "shell's history" in done.err
    assert_no_number(session, done.out, done.err)


def test_the_command_that_is_printed_asks_for_the_number_or_names_the_hash(
    session: Path, run: Run, piped: Callable[[str], None]
) -> None:
    def printed() -> list[str]:
        piped(f"{PHONE}\n")
        done = run("repair", session, "--contact", "-")
        [line] = [line for line in done.out.splitlines() if "To move" in line]
        return shlex.split(line.partition(": ")[2])[1:]

    first = printed()
    assert first == ["repair", "--contact", "--apply", str(session)]
    piped(f"{PHONE}\n")
    assert run(*first, "--stopped").code == 0
    assert names(session) & THEIRS == set()
    assert run("undo", session).code == 0
    listed = json.loads(run("repair", session, "--list", "-o", "json").out)
    [digest] = {
        each["hash"]
        for each in listed["directories"][0]["contacts"]
        if each["number"] == "12*******01"
    }
    second = printed()
    assert second == ["repair", "--hash", digest, "--apply", str(session)]
    assert run(*second, "--stopped").code == 0
    assert names(session) & THEIRS == set()


@pytest.mark.parametrize(
    ("options", "goes"),
    [
        (["--contact", PHONE], THEIRS),
        (["--contact", f"{LID}:5@lid"], THEIRS),
        (["--lid", LID], THEIRS),
        (["--group", GROUP], OWN_UNIT),
        (["--group", GROUP, "--lid", LID], {f"sender-key-{GROUP}--{LID}_1--0.json"}),
    ],
)
def test_apply_moves_what_was_named_and_undo_puts_it_back(
    session: Path, run: Run, options: list[str], goes: set[str]
) -> None:
    before = names(session)
    done = run("repair", session, *options, "--apply", "--stopped")
    assert done.code == 0, done.err
    assert before - names(session) == goes
    assert "Start the process again" in done.out
    assert_no_number(session, done.out, done.err)
    assert " Repair " in run("undo", session, "--list").out
    [line] = [line for line in done.out.splitlines() if "To undo this: " in line]
    assert run(*shlex.split(line.partition("this: ")[2])[1:]).code == 0
    assert names(session) == before


def test_all_authors_go_only_when_written_out_and_their_number_is_told(
    session: Path, run: Run
) -> None:
    theirs = {
        name
        for name in names(session)
        if name.startswith(f"sender-key-{GROUP}--")
        and OWN_LID not in name
        and OWN_PHONE not in name
    }
    done = run("repair", session, "--group", GROUP, "--all-authors")
    assert done.code == 0
    people = len({name.split("--")[1].split("_")[0] for name in theirs})
    assert people > 1
    assert f"The next message of each of {people} authors fails once" in done.out
    run("repair", session, "--group", GROUP, "--all-authors", "--apply", "--stopped")
    assert names(session) & theirs == set()
    assert names(session) >= OWN_UNIT


# Refusals


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "--list shows the contacts"),
        (["--contact", PHONE, "--lid", LID], 2, "both name the contact"),
        (["--group", GROUP, "--all-authors", "--contact", PHONE], 2, "leave out --contact"),
        (["--all-authors"], 2, "add --group"),
        (["--contact", "-", "--group", "-"], 2, "one line"),
        (["--hash", "xyz"], 2, "16 hexadecimal digits"),
        (["--contact", PHONE, "--stopped"], 2, "--stopped needs --apply"),
        (["--contact", PHONE, "--apply"], 2, "--apply needs --stopped if the process"),
        (["--list", "--apply"], 2, "leave out --apply"),
        (["--list", "--contact", PHONE], 2, "leave out --contact"),
        (["--contact", OWN_PHONE], 1, "This is the tenant itself"),
        (["--lid", OWN_LID], 1, "This is the tenant itself"),
        (["--contact", "+49 151 23456789"], 1, "nothing to repair"),
        (["--hash", "0" * 16], 1, "repair --list makes it"),
        (["--contact", "-"], 2, "standard input is empty"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_everything(
    untouched: Path, run: Run, options: list[str], code: int, said: str
) -> None:
    before = snapshot(untouched)
    done = run("repair", untouched, *options)
    assert (done.code, done.out) == (code, "")
    [*_, sentence] = done.err.splitlines()
    assert sentence.startswith("Error: ")
    assert said in sentence
    assert snapshot(untouched) == before
    assert_no_number(untouched, done.err)


def test_a_refusal_is_a_document_for_machines(untouched: Path, run: Run) -> None:
    done = run("repair", untouched, "--contact", OWN_PHONE, "-o", "json")
    assert done.code == 1
    assert (document(done)["outcome"], document(done)["code"]) == ("Refused", "OwnUser")
    [problem] = json.loads(done.out)["problems"]
    assert problem["code"] == "OwnUser"


def test_a_path_that_an_option_took_is_said(untouched: Path, run: Run) -> None:
    done = run("repair", "--contact", untouched)
    assert (done.code, "write PATH before --contact" in done.err) == (2, True)


def test_a_repair_is_for_one_directory(untouched: Path, tmp_path: Path, run: Run) -> None:
    other = tmp_path / "company_7"
    other.mkdir()
    (other / "creds.json").write_text("{}")
    (tmp_path / "company_962302").mkdir()
    for name in ("creds.json", *THEIRS):
        (tmp_path / "company_962302" / name).write_bytes((untouched / name).read_bytes())
    done = run("repair", tmp_path, "--list")
    assert (done.code, "2 lie there (7, 962302)" in done.err) == (2, True)
    done = run("repair", tmp_path, "--lid", LID)
    assert (done.code, done.out) == (2, "")
    assert "2 lie there. Files of this contact or group are in 962302: pick one" in done.err
    done = run("repair", tmp_path, "--group", GROUP)
    assert (done.code, "none has a file" in done.err) == (1, True)
    done = run("repair", tmp_path, "--company", "962302", "--lid", LID, "-o", "json")
    assert (done.code, document(done)["removed"]) == (0, 2)


@pytest.mark.parametrize("broken", ["", "{}"], ids=["cut", "unpaired"])
def test_without_a_paired_session_nothing_moves(session: Path, run: Run, broken: str) -> None:
    (session / "creds.json").write_text(broken)
    before = snapshot(session)
    for options in (["--contact", PHONE], ["--list"], ["--contact", PHONE, "--apply", "--stopped"]):
        done = run("repair", session, *options)
        assert (done.code, done.out) == (1, "")
        assert "creds.json" in done.err
    assert snapshot(session) == before


def test_a_dry_run_that_was_asked_for_holds_apply_back(
    session: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "true")
    before = snapshot(session)
    done = run("repair", session, "--contact", PHONE, "--apply", "--stopped")
    assert (done.code, "this is a dry run" in done.err) == (0, True)
    assert "env -u DRY_RUN baileys-janitor repair" in done.out
    assert run("repair", session, "--list").code == 0
    assert snapshot(session) == before


# Beside a running process


class Virtual:
    """Time that passes as it is waited for; `acts` happen at their second."""

    def __init__(self, acts: dict[float, Callable[[], None]]) -> None:
        self.now = 0.0
        self.acts = dict(acts)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for at in [at for at in self.acts if at <= self.now]:
            self.acts.pop(at)()

    def clock(self) -> float:
        return self.now


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Virtual]:
    def install(acts: dict[float, Callable[[], None]] | None = None) -> Virtual:
        virtual = Virtual(acts or {})
        monkeypatch.setattr(look_again, "WAIT", look_again.Wait(virtual.sleep, virtual.clock))
        return virtual

    return install


def test_running_looks_again_after_six_minutes_and_finds_nothing(
    session: Path, run: Run, wait: Callable[..., Virtual]
) -> None:
    virtual = wait()
    done = run("repair", session, "--contact", PHONE, "--apply", "--running")
    assert (done.code, virtual.now) == (0, 360.0)
    assert "Looking again in 6:00" in done.err
    assert "no old record came back" in done.out


def test_files_that_a_running_bot_wrote_back_are_told(
    session: Path, run: Run, wait: Callable[..., Virtual]
) -> None:
    [first, second] = [session / name for name in sorted(THEIRS)]
    old, new = first.read_bytes(), b'{"_sessions":{"a-new-base-key":{}},"version":"v1"}'
    wait({100.0: lambda: _write(first, old), 200.0: lambda: _write(second, new)})
    done = run("repair", session, "--contact", PHONE, "--apply", "--running")
    assert done.code == 1
    assert (
        "1 file came back: the bot wrote it back from its cache. Stop it, then run this again:"
        in done.err
    )
    assert "--stopped" in done.err
    assert_no_number(session, done.out, done.err)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def test_what_was_built_anew_is_no_failure(
    session: Path, run: Run, wait: Callable[..., Virtual]
) -> None:
    new = b'{"_sessions":{"a-new-base-key":{}},"version":"v1"}'
    wait({359.5: lambda: _write(session / min(THEIRS), new)})
    done = run("repair", session, "--contact", PHONE, "--apply", "--running", "-o", "json")
    assert (done.code, document(done)["lookedAgain"]) == (0, {"old": 0, "anew": 1})


def test_ctrl_c_ends_the_wait_and_nothing_else(
    session: Path, run: Run, wait: Callable[..., Virtual]
) -> None:
    import signal

    virtual = wait({5.0: lambda: os.kill(os.getpid(), signal.SIGINT)})
    done = run("repair", session, "--contact", PHONE, "--apply", "--running")
    assert done.code == 130
    assert virtual.now < 7
    assert "the files moved so far are in the trash" in done.err
    assert names(session) & THEIRS == set()


def test_files_still_written_while_it_was_called_stopped_are_told(session: Path, run: Run) -> None:
    (session / min(THEIRS)).touch()
    done = run("repair", session, "--contact", PHONE, "--apply", "--stopped")
    assert done.code == 0
    assert "1 was written within the last minute" in done.err


@pytest.mark.parametrize(("written", "code"), [("other", 1), ("same", 0)])
def test_an_undo_beside_a_running_bot_looks_again_too(
    session: Path, run: Run, wait: Callable[..., Virtual], written: str, code: int
) -> None:
    path = session / min(THEIRS)
    record = json.loads(path.read_bytes())
    run("repair", session, "--contact", PHONE, "--apply", "--stopped")
    if written == "other":
        record["_sessions"] = {"a-new-base-key": {}}
    record["more"] = "than before"
    virtual = wait({100.0: lambda: _write(path, json.dumps(record).encode())})
    done = run("undo", session, "--running")
    assert (done.code, virtual.now) == (code, 360.0)
    assert ("the bot has overwritten 1 file that had been put back" in done.err) is bool(code)
    assert names(session) >= THEIRS


# At a terminal


@pytest.fixture
def at_terminal() -> Iterator[Callable[..., tuple[int, str]]]:
    """The command at a terminal of its own, with answers typed when they are asked for."""
    processes: list[subprocess.Popen[bytes]] = []

    def call(*arguments: object, answers: dict[str, str]) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "baileys_janitor", *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(),
            start_new_session=True,
        )
        processes.append(process)
        os.close(theirs)
        shown, left = "", dict(answers)
        try:
            while part := os.read(ours, 1 << 16):
                shown += part.decode()
                for question in [each for each in left if each in shown]:
                    _await_silence(ours, question)
                    os.write(ours, f"{left.pop(question)}\n".encode())
        except OSError:  # Linux ends a terminal that nobody holds any more with EIO
            pass
        finally:
            os.close(ours)
        return process.wait(timeout=60), shown

    yield call
    for process in processes:
        process.kill()


def _await_silence(terminal: int, question: str) -> None:
    """Wait until the terminal shows no more what is typed, where the question is one for a number."""
    import termios

    while "not shown" in question and termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.005)


def test_at_a_terminal_it_asks_for_the_number_unseen_and_whether_the_process_is_stopped(
    session: Path, at_terminal: Callable[..., tuple[int, str]]
) -> None:
    before = snapshot(session)
    answers = {"(it is not shown)": "+1 201 555 0101", "stopped? [y/N]": "n"}
    code, shown = at_terminal("repair", session, "--apply", "--contact", answers=answers)
    assert (code, snapshot(session) == before) == (1, True)
    assert "Nothing was moved. Stop the process" in shown
    assert "555" not in shown
    answers["stopped? [y/N]"] = "y"
    code, shown = at_terminal("repair", session, "--apply", "--contact", answers=answers)
    assert code == 0, shown
    assert names(session) & THEIRS == set()
    assert "555" not in shown


# The list


def test_the_list_names_contacts_by_hash_and_makes_the_key_once(session: Path, run: Run) -> None:
    done = run("repair", session, "--list")
    assert done.code == 0
    assert_no_number(session, done.out, done.err)
    again = run("repair", session, "--list")
    assert again.out == done.out
    assert (session / ".janitor~key").stat().st_mode & 0o777 == 0o600
    contacts = document(run("repair", session, "--list", "-o", "json"))["contacts"]
    assert len({each["hash"] for each in contacts}) == len(contacts) > 15
    both = [each for each in contacts if each["number"] == "12*******01"]
    assert [(each["devices"], each["phone"], each["lid"]) for each in both] == [(2, True, True)]
    for each in contacts[:2]:
        done = run("repair", session, "--hash", each["hash"].upper(), "-o", "json")
        assert document(done)["removed"] == each["files"]


def test_where_no_key_can_be_kept_the_contacts_have_no_hashes(session: Path, run: Run) -> None:
    (session / ".janitor~key").symlink_to("creds.json")
    done = run("repair", session, "--list")
    assert done.code == 1
    assert "the contacts have no hashes" in done.err
    assert "12*******01" in done.out
