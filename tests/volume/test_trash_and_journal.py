"""The trash empties itself in time, and the journal stays small without forgetting too early."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import journal as journals
from baileys_janitor.volume import session as sessions
from baileys_janitor.volume.journal import KEEP_RUNS, MOST_RUNS, Journal
from baileys_janitor.volume.report import CleanResult
from baileys_janitor.volume.trash import Planned, make_run, read_plan
from tests.volume.directories import DAY, DUE, NOW, held, opened, trashed, write

WINDOW = 86_400.0


@pytest.fixture
def cleaned(session: Path) -> Path:
    with opened(session) as directory:
        sessions.clean(directory, DEFAULTS, run="r1", now=NOW)
    os.utime(session / ".janitor" / "trash" / "r1" / ".plan", (NOW, NOW))
    return session


@pytest.fixture
def janitor(room: Path) -> int:
    return os.open(room, os.O_RDONLY)


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
        (cleaned / ".janitor" / "trash" / "r1" / name).write_bytes(b"late")
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
    assert not (session / ".janitor").exists()


def test_a_scan_tells_what_the_trash_holds(cleaned: Path) -> None:
    with opened(cleaned) as directory:
        result = sessions.scan(directory, DEFAULTS, now=NOW)
    assert result.trash_runs == 1
    assert result.trash_oldest is not None
    assert abs(result.trash_oldest - NOW) < 600


def test_a_plan_keeps_names_of_any_bytes(room: Path) -> None:
    names = [os.fsdecode(name) for name in (b"\xff\n \x01", b"end", b" 1 2", b"a b\nc")]
    plan = [Planned(name, unit, 2**60 + unit, -unit, 7) for unit, name in enumerate(names)]
    trash = os.open(room, os.O_RDONLY)
    run = make_run(trash, "r", plan)
    again = read_plan(run)
    assert again is not None
    assert [(each.name, each.unit, each.inode, each.mtime_ns, each.size) for each in again] == [
        (each.name, each.unit, each.inode, each.mtime_ns, each.size) for each in plan
    ]


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_a_cut_plan_is_no_plan_and_the_run_is_put_back(cleaned: Path, cut: int) -> None:
    plan = cleaned / ".janitor" / "trash" / "r1" / ".plan"
    plan.write_bytes(plan.read_bytes()[:-cut])
    text = (cleaned / ".janitor" / "journal").read_text()
    (cleaned / ".janitor" / "journal").write_text(text.splitlines(keepends=True)[0])
    with opened(cleaned) as directory:
        result = sessions.clean(directory, DEFAULTS, run="r2", now=NOW)
    assert (result.recovered, result.removed) == (1, len(DUE))


def test_a_torn_line_is_passed_over_and_the_next_one_is_whole(room: Path, janitor: int) -> None:
    Journal(janitor).begin("r1", "Daily", "ff", 10)
    with (room / "journal").open("a") as file:
        file.write("12345678 end a r1,Comp")
    journal = Journal(janitor)
    assert journal.runs["r1"].unfinished
    journal.end(CleanResult("r1", "Completed", time=10, removed=3), 12)
    again = Journal(janitor).runs["r1"]
    assert not again.unfinished
    assert again.result is not None
    assert again.result.removed == 3
    assert (again.reason, again.fingerprint, again.time) == ("Daily", "ff", 10)


@pytest.mark.parametrize("text", [b"\0" * 300, b"\xff\xfe\n\n \n", b"00000000 begin a b\n" * 9])
def test_a_foreign_journal_is_an_empty_one(room: Path, janitor: int, text: bytes) -> None:
    (room / "journal").write_bytes(text)
    assert Journal(janitor).runs == {}


def test_a_failed_write_leaves_the_journal_as_it_was(
    room: Path, janitor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(janitor)
    journal.begin("r1", "", "", 10)
    before = (room / "journal").read_bytes()
    real = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) > 8:
            return real(file, data[:8])
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="full"):
        journal.begin("r2", "", "", 11)
    assert (room / "journal").read_bytes() == before


def fill(room: Path, janitor: int, runs: int, first: int, apart: int) -> Journal:
    lines = []
    for number in range(runs):
        at = first + number * apart
        lines.append(journals._line("begin", at, f"r{number},Daily,ffff"))
        result = CleanResult(f"r{number}", "Completed", time=at, kept={"InUse": 40, "Fresh": 3})
        lines.append(journals._line("end", at, ";".join(journals.clean_groups(result, at)[:2])))
    (room / "journal").write_text("".join(lines))
    return Journal(janitor)


def test_run_ids_are_remembered_for_thirty_days_and_two_hundred_runs(
    room: Path, janitor: int
) -> None:
    now = int(NOW)
    journal = fill(room, janitor, 2000, now - 200 * DAY, 8640)
    journal.prune(now, keep={"r3"})
    kept = Journal(janitor).runs
    young = [f"r{number}" for number in range(2000) if 200 * DAY - number * 8640 < 30 * DAY]
    assert set(young) <= kept.keys()
    assert "r3" in kept
    assert len(kept) <= len(young) + 2
    assert kept["r1999"].result is not None
    slow = fill(room, janitor, 700, now - 7000 * DAY, 10 * DAY)
    slow.prune(now, keep=set())
    assert len(Journal(janitor).runs) == KEEP_RUNS


def test_the_journal_is_bounded_however_often_it_is_written(room: Path, janitor: int) -> None:
    journal = fill(room, janitor, MOST_RUNS * 2, int(NOW) - 86_400, 8)
    journal.prune(int(NOW), keep=set())
    assert len(Journal(janitor).runs) == MOST_RUNS
    assert (room / "journal").stat().st_size < 2_000_000


def test_an_unfinished_run_is_never_forgotten(room: Path, janitor: int) -> None:
    fill(room, janitor, 2000, int(NOW) - 400 * DAY, 8640)
    text = (room / "journal").read_text()
    (room / "journal").write_text(journals._line("begin", 5, "killed,,ff") + text)
    Journal(janitor).prune(int(NOW), keep=set())
    assert Journal(janitor).runs["killed"].unfinished


def test_a_file_that_comes_back_under_a_used_run_id_is_another_run(cleaned: Path) -> None:
    write(cleaned / "session-2220.0.json", b"x", NOW - 40 * DAY)
    with opened(cleaned) as directory:
        assert sessions.clean(directory, DEFAULTS, run="r1", now=NOW).outcome == "Repeated"
        assert sessions.clean(directory, DEFAULTS, run="r2", now=NOW).removed == 1
