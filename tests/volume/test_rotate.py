"""Rotating a session out of its directory, and rolling that back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.rotation import UNDO_SECONDS
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.files.rotation_record import parse_rotation
from baileys_janitor.volume.rotation.rollback import RollingBack
from baileys_janitor.volume.rotation.rotate import Rotating
from baileys_janitor.volume.runs.callbacks import go_on
from baileys_janitor.volume.runs.exclusive import ExclusiveAccess
from tests.pairings import whole
from tests.volume.directories import (
    DAY,
    NOW,
    build,
    credentials,
    held,
    in_trash,
    opened,
    trashed,
    write,
)
from tests.volume.interference import clean, just_after, just_before, purge, scan, undo
from tests.volume.rotations import UNPAIRED, roll_back, rotate
from tests.volume.test_hostile import KINDS, OUTCOMES, need_root
from tests.volume.test_kill import FEW

STAYS = {"lid-mapping-2201.json", "lid-mapping-3301_reverse.json", "notes.txt"}


def times(path: Path) -> dict[str, tuple[int, int]]:
    """Inode and modification time of each session file."""
    found = {name: (path / name).stat() for name in held(path)}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in found.items()}


def test_what_belongs_to_the_pairing_goes_and_mappings_and_unknown_files_stay(
    session: Path,
) -> None:
    before = held(session)
    result = rotate(session)
    assert (result.outcome, result.code, result.kept) == (
        "Completed",
        None,
        {"Carried": 2, "UnknownFile": 1},
    )
    assert held(session).keys() == STAYS
    assert {**trashed(session), **held(session)} == before
    assert result.removed == len(before) - len(STAYS)


def test_a_dry_run_changes_nothing_and_tells_the_same_numbers(session: Path) -> None:
    before = set(os.listdir(session))
    with opened(session) as directory:
        planned = Rotating(directory, "r1", now=NOW).dry_run()
    assert set(os.listdir(session)) == before
    done = rotate(session)
    assert planned.outcome == "DryRun"
    assert (planned.removed, planned.removed_by_kind, planned.kept) == (
        done.removed,
        done.removed_by_kind,
        done.kept,
    )


@pytest.mark.parametrize(
    ("creds", "code"),
    [
        (None, "CredentialsAbsent"),
        (UNPAIRED, "NotPaired"),
        (b'{"me": {"id"', "CredentialsCorrupt"),
    ],
    ids=["absent", "unpaired", "torn"],
)
def test_what_is_no_paired_session_is_not_rotated(
    session: Path, creds: bytes | None, code: str
) -> None:
    if creds is None:
        (session / "creds.json").unlink()
    else:
        (session / "creds.json").write_bytes(creds)
    before = set(os.listdir(session))
    result = rotate(session, pause=lambda _: None)
    assert (result.outcome, result.code) == ("Refused", code)
    assert set(os.listdir(session)) == before


def test_files_that_could_not_come_back_are_a_reason_to_move_none(session: Path) -> None:
    os.link(session / "session-2201.0.json", session.parent / "another name")
    before = held(session)
    assert rotate(session).code == "SeveralLinks"
    assert held(session) == before


def test_the_same_run_is_carried_out_once(session: Path) -> None:
    first = rotate(session)
    write(session / "creds.json", credentials("BBBB"), NOW)
    again = rotate(session)
    assert (again.outcome, again.code, again.removed) == ("Repeated", "Completed", first.removed)
    assert held(session)["creds.json"] == credentials("BBBB")


def test_a_rollback_brings_every_byte_time_and_inode_back(session: Path) -> None:
    before, written = held(session), times(session)
    rotate(session)
    result = roll_back(session)
    assert (result.outcome, result.code, result.restored) == ("Completed", None, len(before) - 3)
    assert (held(session), times(session)) == (before, written)
    assert trashed(session) == {}
    assert not list(session.glob(".janitor~rotated~*"))


def test_what_an_unpaired_process_wrote_moves_aside(session: Path) -> None:
    before = held(session)
    rotate(session)
    write(session / "creds.json", UNPAIRED, NOW)
    write(session / "pre-key-1.json", b"{}", NOW)
    result = roll_back(session)
    assert (result.outcome, result.taken_away) == ("Completed", 2)
    assert held(session) == before
    assert trashed(session) == {"creds.json": UNPAIRED, "pre-key-1.json": b"{}"}


@pytest.mark.parametrize(
    ("creds", "code"),
    [(credentials("BBBB"), "PairedSince"), (b'{"me": {"id"', "CredentialsCorrupt")],
    ids=["paired anew", "torn"],
)
def test_a_rotation_stays_once_somebody_was_or_may_have_been_paired_anew(
    session: Path, creds: bytes, code: str
) -> None:
    rotate(session)
    old = trashed(session)
    write(session / "creds.json", creds, NOW)
    result = roll_back(session, pause=lambda _: None)
    assert (result.outcome, result.code) == ("Refused", code)
    assert trashed(session) == old
    assert held(session)["creds.json"] == creds


@pytest.mark.parametrize(
    ("creds", "code"),
    [
        (credentials("BBBB"), "PairedSince"),
        (credentials("BBBB")[:-9], "StillWriting"),
        (b"", "StillWriting"),
    ],
    ids=["whole", "cut", "empty"],
)
def test_a_pairing_that_comes_about_in_that_very_moment_stands(
    session: Path, monkeypatch: pytest.MonkeyPatch, creds: bytes, code: str
) -> None:
    rotate(session)
    old = trashed(session)
    write(session / "creds.json", UNPAIRED, NOW)
    just_before(
        monkeypatch, "rename", "creds.json", lambda: write(session / "creds.json", creds, NOW)
    )
    result = roll_back(session)
    assert (result.outcome in ("Failed", "Refused"), result.code) == (True, code)
    assert held(session)["creds.json"] == creds
    assert trashed(session) == old


def test_a_process_that_was_not_stopped_keeps_its_session(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(session)
    name = "session-2203.0.json"
    just_before(monkeypatch, "rename", name, lambda: write(session / name, b"later", NOW))
    result = rotate(session)
    assert (result.outcome, result.code, result.removed) == ("Refused", "StillWriting", 0)
    assert held(session) == before | {name: b"later"}
    assert trashed(session) == {}
    assert rotate(session).outcome == "Completed", "the same run may be tried again"


def test_a_process_that_saves_its_credentials_during_a_rotation_keeps_its_session(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(session)
    newer = credentials(lastAccountSyncTimestamp=1)
    name = "session-2203.0.json"
    just_after(monkeypatch, "rename", name, lambda: write(session / "creds.json", newer, NOW))
    assert rotate(session).code == "StillWriting"
    assert held(session) == before | {"creds.json": newer}


def test_a_process_that_writes_right_afterwards_gets_its_session_back(session: Path) -> None:
    before = held(session)
    newer = credentials(lastAccountSyncTimestamp=1)

    def write_once(_: float) -> None:
        if not (session / "creds.json").exists():
            write(session / "creds.json", newer, NOW)

    result = rotate(session, pause=write_once, watch_after=4)
    assert (result.outcome, result.code) == ("Refused", "StillWriting")
    assert held(session) == before | {"creds.json": newer}


def test_a_process_that_begins_anew_right_afterwards_is_none_that_was_not_stopped(
    session: Path,
) -> None:
    def begin(_: float) -> None:
        if not (session / "creds.json").exists():
            write(session / "creds.json", UNPAIRED, NOW)

    assert rotate(session, pause=begin, watch_after=4).outcome == "Completed"
    assert held(session).keys() == STAYS | {"creds.json"}


def test_nothing_begins_while_somebody_writes(session: Path) -> None:
    before = held(session)
    count: list[int] = []

    def write_on(_: float) -> None:
        count.append(1)
        write(session / "session-2203.0.json", b"%d" % len(count), NOW + len(count))

    result = rotate(session, pause=write_on, watch=60)
    assert (result.outcome, result.code) == ("Refused", "StillWriting")
    assert set(os.listdir(session)) == before.keys(), "not even a lock was made"


def test_a_session_that_its_process_has_written_anew_gets_the_rest_back(session: Path) -> None:
    before = held(session)
    rotate(session)
    newer = {
        "creds.json": credentials(lastAccountSyncTimestamp=1),
        "session-2203.0.json": b"later",
    }
    for name, data in newer.items():
        write(session / name, data, NOW)
    result = roll_back(session)
    assert (result.outcome, result.kept) == ("Capped", {"NewerExists": 2})
    assert held(session) == before | newer


def test_a_process_that_writes_over_what_came_back_is_told_and_a_copy_is_there(
    session: Path,
) -> None:
    write(session / "creds.json", whole(), NOW)
    rotate(session)

    def write_over(_: float) -> None:
        if (session / "creds.json").exists():
            write(session / "creds.json", UNPAIRED, NOW + 1)

    result = roll_back(session, pause=write_over, watch_after=4)
    assert (result.outcome, result.code) == ("Failed", "WrittenOver")
    assert [each.read_bytes() for each in session.glob(".janitor~creds~*")] == [whole()]


def test_an_undo_does_not_take_a_rotation_back(session: Path) -> None:
    rotate(session)
    old = trashed(session)
    assert [undo(session, run).code for run in (None, "r1")] == ["IsRotation", "IsRotation"]
    assert trashed(session) == old


def test_a_cleanup_before_the_rotation_can_be_undone_after_the_rollback(session: Path) -> None:
    before = held(session)
    clean(session, "c1")
    rotate(session)
    roll_back(session)
    assert undo(session, "c1").outcome == "Completed"
    assert held(session) == before


def test_where_nothing_was_rotated_nothing_comes_back(session: Path) -> None:
    before = set(os.listdir(session))
    assert roll_back(session).code == "NothingRotated"
    assert set(os.listdir(session)) == before
    clean(session, "c1")
    assert roll_back(session).code == "NothingRotated"
    assert roll_back(session, "c1").code == "RunUnknown"


@pytest.mark.parametrize("window", [0.0, float(DAY)])
def test_a_purge_leaves_a_rotation_until_its_own_time_is_over(session: Path, window: float) -> None:
    clean(session, "c1")
    rotate(session)
    rotated = {name for name in trashed(session) if in_trash(session, name).exists()}
    late = purge(session, window, NOW + UNDO_SECONDS - 1)
    assert late.runs == 1, "the cleanup's trash goes as it would"
    assert trashed(session).keys() == rotated
    assert scan(session).trash_runs == 0, "nothing is there for a purge"
    assert scan(session).trash_files == len(rotated)
    over = purge(session, window, NOW + UNDO_SECONDS)
    assert (over.runs, trashed(session)) == (1, {})
    assert not list(session.glob(".janitor~rotated~*"))
    assert roll_back(session, "r1").code == "RunPurged"


def test_what_needs_room_in_the_trash_takes_none_of_a_rotation(session: Path) -> None:
    cleaned = clean(session, "c1")
    rotate(session)
    with (
        opened(session) as directory,
        ExclusiveAccess(
            directory, now=NOW, undo_window=None, holder="a test", stop=go_on
        ) as access,
    ):
        assert access.purging().keep_at_most(access.listing.own, 0).files == cleaned.removed
        access.list_again()
        assert access.purging().purge(access.listing.own, everything=True).files == 0
        assert access.purging().purge_ended(access.listing.own).files == 0, "nor does a full disk"
    assert roll_back(session).outcome == "Completed"


@pytest.mark.parametrize(
    "head",
    [b"janitor-rotation 1 5 9999999999999\n", b"janitor-rotation 1 5\n", b"", b"janitor-plan 2 "],
)
def test_a_forged_record_is_none(session: Path, head: bytes) -> None:
    rotate(session)
    record = next(session.glob(".janitor~rotated~*"))
    body = record.read_bytes().partition(b"\n")[2]
    assert parse_rotation("r1", head + body) is None
    record.write_bytes(head + body)
    assert roll_back(session).code == "RunPurged"


def test_a_record_that_asks_for_ever_keeps_nothing(session: Path) -> None:
    rotate(session)
    record = next(session.glob(".janitor~rotated~*"))
    body = record.read_bytes().partition(b"\n")[2]
    record.write_bytes(b"janitor-rotation 1 %d %d\n" % (NOW, NOW + 400 * DAY) + body)
    purge(session, 0.0, NOW)
    assert trashed(session) == {}


def by_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a file system that can link and cannot rename without replacing."""

    def cannot(*_: object) -> None:
        raise OSError(noreplace.UNSUPPORTED[0], "not here")

    monkeypatch.setattr(noreplace, "rename_no_replace", cannot)


