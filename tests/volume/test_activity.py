"""What is remembered of running times on the volume: when it is written, and when it is believed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from baileys_janitor.policy.ages.running import Memory
from baileys_janitor.policy.ages.running_text import decode
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.report.results import ScanResult
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.scanning import activity
from baileys_janitor.volume.scanning.activity import Known, boot, read_memory
from tests.running_time import always_running, remember
from tests.volume.directories import DAY, DUE, HOUR, NOW, build, credentials, held, opened, write

LINE = ".janitor~activity"


def clean(path: Path, run: str, now: float = NOW, **more: object) -> CleanResult:
    with opened(path) as directory:
        return sessions.clean(directory, DEFAULTS, run=run, now=now, **more)  # type: ignore[arg-type]


def scan(path: Path, now: float = NOW, known: Known | None = None) -> ScanResult:
    with opened(path) as directory:
        return sessions.scan(directory, DEFAULTS, now=now, known=known)


def memory_of(path: Path, now: float = NOW) -> Memory | None:
    with opened(path) as directory:
        return read_memory(directory, read_listing(directory).entries or [], now)


def quiet(path: Path, ages: list[float]) -> Path:
    """Sessions of these ages beside creds.json."""
    path.mkdir(parents=True)
    write(path / "creds.json", credentials(), NOW - HOUR)
    for number, age in enumerate(ages):
        write(path / f"session-44{number:03}.0.json", b"x", NOW - age)
    return path


def test_a_cleanup_leaves_one_line_whether_it_removed_anything_or_not(session: Path) -> None:
    assert clean(session, "r1").removed == len(DUE)
    first = (session / LINE).read_text()
    assert clean(session, "r2", NOW + 60).outcome == "NothingToDo"
    second = (session / LINE).read_text()

    assert first != second
    assert second.count("\n") == 1
    memory = decode(second.strip())
    assert memory is not None
    assert memory.looked == NOW + 60
    assert len(second) <= 1024


def test_a_dry_run_and_a_scan_write_nothing(session: Path) -> None:
    assert clean(session, "r1", dry_run=True).removed == len(DUE)
    scan(session)

    assert not (session / LINE).exists()


def test_a_directory_without_a_paired_session_gets_no_line(tmp_path: Path) -> None:
    path = quiet(tmp_path / "s", [DAY])
    (path / "creds.json").write_bytes(b"{}")

    assert clean(path, "r1").code == "NotPaired"
    assert {each.name for each in path.iterdir()} == {"creds.json", "session-44000.0.json"}


def test_a_nightly_command_learns_what_no_listing_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "boot", lambda: None)  # the machine does not jump with the test
    # One busy contact, and one that was used 20 days ago: the listing shows a gap of 20 days.
    path = quiet(tmp_path / "s", [HOUR, 20 * DAY])
    assert clean(path, "r0").kept == {"ProtectedKind": 1, "InUse": 1, "SilenceNotCounted": 1}

    removed = []
    for night in range(1, 16):
        now = NOW + night * DAY - 2 * HOUR
        write(path / "session-44000.0.json", b"y", now - HOUR)
        removed.append(clean(path, f"r{night}", now).removed)

    assert removed == [0] * 14 + [1]


def test_the_operators_memory_wins_over_that_of_the_volume(tmp_path: Path) -> None:
    path = quiet(tmp_path / "s", [HOUR, 20 * DAY])
    known = Known(always_running(NOW))

    assert scan(path, known=known).reclaimable == 1
    remember(path, NOW)
    assert scan(path).reclaimable == 1
    other = Memory(int(NOW), ((int(NOW), int(NOW)),), int(NOW), bins=(1, 0, 0, 0, 1))
    assert scan(path, known=Known(other)).reclaimable == 0


def test_a_first_scan_brings_what_the_volume_knows_and_later_ones_little(tmp_path: Path) -> None:
    path = remember(quiet(tmp_path / "s", [HOUR, 20 * DAY]), NOW)

    first = scan(path)
    assert first.bins is None
    brought = decode(first.running)
    assert brought is not None
    assert brought.running == ((NOW - 90 * DAY, NOW),)
    assert brought.seen is None

    later = scan(path, known=Known(brought))
    assert later.running is None
    assert later.bins is not None
    assert sum(later.bins) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: b"",
        lambda data: data.replace(b"1;", b"2;", 1),
        lambda data: data + data,
        lambda data: b"\xff" * 300,
        lambda data: data * 5_000,
    ],
)
def test_a_damaged_line_is_no_memory(tmp_path: Path, damage: object) -> None:
    path = remember(quiet(tmp_path / "s", [HOUR, 20 * DAY]), NOW)
    assert memory_of(path) is not None
    data = (path / LINE).read_bytes()
    (path / LINE).write_bytes(damage(data))  # type: ignore[operator]

    assert memory_of(path) is None
    assert scan(path).reclaimable == 0


@pytest.mark.parametrize("what", ["link", "fifo", "directory", "two names"])
def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path, what: str) -> None:
    path = remember(quiet(tmp_path / "s", [HOUR, 20 * DAY]), NOW)
    line, other = path / LINE, tmp_path / "other"
    line.rename(other)
    if what == "link":
        line.symlink_to(other)
    elif what == "fifo":
        os.mkfifo(line)
    elif what == "directory":
        line.mkdir()
    else:
        os.link(other, line)

    assert memory_of(path) is None
    assert scan(path).reclaimable == 0


def test_a_line_that_came_with_a_copy_of_the_directory_makes_nothing_old(tmp_path: Path) -> None:
    # Cleaned nightly until 20 days ago; now the copy of that night is put back, its line included.
    path = quiet(tmp_path / "s", [20 * DAY + HOUR, 33 * DAY])
    remember(path, NOW - 20 * DAY)
    copy = shutil.copytree(path, tmp_path / "copy")
    write(copy / "session-44099.0.json", b"x", NOW - 60)

    assert clean(copy, "r1").removed == 0
    memory = memory_of(copy)
    assert memory is not None
    assert memory.floor == NOW


def test_a_change_of_owner_or_mode_is_no_copy(tmp_path: Path) -> None:
    path = quiet(tmp_path / "s", [HOUR, 20 * DAY, 2 * DAY])
    remember(path, NOW - 3 * DAY)
    (path / LINE).chmod(0o640)

    memory = memory_of(path)
    assert memory is not None
    assert memory.floor is None


def test_an_undo_is_noticed_and_what_came_back_counts_anew(session: Path) -> None:
    assert clean(session, "r1").removed == len(DUE)
    with opened(session) as directory:
        assert sessions.undo(directory, "r1", now=NOW + 60).restored == len(DUE)

    again = clean(session, "r2", NOW + 3 * HOUR)
    assert again.removed == 0
    assert (again.kept or {})["AgeCountsAnew"] >= 6
    assert held(session).keys() >= DUE


@pytest.mark.parametrize(
    ("ahead", "skewed"), [(0, False), (-899, False), (-901, True), (601, True), (599, False)]
)
def test_a_node_whose_clock_differs_removes_nothing_and_remembers_nothing(
    session: Path, ahead: int, skewed: bool
) -> None:
    known = Known(None, NOW + ahead, wait=300)
    result = clean(session, "r1", known=known)

    assert (result.code == "ClockSkew") == skewed
    assert (result.removed == 0) == skewed
    assert (session / LINE).exists() != skewed
    looked = scan(session, known=known)
    assert looked.skewed == skewed
    if skewed:
        assert (result.outcome, looked.reclaimable, looked.running) == ("Refused", 0, None)


def test_a_killed_run_has_written_what_is_known_before_it_removes(session: Path) -> None:
    seen = []
    clean(session, "r1", watch=lambda plan: seen.append((session / LINE).exists()))
    assert seen == [False]

    def stop() -> str | None:
        return "Interrupted" if (session / LINE).exists() else None

    (session / LINE).unlink()
    build(session)
    assert clean(session, "r2", stop=stop).code == "Interrupted"
    assert memory_of(session) is not None


def test_this_machine_tells_which_start_it_is() -> None:
    first, second = boot(), boot()

    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert 0 < first[1] <= second[1]
