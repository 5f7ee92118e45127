"""A cleaning removes what the plan says, and nothing that changed, vanished or was swapped meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import MaxRemovals, Settings
from baileys_janitor.volume.errors import DEADLINE_REACHED, INTERRUPTED
from baileys_janitor.volume.files import noreplace
from tests.volume.directories import (
    DUE,
    EVERYTHING,
    FILES,
    NOW,
    build,
    content,
    forget,
    held,
    no_memory_without_its_key,
    protected,
    trashed,
    write,
)
from tests.volume.interference import VICTIM, clean, just_before, write_now


def test_what_is_due_moves_into_the_trash_and_the_rest_stays(session: Path) -> None:
    result = clean(session)
    assert (result.outcome, result.removed, result.left) == ("Completed", len(DUE), 0)
    assert held(session) == {name: content(name) for name in FILES if name not in DUE}
    assert trashed(session) == {name: content(name) for name in DUE}
    assert result.scan is not None
    assert result.scan.total == len(FILES) - len(DUE)
    assert result.after == result.scan.counted
    assert result.freed_bytes == sum(len(content(name)) for name in DUE)
    assert sum(result.removed_by_kind or ()) == len(DUE)
    assert not (session / ".cleanup.lock").exists()


def test_what_the_janitor_makes_is_for_its_owner_alone(session: Path) -> None:
    clean(session)
    made = [path for path in session.glob(".janitor~*") if "~run~" not in path.name]
    assert {path.name for path in made} == {
        ".janitor~activity",
        ".janitor~journal",
        ".janitor~plan~r1",
    }
    for path in made:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_uid == os.geteuid()
    assert all(path.is_file() for path in session.iterdir())  # no directory of ours


def test_a_dry_run_says_the_same_and_leaves_no_trace(session: Path) -> None:
    before = {path: path.lstat().st_mtime_ns for path in session.rglob("*")}
    changed = session.stat().st_mtime_ns
    result = clean(session, dry_run=True)
    assert (result.outcome, result.removed, result.applied) == ("DryRun", len(DUE), False)
    assert {path: path.lstat().st_mtime_ns for path in session.rglob("*")} == before
    assert session.stat().st_mtime_ns == changed


def test_a_run_id_is_used_once(session: Path) -> None:
    first = clean(session)
    for name in DUE:
        write(session / name, b"again", NOW - FILES[name])
    forget(session)
    second = clean(session)
    assert (second.outcome, second.code, second.removed) == ("Repeated", "Completed", first.removed)
    assert set(DUE) <= set(held(session))
    assert clean(session, "r2").removed == len(DUE)


def test_a_refusal_is_recorded_under_its_id_once_the_directory_knows_the_janitor(
    session: Path,
) -> None:
    clean(session)
    (session / "creds.json").write_bytes(b"{")
    assert clean(session, "r2").code == "CredentialsCorrupt"
    assert clean(session, "r2").outcome == "Repeated"


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "CredentialsCorrupt"), (b"{}", "NotPaired"), (None, "CredentialsAbsent")],
)
def test_a_directory_that_is_no_paired_session_stays_without_a_trace(
    session: Path, data: bytes | None, code: str
) -> None:
    (session / "creds.json").unlink()
    if data is not None:
        (session / "creds.json").write_bytes(data)
    before = sorted(session.iterdir())
    result = clean(session)
    assert (result.outcome, result.code, result.removed) == ("Refused", code, 0)
    assert sorted(session.iterdir()) == before


def test_a_capped_run_says_what_is_left_and_the_next_goes_on(session: Path) -> None:
    few = Settings(max_removals=MaxRemovals(100, 4))
    first = clean(session, "r1", few)
    assert (first.outcome, first.removed, first.left) == ("Capped", 4, len(DUE) - 4)
    assert clean(session, "r2").removed == len(DUE) - 4


def test_a_directory_with_too_many_entries_is_counted_and_cleaning_refused(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baileys_janitor.volume.files import read
    from baileys_janitor.volume.runs import exclusive
    from baileys_janitor.volume.scanning import scan

    def few(directory: int, tick: Callable[[], None] | None = None) -> read.Listing:
        return read.read_listing(directory, tick, 10)

    monkeypatch.setattr(exclusive, "read_listing", few)
    monkeypatch.setattr(scan, "read_listing", few)
    result = clean(session)
    assert (result.outcome, result.code) == ("Refused", "TooManyFiles")
    assert result.scan is not None
    assert (result.scan.total, result.scan.bytes) == (len(FILES), None)
    assert set(held(session)) == set(FILES)


def test_a_file_that_the_system_will_not_move_stays_and_the_run_goes_on(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PermissionError(1, "not permitted", "a name that must not show")

    just_before(monkeypatch, "rename", VICTIM, refuse)
    result = clean(session)
    assert result.removed == len(DUE) - 1
    assert (result.kept or {})["NotPermitted"] == 1


@pytest.mark.parametrize(
    ("number", "code"),
    [(5, "InputOutputError"), (116, "StaleHandle"), (30, "ReadOnly"), (28, "DiskFull")],
)
def test_trouble_in_the_middle_ends_the_run_with_its_code_and_loses_nothing(
    session: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def fail() -> None:
        raise OSError(number, "trouble", "a name that must not show")

    just_before(monkeypatch, "rename", "session-2218.0.json", fail)
    result = clean(session)
    assert (result.outcome, result.code) == ("Failed", code)
    assert result.removed == len(trashed(session)) > 0
    assert {**held(session), **trashed(session)} == {name: content(name) for name in FILES}
    assert clean(session, "r2").removed == len(DUE) - result.removed


@pytest.mark.parametrize("code", [INTERRUPTED, DEADLINE_REACHED])
def test_a_run_that_is_asked_to_end_does_so_between_two_removals(session: Path, code: str) -> None:
    def stop() -> str | None:
        return code if len(trashed(session)) >= 3 else None

    result = clean(session, stop=stop)
    assert (result.outcome, result.code, result.removed) == ("Capped", code, 3)
    assert result.left == len(DUE) - 3
    assert no_memory_without_its_key(session)
    assert clean(session, "r2").recovered == 0


def test_a_run_whose_lock_is_taken_over_stops_and_leaves_the_rest_to_the_new_holder(
    session: Path,
) -> None:
    def progress(done: int, total: int) -> None:
        if done == 3:
            (session / "theirs").write_text("somebody else")
            (session / "theirs").rename(session / ".cleanup.lock")

    result = clean(session, progress=progress)
    assert (result.outcome, result.code, result.removed) == ("Failed", "LockLost", 3)
    assert (session / ".cleanup.lock").read_text() == "somebody else"
    (session / ".cleanup.lock").unlink()
    second = clean(session, "r2")
    assert (second.recovered, second.removed) == (1, len(DUE) - 3)


def test_progress_and_plan_are_shown_to_whoever_asks(session: Path) -> None:
    steps: list[tuple[int, int]] = []
    plans: list[object] = []
    clean(session, progress=lambda done, total: steps.append((done, total)), watch=plans.append)
    assert steps[-1] == (len(DUE), len(DUE))
    assert len(plans) == 1


@pytest.mark.parametrize("links", [True, False])
def test_without_renames_that_do_not_replace_links_serve(
    session: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Files go back either way; with neither, nothing is removed in the first place."""

    def unsupported(*paths: object, **more: object) -> None:
        raise OSError(errno.EINVAL, "not supported")

    monkeypatch.setattr(noreplace, "rename_no_replace", unsupported)
    if not links:
        monkeypatch.setattr(os, "link", unsupported)
    before = held(session)
    just_before(monkeypatch, "rename", VICTIM, lambda: write_now(session / VICTIM))
    result = clean(session)
    if links:
        assert (session / VICTIM).read_bytes() == b"fresh"
        assert result.removed == len(DUE) - 1
    else:
        assert (result.outcome, result.code) == ("Refused", "PutBackUnsupported")
        assert held(session) == before
        assert not list(session.glob(".janitor~[!j]*"))


