"""All state lies flat in the session directory, under one reserved prefix: what that promises."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files import noreplace, run_plan, state_names
from baileys_janitor.volume.files.state_names import valid_run
from baileys_janitor.volume.runs import journal as journals
from baileys_janitor.volume.runs import removal_run
from tests.volume.directories import (
    DAY,
    DUE,
    FILES,
    NOW,
    content,
    held,
    in_trash,
    memory,
    opened,
    own_key,
    trashed,
    write,
)
from tests.volume.file_systems import (
    without_either,
    without_flags,
    without_links,
    without_no_replace,
)
from tests.volume.forging import begin, finished_run
from tests.volume.interference import clean, just_before, purge, scan, undo

ALL = {name: content(name) for name in FILES}
KEPT = {name: data for name, data in ALL.items() if name not in DUE}
WINDOW = 86_400.0


def own_names(path: Path) -> set[str]:
    return {each.name for each in path.glob(".[cj]*")}


@pytest.fixture
def cleaned(session: Path) -> Path:
    assert clean(session).removed == len(DUE)
    return session


# Names


FOREIGN = [
    ".janitor~",
    ".janitor~Journal",
    ".janitor~journal~",
    ".janitor~journal.bak",
    ".janitor~activity2",
    ".janitor~key~1",
    ".janitor~creds~",
    ".janitor~creds~1764240000",
    ".janitor~creds~1a",
    ".janitor~creds~\N{SUPERSCRIPT TWO}",
    ".janitor~creds~-1",
    ".janitor~plan~",
    ".janitor~plan~R1",
    ".janitor~plan~-r",
    ".janitor~plan~r1~x",
    ".janitor~plan~" + "a" * 33,
    ".janitor~new~",
    ".janitor~new~a b",
    ".janitor~run~r1",
    ".janitor~run~r1~",
    ".janitor~run~r1~notes.txt",
    ".janitor~run~r1~lid-mapping-2201.json",
    ".janitor~run~r1~.janitor~plan~r1",
    ".janitor~run~R1~session-2201.0.json",
    ".janitor~run~~session-2201.0.json",
    ".janitor~run~r1~session-2201.0.json\n",
    os.fsdecode(b".janitor~run~r1~session-2201.0.js\xff"),
]


def test_a_foreign_name_under_the_prefix_is_not_counted_and_never_touched(session: Path) -> None:
    for name in FOREIGN:
        write(session / name, b"foreign", NOW - 90 * DAY)
    assert clean(session).removed == len(DUE)
    result = scan(session)
    assert result.total == len(KEPT)
    assert undo(session).restored == len(DUE)
    clean(session, "r2")
    purge(session)
    assert {name: (session / name).read_bytes() for name in FOREIGN} == dict.fromkeys(
        FOREIGN, b"foreign"
    )


@pytest.mark.parametrize("run", ["a", "0", "a" * 32, "cli-20261127t101500-0a1b2c"])
def test_a_run_id_has_1_to_32_small_letters_digits_and_hyphens(run: str) -> None:
    assert valid_run(run)


@pytest.mark.parametrize(
    "run", ["", "-a", "a" * 33, "A", "a b", "a/b", "..", "a~b", "ä", "a\n", None, 7]
)
def test_nothing_else_is_a_run_id(run: object) -> None:
    assert not valid_run(run)


# Claims


@pytest.mark.parametrize(
    "planted", [".janitor~plan~r1", ".janitor~run~r1~session-9.0.json", "journal", "ended"]
)
def test_a_run_id_that_is_taken_in_any_way_is_refused(session: Path, planted: str) -> None:
    if planted == "journal":
        begin(session, "r1")
    elif planted == "ended":
        finished_run(session, "r1", ["session-9.0.json"])
    else:
        finished_run(session, "r0", ["session-9.0.json"])
        (session / planted).write_bytes(b"planted")
        if planted.startswith(".janitor~plan"):
            (session / ".janitor~run~r1~session-8.0.json").write_bytes(b"x")
    result = clean(session)
    assert result.outcome == "Repeated"
    assert {name: data for name, data in held(session).items() if name in ALL} == ALL


def test_a_plan_that_appears_in_the_last_moment_is_not_replaced(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = session / ".janitor~plan~r1"
    just_before(monkeypatch, "open", planted.name, lambda: planted.write_bytes(b"planted"))
    result = clean(session)
    assert (result.outcome, result.code) == ("Refused", "JanitorRefused")
    assert planted.read_bytes() == b"planted"
    assert held(session) == ALL


Record = list[tuple[str, str]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Record:
    """What the janitor does to which name, in order: write, fsync and rename; `.` is the directory."""
    made: Record = []
    names: dict[int, str] = {}
    real = {name: getattr(os, name) for name in ("open", "write", "fsync")}
    rename = noreplace.rename_no_replace

    def open_file(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        file = real["open"](path, flags, mode, dir_fd=dir_fd)
        names[file] = "." if dir_fd is None else path
        return int(file)

    def write_file(file: int, data: bytes) -> int:
        made.append(("write", names.get(file, "?")))
        return int(real["write"](file, data))

    def sync(file: int) -> None:
        made.append(("fsync", names.get(file, "?")))
        real["fsync"](file)

    def move(directory: int, name: str, new: str) -> None:
        made.append(("rename", name))
        rename(directory, name, new)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "write", write_file)
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(noreplace, "rename_no_replace", move)
    return made


def test_plan_and_begin_are_on_the_disk_before_the_first_file_moves(
    session: Path, calls: Record
) -> None:
    assert clean(session).removed == len(DUE)
    plan_synced = calls.index(("fsync", ".janitor~plan~r1"))
    begun = calls.index(("write", ".janitor~journal"))
    journal_synced = calls.index(("fsync", ".janitor~journal"))
    names_synced = calls.index(("fsync", "."))  # this run has made the journal as well
    first = min(calls.index(("rename", name)) for name in DUE)
    assert plan_synced < begun < journal_synced < names_synced < first
    assert calls.index(("write", ".janitor~plan~r1")) < plan_synced


def test_what_has_moved_is_on_the_disk_before_the_run_is_recorded(
    session: Path, calls: Record
) -> None:
    assert clean(session).removed == len(DUE)
    last = max(calls.index(("rename", name)) for name in DUE)
    ended = max(at for at, call in enumerate(calls) if call == ("write", ".janitor~journal"))
    assert last < calls.index(("fsync", "."), last) < ended < len(calls) - 1


# Proof of put-back


@pytest.mark.parametrize("lacking", [without_links, without_no_replace, without_flags])
def test_one_safe_way_back_is_enough(session: Path, lacking: Callable[[], Any]) -> None:
    with lacking():
        assert clean(session).removed == len(DUE)
        assert undo(session).restored == len(DUE)
    assert held(session) == ALL
    assert own_names(session) == {".janitor~journal", ".janitor~activity"}


def test_without_a_safe_way_back_nothing_is_removed_and_nothing_left(session: Path) -> None:
    with without_either():
        result = clean(session)
    assert (result.outcome, result.code) == ("Refused", "PutBackUnsupported")
    assert held(session) == ALL
    assert own_names(session) == set()


def test_a_rename_that_replaces_although_told_not_to_is_found_out(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is named by a link here; then there are none any more."""
    links = iter([os.link])

    def one_link(*arguments: Any, **more: Any) -> None:
        for link in links:
            return link(*arguments, **more)
        raise OSError(errno.EPERM, "no links")

    real = os.link
    monkeypatch.setattr(os, "link", one_link)
    with without_flags():
        result = clean(session)
    monkeypatch.setattr(os, "link", real)
    assert (result.outcome, result.code) == ("Refused", "PutBackUnsupported")
    assert held(session) == ALL
    assert own_names(session) == set()


