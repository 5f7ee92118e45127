"""The trash empties itself in time, and the journal stays small without forgetting too early."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files.run_plan import read_plan
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs import journal as journals
from baileys_janitor.volume.runs.journal import KEEP_RUNS, MOST_RUNS, Journal
from baileys_janitor.volume.scanning.activity import Known
from tests.running_time import always_running
from tests.volume.directories import DAY, DUE, NOW, held, in_trash, opened, trashed, write

WINDOW = 86_400.0


@pytest.fixture
def cleaned(session: Path) -> Path:
    with opened(session) as directory:
        sessions.clean(directory, DEFAULTS, run="r1", now=NOW)
    return session


@pytest.fixture
def directory(room: Path) -> Iterator[int]:
    with opened(room) as opened_room:
        yield opened_room


def journal_of(directory: int) -> Journal:
    return Journal(directory, owners_of(directory))


def test_the_trash_is_purged_after_the_undo_window_and_not_before(cleaned: Path) -> None:
    with opened(cleaned) as directory:
        early = sessions.purge(directory, now=NOW + WINDOW - 60, undo_window=WINDOW)
        assert (early.outcome, early.files, early.trash_runs) == ("NothingToDo", 0, 1)
        assert early.trash_oldest is not None
        late = sessions.purge(directory, now=NOW + WINDOW + 60, undo_window=WINDOW)
    assert (late.outcome, late.runs, late.files, late.trash_runs) == ("Completed", 1, len(DUE), 0)
    assert late.freed_bytes > 0
    assert trashed(cleaned) == {}


def test_each_cleaning_purges_what_is_due(cleaned: Path) -> None:
    with opened(cleaned) as directory:
        sessions.clean(directory, DEFAULTS, run="r2", now=NOW + 2 * WINDOW, undo_window=WINDOW)
    assert trashed(cleaned).keys() & DUE == set()


def test_a_purge_never_destroys_what_was_written_after_its_removal(cleaned: Path) -> None:
    free, taken = "session-2220.0.json", "session-2219.0.json"
    for name in (free, taken):
        in_trash(cleaned, name).write_bytes(b"late")
    (cleaned / taken).write_bytes(b"newest")
    with opened(cleaned) as directory:
        sessions.purge(directory, now=NOW, undo_window=0)
    assert held(cleaned)[free] == b"late"
    assert held(cleaned)[taken] == b"newest"
    assert trashed(cleaned) == {}


def test_where_there_is_no_trash_a_purge_leaves_no_trace(session: Path) -> None:
    with opened(session) as directory:
        result = sessions.purge(directory, now=NOW)
    assert (result.outcome, result.trash_runs) == ("NothingToDo", 0)
    assert not list(session.glob(".janitor*"))


def test_a_scan_tells_what_the_trash_holds(cleaned: Path) -> None:
    with opened(cleaned) as directory:
        result = sessions.scan(directory, DEFAULTS, now=NOW)
    assert (result.trash_runs, result.trash_files, result.trash_oldest) == (1, len(DUE), int(NOW))
    assert result.trash_bytes == sum(len(data) for data in trashed(cleaned).values())


def test_a_plan_keeps_what_was_planned(cleaned: Path) -> None:
    with opened(cleaned) as directory:
        plan = read_plan(directory, "r1", owners_of(directory))
    assert plan is not None
    assert plan.time == int(NOW)
    assert {each.name for each in plan.files} == DUE
    for each in plan.files:
        found = in_trash(cleaned, each.name).stat()
        assert (each.inode, each.mtime_ns, each.size) == (
            found.st_ino,
            found.st_mtime_ns,
            found.st_size,
        )


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_without_a_whole_plan_nothing_goes_back_and_age_decides(cleaned: Path, cut: int) -> None:
    """A bot's clear loop leaves such a trash: its identity was logged out."""
    plan = cleaned / ".janitor~plan~r1"
    plan.write_bytes(plan.read_bytes()[:-cut])
    text = (cleaned / ".janitor~journal").read_text()
    (cleaned / ".janitor~journal").write_text(text.splitlines(keepends=True)[0])
    with opened(cleaned) as directory:
        result = sessions.clean(directory, DEFAULTS, run="r2", now=NOW)
        assert (result.recovered, result.removed) == (1, 0)
        assert trashed(cleaned).keys() == DUE
        assert sessions.undo(directory, "r1", now=NOW).restored == 0
        # The time of a file's removal is that of the file system's clock.
        gone = sessions.purge(directory, now=time.time() + WINDOW, undo_window=WINDOW)
    assert gone.files == len(DUE)