def test_without_hard_links_files_go_back_all_the_same(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*paths: object, **more: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", no_links)
    just_before(monkeypatch, "rename", VICTIM, lambda: write_now(session / VICTIM))
    result = clean(session)
    assert result.removed == len(DUE) - 1
    assert (session / VICTIM).read_bytes() == b"fresh"


def test_protected_files_are_untouched_down_to_the_inode(session: Path) -> None:
    before = {name: (session / name).stat() for name in protected(session)}
    clean(session, settings=EVERYTHING, emergency=True)
    for name, was in before.items():
        now = (session / name).stat()
        assert (now.st_ino, now.st_mtime_ns, now.st_ctime_ns) == (
            was.st_ino,
            was.st_mtime_ns,
            was.st_ctime_ns,
        )


def test_building_again_over_a_cleaned_directory_gives_the_same_plan(session: Path) -> None:
    clean(session)
    build(session)
    forget(session)
    assert clean(session, "r2").removed == len(DUE)


def test_a_file_that_changed_since_the_listing_never_leaves_its_place(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even for the moment of a move and a put-back the library would miss it."""
    still_old = NOW - 30 * 86400
    just_before(monkeypatch, "lstat", VICTIM, lambda: write(session / VICTIM, b"x", still_old))
    moved: list[str] = []
    just_before(monkeypatch, "rename", VICTIM, lambda: moved.append(VICTIM))
    assert clean(session).removed == len(DUE) - 1
    assert VICTIM not in moved
