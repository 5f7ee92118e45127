"""A cleaning removes what the plan says, and nothing that changed, vanished or was swapped meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.plan import Plan, Removal
from baileys_janitor.policy.settings import DEFAULTS, MaxRemovals, Settings
from baileys_janitor.volume import session as sessions
from baileys_janitor.volume import trash as trashes
from baileys_janitor.volume.problems import DEADLINE_REACHED, INTERRUPTED
from baileys_janitor.volume.reading import entry_of
from baileys_janitor.volume.report import CleanResult
from tests.volume.directories import (
    DUE,
    EVERYTHING,
    FILES,
    NOW,
    build,
    content,
    held,
    memory,
    no_memory_without_its_key,
    opened,
    own_key,
    protected,
    trashed,
    write,
)

VICTIM = "session-2220.0.json"


def clean(
    path: Path, run: str = "r1", settings: Settings = DEFAULTS, **more: object
) -> CleanResult:
    with opened(path) as directory:
        return sessions.clean(directory, settings, run=run, now=NOW, **more)  # type: ignore[arg-type]


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


def test_the_janitors_directory_is_for_its_owner_alone(session: Path) -> None:
    clean(session)
    for path in (session / ".janitor", *(session / ".janitor").rglob("*")):
        if path.is_dir():
            assert path.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_uid == os.geteuid()


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
        write(session / name, b"again", NOW - 60 * 86400)
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
    from baileys_janitor.volume import cleaning, reading, scanning

    def few(directory: int, tick: Callable[[], None] | None = None) -> reading.Listing:
        return reading.read_listing(directory, tick, 10)

    monkeypatch.setattr(cleaning, "read_listing", few)
    monkeypatch.setattr(scanning, "read_listing", few)
    result = clean(session)
    assert (result.outcome, result.code) == ("Refused", "TooManyFiles")
    assert result.scan is not None
    assert result.scan.counts_only
    assert result.scan.total == len(FILES)
    assert set(held(session)) == set(FILES)


def just_before(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None]
) -> None:
    """Do something in the moment before the janitor's system call on a file name."""
    real = getattr(os, call)

    def wrapped(path: object, *rest: object, **more: object) -> object:
        if path == name and act not in done:
            done.append(act)
            act()
        return real(path, *rest, **more)

    done: list[Callable[[], None]] = []
    monkeypatch.setattr(os, call, wrapped)


def just_after(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None]
) -> None:
    real = getattr(os, call)

    def wrapped(path: object, *rest: object, **more: object) -> object:
        result = real(path, *rest, **more)
        if path == name and act not in done:
            done.append(act)
            act()
        return result

    done: list[Callable[[], None]] = []
    monkeypatch.setattr(os, call, wrapped)