def test_expired_trash_is_purged_before_anything_is_tried(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished_run(session, "old", ["session-9.0.json"], NOW - 2 * WINDOW)
    before: list[bool] = []

    def look() -> None:
        before.append(in_trash(session, "session-9.0.json", "old").exists())

    just_before(monkeypatch, "open", ".janitor~new~probe-1", look)
    clean(session)
    assert before == [False]


# Removal


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_ends_the_run_and_nothing_is_unlinked_instead(
    session: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    failing_from(monkeypatch, 5, error)
    result = clean(session)
    assert (result.outcome, result.code) == ("Failed", "DiskFull")
    assert 0 < result.removed == len(trashed(session)) < len(DUE)
    monkeypatch.undo()
    assert {**held(session), **trashed(session)} == ALL
    assert undo(session).restored == result.removed
    assert held(session) == ALL


def failing_from(monkeypatch: pytest.MonkeyPatch, step: int, error: int) -> None:
    """Let every rename of a session file into the trash fail from the n-th on."""
    real = noreplace.rename_no_replace
    done: list[str] = []

    def rename(directory: int, name: str, new: str) -> None:
        if new.startswith(".janitor~run~"):
            done.append(name)
            if len(done) >= step:
                raise OSError(error, os.strerror(error))
        real(directory, name, new)

    monkeypatch.setattr(noreplace, "rename_no_replace", rename)


def test_a_name_that_is_too_long_for_the_trash_keeps_its_unit(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some encrypting file systems end at 143 bytes."""
    real = noreplace.rename_no_replace

    def rename(directory: int, name: str, new: str) -> None:
        if name == own_key():
            raise OSError(errno.ENAMETOOLONG, "too long")
        real(directory, name, new)

    monkeypatch.setattr(noreplace, "rename_no_replace", rename)
    result = clean(session)
    assert (result.kept or {})["NameTooLong"] == 1
    assert (result.kept or {})["WithItsPair"] == 1
    assert {own_key(), memory()} <= held(session).keys()
    assert result.removed == len(DUE) - 2


# Files of ours


def test_no_file_is_truncated_followed_or_given_away_by_path(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: dict[str, set[int]] = {}
    real = os.open

    def open_file(path: Any, flag: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None:
            flags.setdefault(path, set()).add(flag)
        return real(path, flag, mode, dir_fd=dir_fd)

    def forbidden(*arguments: object, **more: object) -> None:
        raise AssertionError("by path")

    monkeypatch.setattr(os, "open", open_file)
    for name in ("chown", "lchown", "chmod", "rmdir", "mkdir", "truncate", "remove", "replace"):
        monkeypatch.setattr(os, name, forbidden)
    monkeypatch.setattr(journals, "_PRUNE_FROM_BYTES", 1)
    clean(session)
    undo(session)
    clean(session, "r2")
    purge(session)
    monkeypatch.undo()
    assert {".janitor~journal", ".janitor~plan~r1", ".janitor~new~probe-1"} <= flags.keys()
    for name, all_flags in flags.items():
        for flag in all_flags:
            assert flag & os.O_NOFOLLOW, name
            assert not flag & os.O_TRUNC, name
            assert flag & os.O_EXCL or not flag & os.O_CREAT, name
            assert flag & (os.O_NONBLOCK | os.O_DIRECTORY | os.O_EXCL), name


def test_files_of_ours_are_for_their_owner_alone(cleaned: Path) -> None:
    modes = {each.name: each.stat().st_mode & 0o777 for each in cleaned.glob(".janitor~[jp]*")}
    assert modes == {".janitor~journal": 0o600, ".janitor~plan~r1": 0o600}


# One listing


def test_own_names_are_sorted_by_name_and_never_looked_at(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3000):
        in_trash(session, f"session-9{number}.0.json", "r1").touch()
    looked: list[str] = []
    real = os.lstat
    monkeypatch.setattr(
        os,
        "lstat",
        lambda path, *, dir_fd=None: (looked.append(path), real(path, dir_fd=dir_fd))[1],
    )
    ticks: list[int] = []
    with opened(session) as directory:
        result = sessions.scan(directory, DEFAULTS, now=NOW, tick=lambda: ticks.append(1))
    assert (result.total, result.trash_files) == (len(FILES), 3000)
    assert not [name for name in looked if name.startswith(".janitor~run~")]
    assert len(ticks) >= 2


def test_own_names_are_no_part_of_the_entries_that_a_cleaning_accepts(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baileys_janitor.volume.files.read import read_listing

    for number in range(100):
        in_trash(session, f"session-9{number}.0.json", "r1").touch()
    with opened(session) as directory:
        assert read_listing(directory, limit=len(FILES)).entries is not None
        assert read_listing(directory, limit=len(FILES) - 1).entries is None


def test_past_the_bound_nothing_is_cleaned_but_the_purge_runs(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_names, "MAX_OWN_NAMES", 40)
    old = [f"session-9{number:02}.0.json" for number in range(30)]
    finished_run(session, "old", old, NOW - 2 * WINDOW)
    finished_run(session, "young", [f"session-8{number:02}.0.json" for number in range(20)])
    in_trash(session, old[0], "old").write_bytes(b"late")
    (session / ".janitor~new~left").touch()
    result = clean(session)
    assert (result.outcome, result.code) == ("Refused", "TooManyOwnFiles")
    assert held(session) == {**ALL, old[0]: b"late"}
    assert len(trashed(session)) == 20
    assert own_names(session) >= {".janitor~plan~young", ".janitor~journal"}
    assert not own_names(session) & {".janitor~plan~old", ".janitor~new~left"}
    assert clean(session).outcome == "Completed"


# Bounds of the trash


def test_the_oldest_runs_go_early_when_the_trash_is_full(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_plan.MAX_FILES == 5_000
    monkeypatch.setattr(removal_run, "MAX_FILES", len(DUE) + 5)
    finished_run(session, "a", [f"session-9{number}.0.json" for number in range(4)], NOW - 300)
    finished_run(session, "b", [f"session-8{number}.0.json" for number in range(4)], NOW - 200)
    result = clean(session)
    assert (result.removed, result.purged_early) == (len(DUE), 4)
    assert len(trashed(session)) == len(DUE) + 4
    assert in_trash(session, "session-80.0.json", "b").exists()


def test_without_an_undo_window_the_run_purges_what_it_moved(session: Path) -> None:
    result = clean(session, undo_window=0.0)
    assert (result.removed, result.in_trash, result.purged_early) == (len(DUE), 0, 0)
    assert own_names(session) == {".janitor~journal", ".janitor~activity"}
    assert held(session) == KEPT
    assert undo(session).code == "RunPurged"


# The directory of an unreleased version


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_an_old_directory_is_never_followed(session: Path, kind: str) -> None:
    old = session.parent / "old"
    (old / "trash").mkdir(parents=True)
    (old / "journal").write_text("old")
    if kind == "link":
        (session / ".janitor").symlink_to(old)
    else:
        old.rename(session / ".janitor")
    for act in (clean, undo, purge):
        act(session)
    result = scan(session)
    assert result.total == len(KEPT) + len(DUE)
    assert (session / ".janitor/journal").read_text() == "old"
    assert (session / ".janitor/trash").is_dir()
