"""What may come back from the trash, what never does, and when it is over."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.volume.directories import (
    DAY,
    DUE,
    FILES,
    HOUR,
    NOW,
    content,
    credentials,
    held,
    in_trash,
    trashed,
    write,
)
from tests.volume.forging import begin, finished_run, plan, planned
from tests.volume.interference import VICTIM, clean, purge, undo

ALL = {name: content(name) for name in FILES}
KEPT = {name: data for name, data in ALL.items() if name not in DUE}
WINDOW = 86_400.0


@pytest.fixture
def cleaned(session: Path) -> Path:
    assert clean(session).removed == len(DUE)
    return session


def forge(path: Path, name: str, data: bytes = b"forged") -> Path:
    """A run that was killed, with plan, journal and identity in order, and one file in its trash."""
    planted = in_trash(path, name, "evil")
    write(planted, data, NOW - 20 * DAY)
    plan(path, "evil", [planned(path, name, "evil")], NOW - 60)
    begin(path, "evil", now=NOW - 60)
    return planted


NEVER = [
    "creds.json",
    "lid-mapping-2201.json",
    "app-state-sync-key-AAAAAP____.json",
    "device-list-2201.json",
    "tctoken-2201@lid.json",
    "identity-key-2201.0.json",
    "notes.txt",
    ".cleanup.lock",
    ".janitor~journal",
    "session-.json",
    "pre-key-0.json",
]


@pytest.mark.parametrize("name", NEVER)
def test_a_kind_that_no_rule_removes_never_comes_back(session: Path, name: str) -> None:
    before = held(session)
    forge(session, name)
    for act in (clean, undo, purge):
        act(session, "evil") if act is undo else act(session)
    assert held(session) == {key: data for key, data in before.items() if key in held(session)}
    assert {key: held(session)[key] for key in KEPT} == KEPT


FORGED = "session-7777.0.json"


@pytest.mark.parametrize("kind", ["link", "hard link", "fifo", "directory", "owner", "written"])
def test_what_is_not_the_planned_file_does_not_come_back(session: Path, kind: str) -> None:
    planted = forge(session, FORGED)
    found = planted.lstat()
    if kind == "hard link":
        (session / "another name").hardlink_to(planted)
    elif kind == "owner":
        if os.geteuid() != 0:
            pytest.skip("giving files away needs root")
        os.chown(planted, 4321, 4321)
    else:
        planted.unlink()
        if kind == "link":
            planted.symlink_to("creds.json")
        elif kind == "fifo":
            os.mkfifo(planted)
        elif kind == "directory":
            planted.mkdir()
        else:
            (session / "occupied").touch()  # so that the inode is not used again
            write(planted, b"another", found.st_mtime + 1)
    clean(session)
    assert undo(session, "evil").restored == 0
    assert not os.path.lexists(session / FORGED)


@pytest.mark.parametrize("missing", ["plan", "journal", "name", "identity"])
def test_what_no_plan_and_no_record_names_does_not_come_back(session: Path, missing: str) -> None:
    forge(session, FORGED, b"late")
    planted = in_trash(session, FORGED, "evil")
    planted.write_bytes(b"written after its removal")
    if missing == "plan":
        (session / ".janitor~plan~evil").unlink()
    elif missing == "journal":
        (session / ".janitor~journal").unlink()
    elif missing == "name":
        (session / ".janitor~plan~evil").unlink()
        plan(session, "evil", [])
    else:
        (session / "creds.json").write_bytes(credentials("BBBB"))
    clean(session)
    assert undo(session, "evil").restored == 0
    assert not (session / FORGED).exists()
    assert planted.exists()
    purge(session)
    assert not (session / FORGED).exists()


def copied(path: Path) -> Path:
    """The volume after `cp -a`: the same names, times and sizes, other inodes."""
    copy = path.parent / "copy"
    shutil.copytree(path, copy, copy_function=shutil.copy2)
    return copy


def test_in_a_copied_volume_nothing_comes_back_by_itself_and_all_when_asked(cleaned: Path) -> None:
    text = (cleaned / ".janitor~journal").read_text().splitlines(keepends=True)
    (cleaned / ".janitor~journal").write_text(text[0])  # as if it had been killed
    copy = copied(cleaned)
    assert clean(copy, "r2").recovered == 1
    assert held(copy) == KEPT
    assert undo(copy).restored == len(DUE)
    assert held(copy) == ALL


def test_a_copy_that_was_written_to_stays_in_the_trash(cleaned: Path) -> None:
    copy = copied(cleaned)
    in_trash(copy, VICTIM).write_bytes(b"other")
    result = undo(copy)
    assert (result.restored, result.kept) == (len(DUE) - 1, {"NotTheRemovedFile": 1})
    assert not (copy / VICTIM).exists()


@pytest.mark.parametrize(
    ("age", "stays"), [(WINDOW - 1, True), (WINDOW, False), (-HOUR, True), (-HOUR - 1, False)]
)
def test_the_plans_time_decides_and_more_than_an_hour_ahead_is_over(
    session: Path, age: float, stays: bool
) -> None:
    finished_run(session, "r1", ["session-9.0.json"], NOW - age)
    purge(session, WINDOW)
    assert bool(trashed(session)) == stays


def test_without_a_plan_each_file_goes_by_its_own_change_time(session: Path) -> None:
    """A link to an old file changes its change time: so does whatever else somebody does to it."""
    names = [f"session-9{number}.0.json" for number in range(3)]
    for name in names:
        in_trash(session, name, "r1").write_bytes(b"x")
    assert purge(session, WINDOW, time.time()).files == 0
    assert len(trashed(session)) == 3
    assert purge(session, WINDOW, time.time() + WINDOW).files == 3
    (session / ".janitor~plan~r2").write_bytes(b"no plan")
    in_trash(session, names[0], "r2").write_bytes(b"x")
    assert purge(session, WINDOW, time.time() - 2 * HOUR).files == 1  # changed in the future