def test_a_torn_line_is_passed_over_and_the_next_one_is_whole(room: Path, directory: int) -> None:
    journal_of(directory).begin("r1", "Daily", "ff", 10)
    with (room / ".janitor~journal").open("a") as file:
        file.write("12345678 end a r1,Comp")
    journal = journal_of(directory)
    assert journal.runs["r1"].unfinished
    journal.end(CleanResult("r1", "Completed", time=10, removed=3), 12)
    again = journal_of(directory).runs["r1"]
    assert not again.unfinished
    assert again.result is not None
    assert again.result.removed == 3
    assert (again.reason, again.fingerprint, again.time) == ("Daily", "ff", 10)


@pytest.mark.parametrize("text", [b"\0" * 300, b"\xff\xfe\n\n \n", b"00000000 begin a b\n" * 9])
def test_a_foreign_journal_is_an_empty_one(room: Path, directory: int, text: bytes) -> None:
    (room / ".janitor~journal").write_bytes(text)
    assert journal_of(directory).runs == {}


def test_a_failed_write_leaves_the_journal_as_it_was(
    room: Path, directory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_of(directory)
    journal.begin("r1", "", "", 10)
    before = (room / ".janitor~journal").read_bytes()
    real = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) > 8:
            return real(file, data[:8])
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        journal.begin("r2", "", "", 11)
    assert (room / ".janitor~journal").read_bytes() == before


def fill(room: Path, directory: int, runs: int, first: int, apart: int) -> Journal:
    lines = []
    for number in range(runs):
        at = first + number * apart
        lines.append(journals._line("begin", at, f"r{number},Daily,ffff"))
        result = CleanResult(f"r{number}", "Completed", time=at, kept={"InUse": 40, "Fresh": 3})
        lines.append(journals._line("end", at, ";".join(journals.clean_groups(result, at)[:2])))
    (room / ".janitor~journal").write_text("".join(lines))
    return journal_of(directory)


def test_run_ids_are_remembered_for_thirty_days_and_two_hundred_runs(
    room: Path, directory: int
) -> None:
    now = int(NOW)
    journal = fill(room, directory, 2000, now - 200 * DAY, 8640)
    journal.prune(now, keep={"r3"})
    kept = journal_of(directory).runs
    young = [f"r{number}" for number in range(2000) if 200 * DAY - number * 8640 < 30 * DAY]
    assert set(young) <= kept.keys()
    assert "r3" in kept
    assert len(kept) <= len(young) + 2
    assert kept["r1999"].result is not None
    slow = fill(room, directory, 700, now - 7000 * DAY, 10 * DAY)
    slow.prune(now, keep=set())
    assert len(journal_of(directory).runs) == KEEP_RUNS


def test_the_journal_is_bounded_however_often_it_is_written(room: Path, directory: int) -> None:
    journal = fill(room, directory, MOST_RUNS * 2, int(NOW) - 86_400, 8)
    journal.prune(int(NOW), keep=set())
    assert len(journal_of(directory).runs) == MOST_RUNS
    assert (room / ".janitor~journal").stat().st_size < journals.MAX_BYTES


def test_an_unfinished_run_is_never_forgotten(room: Path, directory: int) -> None:
    fill(room, directory, 2000, int(NOW) - 400 * DAY, 8640)
    text = (room / ".janitor~journal").read_text()
    (room / ".janitor~journal").write_text(journals._line("begin", 5, "killed,,ff") + text)
    journal_of(directory).prune(int(NOW), keep=set())
    assert journal_of(directory).runs["killed"].unfinished


def test_a_file_that_comes_back_under_a_used_run_id_is_another_run(cleaned: Path) -> None:
    write(cleaned / "session-2220.0.json", b"x", NOW - 40 * DAY)
    with opened(cleaned) as directory:
        assert sessions.clean(directory, DEFAULTS, run="r1", now=NOW).outcome == "Repeated"
        known = Known(always_running(NOW))
        assert sessions.clean(directory, DEFAULTS, run="r2", now=NOW, known=known).removed == 1
