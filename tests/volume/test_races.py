"""What others do to a directory while a run is at work on it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from baileys_janitor.policy.cleanup.plan import Plan, Removal
from baileys_janitor.volume.files.read import entry_of
from tests.volume.directories import (
    DUE,
    FILES,
    content,
    held,
    in_trash,
    memory,
    no_memory_without_its_key,
    own_key,
    trashed,
)
from tests.volume.interference import VICTIM, clean, just_after, just_before, write_now


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
        lambda: write_now(in_trash(session, VICTIM)),
    )
    result = clean(session)
    assert (session / VICTIM).read_bytes() == b"fresh"
    assert result.removed == len(DUE) - 1


def test_a_newer_file_of_that_name_is_never_replaced(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changed, has moved, and must go back; but the library has made a new one already."""

    def change_and_make_new() -> None:
        write_now(in_trash(session, VICTIM))
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


def test_a_file_with_several_links_stays(session: Path, room: Path) -> None:
    """An undo could not tell whose file such a name leads to."""
    os.link(session / VICTIM, room / "backup")
    result = clean(session)
    assert result.removed == len(DUE) - 1
    assert (result.kept or {})["SeveralLinks"] == 1
    assert (room / "backup").read_bytes() == (session / VICTIM).read_bytes() == content(VICTIM)


def test_a_name_in_the_trash_that_is_the_same_file_already_changes_nothing(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renaming one of two names of a file onto the other does nothing, and says that it did."""
    planted = in_trash(session, VICTIM)
    just_before(monkeypatch, "rename", VICTIM, lambda: os.link(session / VICTIM, planted))
    clean(session)
    assert (session / VICTIM).read_bytes() == content(VICTIM)


@pytest.mark.parametrize("gone", [".janitor~plan~r1", ".janitor~journal"])
def test_a_run_whose_state_vanishes_stops_and_makes_nothing_anew(
    session: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    just_before(monkeypatch, "rename", VICTIM, (session / gone).unlink)
    result = clean(session)
    assert (result.outcome, result.code) == ("Failed", "StateVanished")
    assert not (session / gone).exists()
    assert not (session / ".cleanup.lock").exists()
    assert result.removed < len(DUE)


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