def test_it_works_where_files_can_only_be_linked(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_links(monkeypatch)
    before = held(session)
    assert rotate(session).outcome == "Completed"
    assert held(session).keys() == STAYS
    assert roll_back(session).outcome == "Completed"
    assert held(session) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_finds_its_own_journal_in_a_directory_of_roots_that_holds_anothers_session(
    session: Path,
) -> None:
    for each in session.iterdir():
        os.chown(each, 1234, 1234)
    before = held(session)
    assert rotate(session).outcome == "Completed"
    assert roll_back(session).outcome == "Completed"
    assert held(session) == before


def test_looking_at_a_rollback_changes_nothing(session: Path) -> None:
    rotate(session)
    write(session / "creds.json", UNPAIRED, NOW)
    before = set(os.listdir(session))
    with opened(session) as directory:
        looked = RollingBack(directory, now=NOW).look()
        planned = RollingBack(directory, now=NOW).dry_run()
    assert set(os.listdir(session)) == before
    assert (looked.run, looked.refused, looked.aside) == ("r1", None, 1)
    assert looked.until == NOW + UNDO_SECONDS
    assert (planned.outcome, planned.restored) == ("DryRun", looked.files)
    assert roll_back(session).restored == looked.files


def stop_at_once() -> str | None:
    return "Interrupted"


def test_what_is_asked_to_end_before_it_began_moves_nothing(session: Path) -> None:
    before = held(session)
    stopping: Callable[[], str | None] = stop_at_once
    assert rotate(session, stop=stopping).outcome == "Capped"
    assert held(session) == before
    rotate(session)
    assert roll_back(session, stop=stopping).outcome == "Capped"
    assert held(session).keys() == STAYS


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_bears_one_of_our_names_loses_nothing(room: Path, kind: str) -> None:
    if "another user" in kind:
        need_root()
    names = (
        "rotated~r1",
        "run~r1~creds.json",
        "run~r1~session-2203.0.json",
        "run~r1-new~creds.json",
    )
    for number, name in enumerate(names):
        session = build(room / f"session{number}", FEW)
        before = held(session)
        KINDS[kind](session / f".janitor~{name}")
        for act in (rotate, roll_back, rotate, lambda path: roll_back(path, "r1"), purge):
            assert act(session).outcome in OUTCOMES, name
            there = {each for each in before if reads(session / each, before[each])}
            lost = before.keys() - there
            assert all(reads(in_trash(session, each), before[each]) for each in lost), name
            assert "creds.json" in lost or not lost, name


def reads(path: Path, data: bytes) -> bool:
    """Whether a regular file holds just these bytes, however large it claims to be."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(data) + 1) == data


def test_a_name_that_claims_to_be_a_rotations_record_ends_no_undo_early(session: Path) -> None:
    clean(session, "c1")
    (session / ".janitor~rotated~c1").write_text("nothing")
    purge(session, DAY, NOW + 1)
    assert undo(session, "c1").outcome == "Completed"