def test_a_file_written_between_the_look_and_the_move_goes_back(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(monkeypatch, "rename", VICTIM, lambda: write_now(session / VICTIM))
    result = clean(session)
    assert (session / VICTIM).read_bytes() == b"fresh"
    assert VICTIM not in trashed(session)
    assert result.removed == len(DUE) - 1
    assert (result.kept or {})["Changed"] == 1


def test_a_write_begun_before_the_move_and_ended_after_it_is_not_lost(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own way: open with truncation, write, close."""
    open_files: list[int] = []

    def begin() -> None:
        open_files.append(os.open(session / VICTIM, os.O_WRONLY | os.O_TRUNC))

    just_before(monkeypatch, "rename", VICTIM, begin)
    clean(session)
    os.write(open_files[0], b"fresh")
    os.close(open_files[0])
    assert (session / VICTIM).read_bytes() == b"fresh"


def test_a_slow_writer_is_seen_when_the_run_looks_back(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that had looked the name up before the move, and truncates after the first check."""
    other = "session-2215.0.json"  # removed after the victim
    just_before(
        monkeypatch,
        "rename",
        other,
        lambda: write_now(session / ".janitor" / "trash" / "r1" / VICTIM),
    )
    result = clean(session)
    assert (session / VICTIM).read_bytes() == b"fresh"
    assert result.removed == len(DUE) - 1


def test_a_newer_file_of_that_name_is_never_replaced(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changed, has moved, and must go back; but the library has made a new one already."""

    def change_and_make_new() -> None:
        write_now(session / ".janitor" / "trash" / "r1" / VICTIM)
        (session / VICTIM).write_bytes(b"newest")

    just_after(monkeypatch, "rename", VICTIM, change_and_make_new)
    clean(session)
    assert (session / VICTIM).read_bytes() == b"newest"
    assert trashed(session)[VICTIM] == b"fresh"


def test_a_symlink_swapped_in_during_the_run_is_put_back_and_never_followed(
    session: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (room / "precious").write_text("precious")

    def swap() -> None:
        (session / VICTIM).unlink()
        (session / VICTIM).symlink_to(room / "precious")

    just_before(monkeypatch, "rename", VICTIM, swap)
    clean(session)
    assert (session / VICTIM).is_symlink()
    assert (room / "precious").read_text() == "precious"


@pytest.mark.parametrize("kind", ["directory", "fifo", "link"])
def test_what_was_swapped_in_before_the_second_look_is_not_touched(
    session: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def swap() -> None:
        (session / VICTIM).unlink()
        if kind == "directory":
            (session / VICTIM).mkdir()
        elif kind == "fifo":
            os.mkfifo(session / VICTIM)
        else:
            (session / VICTIM).symlink_to("creds.json")

    just_before(monkeypatch, "lstat", VICTIM, swap)
    result = clean(session)
    assert os.path.lexists(session / VICTIM)
    assert (result.kept or {})["Changed"] == 1


def test_a_directory_swapped_in_at_the_last_moment_goes_back(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap() -> None:
        (session / VICTIM).unlink()
        (session / VICTIM).mkdir()
        (session / VICTIM / "inside").write_text("x")

    just_before(monkeypatch, "rename", VICTIM, swap)
    clean(session)
    assert (session / VICTIM / "inside").read_text() == "x"


def test_files_that_vanish_during_the_run_are_nobodys_trouble(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(monkeypatch, "rename", VICTIM, (session / VICTIM).unlink)
    just_before(
        monkeypatch, "lstat", "session-2219.0.json", (session / "session-2219.0.json").unlink
    )
    result = clean(session)
    assert (result.outcome, result.removed) == ("Completed", len(DUE) - 2)
    assert (result.kept or {})["Gone"] == 2


def test_a_hard_link_loses_its_name_here_and_nothing_else(session: Path, room: Path) -> None:
    os.link(session / VICTIM, room / "backup")
    result = clean(session)
    assert result.removed == len(DUE)
    assert (room / "backup").read_bytes() == content(VICTIM)
    assert result.freed_bytes == sum(len(content(name)) for name in DUE - {VICTIM})


def test_when_the_key_of_a_pair_changes_its_memory_file_stays_too(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(monkeypatch, "rename", own_key(), lambda: write_now(session / own_key()))
    result = clean(session)
    assert (session / own_key()).read_bytes() == b"fresh"
    assert (session / memory()).read_bytes() == content(memory())
    assert result.kept is not None
    assert (result.kept["Changed"], result.kept["WithItsPair"]) == (1, 1)


def test_a_pair_of_which_one_was_written_since_the_listing_is_not_moved_at_all(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    just_before(monkeypatch, "lstat", memory(), lambda: write_now(session / own_key()))
    just_before(monkeypatch, "rename", memory(), lambda: moved.append(memory()))
    result = clean(session)
    assert moved == []
    assert result.removed == len(DUE) - 2
    assert (session / own_key()).read_bytes() == b"fresh"


def test_a_key_written_while_its_memory_file_moved_is_not_moved_itself(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[str] = []
    just_before(monkeypatch, "rename", own_key(), lambda: moved.append(own_key()))
    just_after(monkeypatch, "rename", memory(), lambda: write_now(session / own_key()))
    result = clean(session)
    assert moved == []
    assert result.removed == len(DUE) - 2
    assert (session / own_key()).read_bytes() == b"fresh"
    assert (session / memory()).read_bytes() == content(memory())


def test_a_memory_file_does_not_come_back_beside_another_key_of_that_name(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The members named in the old memory file do not have the new key."""

    def replace() -> None:
        (session / "new").write_bytes(b"another key")
        (session / "new").rename(session / own_key())

    just_after(monkeypatch, "rename", memory(), replace)
    clean(session)
    assert (session / own_key()).read_bytes() == b"another key"
    assert not (session / memory()).exists()


def test_what_a_guard_protects_stays_even_if_a_plan_names_it(session: Path) -> None:
    """The code that removes asks the guards itself: a mistake in planning alone harms nobody."""
    wrong = {name for name in FILES if name not in DUE}

    def err(plan: Plan) -> None:
        device = session.stat().st_dev
        for unit, name in enumerate(sorted(wrong), 1_000):
            entry = entry_of(name, (session / name).lstat(), device)
            assert entry is not None
            plan.removals.append(Removal(entry, "Mistake", unit))

    result = clean(session, watch=err)
    assert result.removed == len(DUE)
    assert set(held(session)) == wrong
    assert {"ProtectedKind", "OwnDevice", "InUse", "OwnKeyInUse"} <= (result.kept or {}).keys()


def test_when_the_key_of_a_pair_vanishes_its_memory_file_goes(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    just_before(monkeypatch, "rename", own_key(), (session / own_key()).unlink)
    clean(session)
    assert no_memory_without_its_key(session)


def test_when_a_pair_is_renewed_during_the_run_both_new_files_stay(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renew() -> None:
        write_now(session / own_key())
        write_now(session / memory())

    just_before(monkeypatch, "rename", own_key(), renew)
    clean(session)
    assert (session / own_key()).read_bytes() == b"fresh"
    assert (session / memory()).read_bytes() == b"fresh"


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


def test_a_janitor_directory_that_is_not_ones_own_is_refused(session: Path, room: Path) -> None:
    (room / "elsewhere").mkdir()
    (session / ".janitor").symlink_to(room / "elsewhere")
    result = clean(session)
    assert (result.outcome, result.code) == ("Refused", "JanitorRefused")
    assert not list((room / "elsewhere").iterdir())
    assert set(held(session)) == set(FILES)


def test_without_hard_links_files_go_back_all_the_same(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*paths: object, **more: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", no_links)
    just_before(monkeypatch, "rename", VICTIM, lambda: write_now(session / VICTIM))
    clean(session)
    assert (session / VICTIM).read_bytes() == b"fresh"
    with opened(session) as directory:
        run = os.open(session / ".janitor" / "trash" / "r1", os.O_RDONLY)
        (session / "session-2219.0.json").write_bytes(b"newer")
        assert trashes.put_back(directory, run, "session-2219.0.json") == trashes.EXISTS
        assert trashes.put_back(directory, run, "nothing") == trashes.VANISHED
        os.close(run)
    assert (session / "session-2219.0.json").read_bytes() == b"newer"


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


def write_now(path: Path) -> None:
    path.write_bytes(b"fresh")


def test_building_again_over_a_cleaned_directory_gives_the_same_plan(session: Path) -> None:
    clean(session)
    build(session)
    assert clean(session, "r2").removed == len(DUE)


def test_a_file_that_changed_since_the_listing_never_leaves_its_place(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even for the moment of a move and a put-back the library would miss it."""
    still_old = NOW - 30 * 86400
    just_before(monkeypatch, "lstat", VICTIM, lambda: write(session / VICTIM, b"x", still_old))
    real, moved = os.rename, []

    def rename(name: str, *rest: object, **more: object) -> None:
        moved.append(name)
        real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", rename)
    assert clean(session).removed == len(DUE) - 1
    assert VICTIM not in moved
