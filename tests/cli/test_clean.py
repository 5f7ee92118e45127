"""`clean` shows by default and removes when told to; what cannot be done is one sentence."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.cli.scanning import look
from baileys_janitor.cli.terminal.signals import Interrupt
from tests.cli.conftest import Run
from tests.cli.sessions import company, janitor, numbers_in_names, snapshot, terminal


def cleaned(out: str) -> dict[str, Any]:
    [document] = json.loads(out)["directories"]
    assert isinstance(document, dict)
    return document


def files(session: Path) -> set[str]:
    return {
        path.name
        for path in session.iterdir()
        if path.is_file() and not path.name.startswith(".janitor~")
    }


def trashed(session: Path) -> set[str]:
    return {path.name.split("~", 3)[3] for path in session.glob(".janitor~run~*")}


@pytest.mark.parametrize("options", [[], ["--emergency"], ["-v"], ["-o", "json"], ["-o", "wide"]])
def test_a_dry_run_leaves_every_byte_and_no_janitor(
    fleet: Path, run: Run, options: list[str]
) -> None:
    before = snapshot(fleet)
    assert run("clean", fleet, *options).code == 0
    assert snapshot(fleet) == before


def test_a_dry_run_says_what_would_go_and_how_to_do_it(old: Path, run: Run) -> None:
    out = run("clean", old).out
    assert "WOULD-GO" in out
    assert "What would go: 12 senderKey, 11 session, 2 senderKeyMemory" in out
    assert "SessionExpired" in out
    assert out.splitlines()[-1].endswith(f"baileys-janitor clean --apply {old}")


def test_apply_removes_what_the_dry_run_announced(old: Path, run: Run) -> None:
    before = files(old)
    planned = cleaned(run("clean", old, "-o", "json").out)
    done = cleaned(run("clean", old, "--apply", "-o", "json").out)
    assert (planned["applied"], planned["run"], planned["outcome"]) == (False, None, "DryRun")
    assert (done["applied"], done["outcome"]) == (True, "Completed")
    for key in ("removed", "removedByKind", "kept", "reasons", "before", "after", "freedBytes"):
        assert done[key] == planned[key], key
    gone = before - files(old)
    assert len(gone) == done["removed"] == sum(done["reasons"]["removed"].values())
    assert trashed(old) == gone
    assert len(files(old)) == done["kept"] == sum(done["reasons"]["kept"].values())


@pytest.mark.parametrize("option", [("--pre-keys", "50"), ("--count", "Total")])
def test_pre_keys_go_where_somebody_asked_or_every_file_counts(
    old: Path, run: Run, option: tuple[str, str]
) -> None:
    assert cleaned(run("clean", old, "-o", "json").out)["removedByKind"]["preKey"] == 0
    found = cleaned(run("clean", old, *option, "-o", "json").out)
    assert found["removedByKind"]["preKey"] == 29


def test_apply_says_how_to_undo(old: Path, run: Run) -> None:
    last = run("clean", old, "--apply").out.splitlines()[-1]
    assert last.startswith("25 files, ")
    assert "To put them back: baileys-janitor undo --run cli-" in last
    assert last.endswith(f" {old}")


def test_a_second_clean_has_nothing_to_do(old: Path, run: Run) -> None:
    run("clean", old, "--apply")
    done = run("clean", old, "--apply")
    assert done.code == 0
    assert "Nothing was removed: there is nothing to remove." in done.out


def test_one_run_over_a_root_has_one_id(fleet: Path, run: Run) -> None:
    document = json.loads(run("clean", fleet, "--apply", "-o", "json").out)
    runs = {each["company"]: each["run"] for each in document["directories"]}
    assert runs["1"] == runs["2"] != None  # noqa: E711
    assert runs["10"] is None


def test_company_selects(fleet: Path, run: Run) -> None:
    before = snapshot(fleet / "company_1")
    assert (
        cleaned(run("clean", fleet, "--apply", "--company", "2", "-o", "json").out)["removed"] > 0
    )
    assert snapshot(fleet / "company_1") == before


@pytest.mark.parametrize("word", ["true", "1", "YES", "on"])
def test_dry_run_in_the_environment_holds_apply_back_and_says_so(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("DRY_RUN", word)
    before = snapshot(old)
    done = run("clean", old, "--apply", "-o", "json")
    assert cleaned(done.out)["applied"] is False
    assert done.err == "DRY_RUN=true: this is a dry run, although --apply was given.\n"
    assert snapshot(old) == before


@pytest.mark.parametrize("word", ["false", "0", "no", "off", ""])
def test_dry_run_false_alone_never_applies(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("DRY_RUN", word)
    before = snapshot(old)
    assert cleaned(run("clean", old, "-o", "json").out)["applied"] is False
    assert snapshot(old) == before
    assert cleaned(run("clean", old, "--apply", "-o", "json").out)["applied"] is True


def test_an_unclear_dry_run_is_bad_usage(
    old: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "maybe")
    done = run("clean", old, "--apply")
    assert done.code == 2
    assert "DRY_RUN is neither true nor false" in done.err
    assert not trashed(old)


@pytest.mark.parametrize("mode", ["DryRun", "Observe"])
def test_a_mode_in_the_file_holds_apply_back(
    old: Path, tmp_path: Path, run: Run, mode: str
) -> None:
    (tmp_path / "janitor.yaml").write_text(f"mode: {mode}")
    done = run("clean", old, "--apply", "--config", tmp_path / "janitor.yaml")
    assert f"mode: {mode} in the configuration file: this is a dry run." in done.err
    assert not trashed(old)


def test_a_held_lock_is_one_sentence_and_exit_1(old: Path, run: Run) -> None:
    (old / ".cleanup.lock").write_text("an older script\n")
    before = files(old)
    done = run("clean", old, "--apply")
    assert done.code == 1
    assert done.err.startswith(f"Error: {old}: Another run holds .cleanup.lock")
    assert len(done.err.splitlines()) == 1
    assert files(old) == before


def test_a_dry_run_needs_no_lock(old: Path, run: Run) -> None:
    (old / ".cleanup.lock").write_text("an older script\n")
    assert run("clean", old).code == 0


@pytest.mark.parametrize("options", [[], ["--apply"], ["--apply", "--emergency"]])
def test_a_corrupt_creds_is_exit_1_and_nothing_is_removed(
    tmp_path: Path, run: Run, options: list[str]
) -> None:
    session = company(tmp_path, "1", "corrupt")
    before = snapshot(session)
    done = run("clean", session, *options)
    assert done.code == 1
    assert done.err.startswith(f"Error: {session}: creds.json could not be read")
    assert "nothing to remove" not in done.out
    assert snapshot(session) == before


def test_a_session_that_was_never_paired_is_left_alone_and_no_error(
    tmp_path: Path, run: Run
) -> None:
    company(tmp_path, "1", "unpaired")
    (tmp_path / "company_2").mkdir()
    before = snapshot(tmp_path)
    done = run("clean", tmp_path, "--apply")
    assert (done.code, done.err) == (0, "")
    assert "1: creds.json names no paired account" in done.out
    assert "2: There is no creds.json" in done.out
    assert snapshot(tmp_path) == before


def test_session_files_without_creds_are_an_error(old: Path, run: Run) -> None:
    (old / "creds.json").unlink()
    done = run("clean", old, "--apply")
    assert done.code == 1
    assert done.err.startswith(f"Error: {old}: There is no creds.json")


def test_one_bad_directory_does_not_keep_the_others_from_their_cleaning(
    fleet: Path, run: Run
) -> None:
    company(fleet, "3", "corrupt")
    assert run("clean", fleet, "--apply").code == 1
    assert trashed(fleet / "company_2")


def test_an_emergency_lowers_the_count_below_critical(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "emergency")
    normal = cleaned(run("clean", session, "-o", "json").out)
    emergency = cleaned(run("clean", session, "--emergency", "--apply", "-o", "json").out)
    assert normal["after"] >= 170 > emergency["after"]
    assert emergency["removed"] > normal["removed"]
    assert emergency["removedByKind"]["preKey"] == 0


def test_an_emergency_that_gains_nothing_says_what_keeps_the_count_up(
    tmp_path: Path, run: Run
) -> None:
    session = company(tmp_path, "1", "stopped")
    done = run("clean", session, "--emergency", "--apply")
    assert done.code == 0
    assert (
        "1: An emergency gains nothing: 196 stay counted, critical is 170. What stays: " in done.out
    )
    assert " Stopped, " in done.out
    assert not trashed(session)


def test_a_cap_says_what_is_left_for_the_next_run(old: Path, run: Run) -> None:
    done = cleaned(run("clean", old, "--max-removals-files", "10", "--apply", "-o", "json").out)
    assert (done["outcome"], done["removed"], done["left"]) == ("Capped", 10, 15)
    assert "15 more would go" in done["message"]
    assert "--max-removals-files (10) and --max-removals-percent (60)" in done["message"]
    assert run("clean", old, "--max-removals-files", "10", "--apply").code == 0


def test_the_trash_is_purged_after_the_undo_window(old: Path, run: Run) -> None:
    run("clean", old, "--apply")
    run("clean", old, "--apply", "--undo-window", "0s")
    assert not trashed(old)


def test_verbose_lists_every_file_with_a_masked_name(old: Path, run: Run) -> None:
    numbers = numbers_in_names([old])
    document = cleaned(run("clean", old, "-v", "-o", "json").out)
    assert len(document["files"]) == document["removed"]
    out = run("clean", old, "--verbose").out
    assert out.count("session-24***********") > 5
    assert not any(number in out for number in numbers)


def test_real_names_are_refused_in_a_pipe(old: Path, run: Run) -> None:
    done = run("clean", old, "--show-names")
    assert (done.code, done.out) == (2, "")
    assert "at a terminal" in done.err


def test_real_names_are_shown_at_a_terminal_alone(old: Path) -> None:
    code, shown = terminal("clean", old, "--show-names")
    assert code == 0
    assert any(path.name in shown for path in old.glob("session-24*"))
    code, shown = terminal("clean", old, "--show-names", "-o", "json")
    assert code == 2


def test_ctrl_c_ends_an_applied_run_between_two_files(
    fleet: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = look.read_listing
    looks = []

    def pressed_at_the_second(directory: int) -> object:
        looks.append(directory)
        if len(looks) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(directory)

    monkeypatch.setattr(look, "read_listing", pressed_at_the_second)
    done = run("clean", fleet, "--apply")
    assert done.code == 130
    assert "Interrupted between two files" in done.err
    assert trashed(fleet / "company_1")
    assert not trashed(fleet / "company_2")
    assert not (fleet / "company_2" / ".cleanup.lock").exists()


def test_a_second_ctrl_c_ends_at_once() -> None:
    # Whoever runs the tests in the background may have Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        interrupt = Interrupt()
        with interrupt.heeded():
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupt.asked
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_works_as_a_process_of_its_own(old: Path) -> None:
    done = janitor("clean", "--apply", env={"BAILEYS_SESSIONS_PATH": str(old.parent)})
    assert (done.code, done.err) == (0, "")
    assert trashed(old)


def test_min_level_leaves_the_others_alone(fleet: Path, run: Run) -> None:
    calm = company(fleet, "3", "healthy")
    before = snapshot(calm)
    done = run("clean", "--apply", "--emergency", "--min-level", "Emergency", fleet, "-o", "json")
    document = json.loads(done.out)
    assert done.code == 0
    assert [each["company"] for each in document["directories"]] == ["2", "10"]
    assert snapshot(calm) == before


def test_min_level_still_tells_of_broken_credentials(fleet: Path, run: Run) -> None:
    os.truncate(fleet / "company_1" / "creds.json", 100)
    done = run("clean", "--apply", "--min-level", "Emergency", fleet, "-o", "json")
    assert done.code == 1
    assert [each["company"] for each in json.loads(done.out)["problems"]] == ["1"]


def test_min_level_that_no_directory_has_removes_nothing(tmp_path: Path, run: Run) -> None:
    session = company(tmp_path, "1", "healthy")
    options = ("--min-level", "warning", session)
    dry = run("clean", *options)
    assert dry == (0, "No directory is at level Warning or a worse one.\n", "")
    assert run("clean", "--apply", *options) == (0, "", "")
