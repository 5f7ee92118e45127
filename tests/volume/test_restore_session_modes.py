"""The other modes, kept copies, and what an attacker may bring: an archive, a record, names of any kind."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.archives.archived import ArchivedFile
from baileys_janitor.policy.files.strict_json import MAX_PARSED_BYTES
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations
from baileys_janitor.volume.copies.credential_copies import keep_if_due
from baileys_janitor.volume.files.run_plan import Planned, plan_bytes
from baileys_janitor.volume.scanning import credentials
from tests.archived import COMES_BACK, CONTENT, archived, record
from tests.pairings import buffer, pair, whole
from tests.volume.directories import DAY, HOUR, NOW, held, opened, scratch, trashed, write
from tests.volume.test_restore_session import (
    FINGERPRINT,
    TORN,
    look,
    own_names,
    raised,
    restore,
    undo,
)

MIGRATION: dict[str, Any] = {
    "mode": "Whole",
    "source": archived(CONTENT, NOW - DAY, quiesced=True),
    "acknowledged": ["NothingRanSince"],
}


@pytest.fixture(autouse=True)
def _a_torn_file_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


@pytest.fixture
def session(room: Path) -> Path:
    path = room / "session"
    path.mkdir()
    return path


def with_a_kept_copy(path: Path, data: bytes) -> Path:
    """A session whose credentials were kept and then torn."""
    write(path / "creds.json", data, NOW - HOUR)
    with opened(path) as directory:
        assert keep_if_due(directory, now=NOW - HOUR).outcome == "Kept"
    write(path / "creds.json", TORN, NOW - HOUR / 2)
    return path


def test_a_migration_brings_everything_as_it_was(session: Path) -> None:
    result = restore(session, **MIGRATION)
    assert (result.outcome, held(session)) == ("Completed", CONTENT)
    assert (session / "creds.json").stat().st_mtime == NOW - DAY - HOUR
    assert result.told == []


def test_a_migration_that_was_cut_short_is_gone_on_with_and_undone(session: Path) -> None:
    restore(session, **MIGRATION)
    for name in list(CONTENT)[::2]:
        (session / name).unlink()
    assert restore(session, "r2", **MIGRATION).outcome == "Completed"
    assert held(session) == CONTENT
    assert restore(session, "r3", **MIGRATION).outcome == "NothingToDo"
    for run in ("r2", "r1"):
        assert undo(session, run).code is None
    assert held(session) == {}


@pytest.mark.parametrize("name", ["session-2201.0.json", "session-2277.0.json", "creds.json"])
def test_a_migration_is_refused_where_a_process_has_written_since(session: Path, name: str) -> None:
    restore(session, **MIGRATION)
    data = whole(nextPreKeyId=36) if name == "creds.json" else record(8, -1)
    write(session / name, data, NOW - HOUR)
    (session / "pre-key-30.json").unlink()
    before = held(session)
    assert restore(session, "r2", **MIGRATION).code == "NotAsArchived"
    assert held(session) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": archived(CONTENT, NOW - DAY)}, "NotQuiesced"),
        ({"acknowledged": []}, "NothingRanSince"),
        ({"expected": ""}, "IdentityUnknown"),
        ({"expected": "0" * 16}, "FingerprintDiffers"),
    ],
)
def test_a_migration_needs_a_stopped_process_and_a_persons_word(
    session: Path, changes: dict[str, Any], code: str
) -> None:
    assert restore(session, **{**MIGRATION, **changes}).code == code
    assert held(session) == {}


def test_the_credentials_alone_come_back_beside_files_that_stay(session: Path) -> None:
    write(session / "session-2201.0.json", record(-1), NOW - HOUR)
    write(session / "creds.json", TORN, NOW - HOUR)
    result = restore(session, mode="Credentials")
    assert (result.outcome, result.restored_by_kind) == ("Completed", {"creds": 1})
    assert held(session) == {
        "creds.json": raised(CONTENT["creds.json"]),
        "session-2201.0.json": record(-1),
    }
    undo(session)
    assert held(session)["creds.json"] == TORN


def test_a_kept_copy_tells_whose_session_it_is(session: Path) -> None:
    with_a_kept_copy(session, whole())
    assert restore(session, expected="").outcome == "Completed"
    assert held(session).keys() == COMES_BACK


def test_an_archive_of_the_right_fingerprint_and_other_secrets_is_refused(session: Path) -> None:
    with_a_kept_copy(session, whole())
    forged = {**CONTENT, "creds.json": whole(advSecretKey="forged")}
    source = archived(forged, NOW - DAY)
    assert source.identity.fingerprint == FINGERPRINT
    result = restore(session, source=source, content=forged, expected=FINGERPRINT)
    assert (result.outcome, result.code) == ("Refused", "AnotherPairing")
    assert held(session) == {"creds.json": TORN}


def test_a_copy_with_a_newer_signed_pre_key_must_be_acknowledged(session: Path) -> None:
    rotated = {"keyPair": pair("new"), "signature": buffer("s"), "keyId": 2}
    with_a_kept_copy(session, whole(signedPreKey=rotated))
    assert restore(session).code == "SignedPreKeyRotated"
    done = restore(session, "r2", acknowledged=["SignedPreKeyRotated"])
    assert done.outcome == "Completed"


def test_the_journal_tells_whose_session_it_was(session: Path) -> None:
    """A restore that a person has approved is known to the next one, until another identity follows."""
    restore(session)
    for name in COMES_BACK:
        (session / name).unlink()
    assert restore(session, "r2", expected="").outcome == "Completed"
    write(session / "creds.json", whole("b"), NOW - HOUR)
    write(session / "session-2201.0.json", b"{}", NOW - 90 * DAY)
    with opened(session) as directory:
        operations.clean(directory, DEFAULTS, run="c1", now=NOW)
    (session / "creds.json").unlink()
    assert restore(session, "r3", expected="").code == "AnotherIdentity"


def test_what_the_caller_knows_counts_as_well(session: Path) -> None:
    assert look(session, expected="", known=[(int(NOW), FINGERPRINT)]).plan.refused is None
    assert look(session, expected="", known=[(int(NOW), "0" * 16)]).plan.refused == (
        "AnotherIdentity"
    )
    outlook = look(session, expected="")
    assert (outlook.plan.refused, outlook.plan.fingerprint) == ("IdentityUnknown", FINGERPRINT)


def lying(**changes: bytes | None) -> dict[str, Any]:
    """An archive whose list does not say what its files hold: a restore of it."""
    content = {name: data for name, data in {**CONTENT, **changes}.items() if data is not None}
    return {"source": archived(CONTENT, NOW - DAY), "content": content}


@pytest.mark.parametrize("data", [b'"2202"', b'"220100000000001" ', None, b""])
def test_content_that_is_not_what_the_list_says_stays_out_alone(
    session: Path, data: bytes | None
) -> None:
    result = restore(session, **lying(**{"lid-mapping-2201.json": data}))
    assert result.kept_back["ContentDiffers"] == {"lidMapping": 1}
    assert held(session).keys() == COMES_BACK - {"lid-mapping-2201.json"}


@pytest.mark.parametrize("data", [whole("b"), whole(nextPreKeyId=32), TORN, None])
def test_credentials_that_are_not_what_the_archive_says_are_refused(
    session: Path, data: bytes | None
) -> None:
    done = restore(session, **lying(**{"creds.json": data}))
    assert (done.outcome, done.code) == ("Refused", "NotWhole")
    if data is not None:
        source = dataclasses.replace(
            archived({**CONTENT, "creds.json": data}, NOW) if data != TORN else SOURCE,
            identity=SOURCE.identity,
            credentials=SOURCE.credentials,
        )
        content = {**CONTENT, "creds.json": data}
        again = restore(session, "r2", source=source, content=content)
        assert (again.outcome, again.code) == ("Refused", "NotWhole")
    assert held(session) == {}


SOURCE = archived(CONTENT, NOW - DAY)


def test_a_cut_file_of_an_archive_stays_out(session: Path) -> None:
    content = {**CONTENT, "device-list-2201.json": b'["0"'}
    assert restore(session, content=content).kept_back["ContentDiffers"] == {"deviceList": 1}


def test_a_session_too_large_to_be_read_stays_out(session: Path) -> None:
    large = record(-1, padding="x" * MAX_PARSED_BYTES)
    content = {**CONTENT, "session-2201.0.json": large}
    result = restore(session, content=content)
    assert result.kept_back["SessionFormUnknown"] == {"session": 1}


def test_times_of_an_archive_never_lie_in_the_future(session: Path) -> None:
    source = archived(CONTENT, NOW + 90 * DAY, age=-40 * DAY)
    assert restore(session, source=source).outcome == "Completed"
    times = [each.stat().st_mtime for each in session.glob("session-*.json")]
    assert times
    assert all(each <= NOW for each in times)


BAD_NAMES = [
    "../session-1.0.json",
    "lid-mapping-../../../tmp/x.json",
    "device-list-a/b.json",
    "/etc/passwd",
    "",
    ".",
    "..",
    ".janitor~journal",
    ".janitor~run~r1~session-1.0.json",
    ".cleanup.lock",
    "tctoken-" + "x" * 250 + ".json",
    "session-\udcff.0.json",
    "notes.txt",
    "creds.json.bak",
]


def test_no_name_leads_out_of_the_directory_or_to_the_janitors_own_files(room: Path) -> None:
    path = room / "a" / "b" / "session"
    path.mkdir(parents=True)
    content = {**CONTENT, **dict.fromkeys(BAD_NAMES, b"{}")}
    before = sorted(each for each in room.rglob("*") if each != path)
    result = restore(path, content=content)
    assert result.outcome == "Completed"
    assert held(path).keys() == COMES_BACK
    assert sum(result.kept_back["UnknownFile"].values()) == len(BAD_NAMES)
    others = [each for each in room.rglob("*") if path not in (each, *each.parents)]
    assert sorted(others) == before


names = st.sampled_from(
    ["creds.json", "session-2299.0.json", "pre-key-30.json", "../creds.json", "notes.txt", ""]
)
numbers = st.integers(0, 2**33)


@pytest.fixture(scope="module")
def restored() -> Iterator[Path]:
    """A session that was restored, whose record anybody may forge."""
    with scratch() as room:
        path = room / "session"
        path.mkdir()
        write(path / "notes.txt", b"mine", NOW - HOUR)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))
            restore(path)
        yield path


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(
        plan_bytes,
        st.lists(st.builds(Planned, names, numbers, numbers, numbers, numbers), max_size=4),
        numbers,
    )
)
def test_a_record_of_any_bytes_takes_no_file_away_and_raises_nothing(
    restored: Path, data: bytes
) -> None:
    (restored / ".janitor~restored~r1").write_bytes(data)
    before = held(restored)
    result = undo(restored, "r1")
    assert held(restored) == before
    assert (result.restored, result.taken_away) == (0, 0)


def test_a_forged_record_names_files_of_the_library_alone(session: Path) -> None:
    restore(session)
    write(session / "notes.txt", b"mine", NOW - HOUR)
    found = (session / "notes.txt").stat()
    mine = Planned("notes.txt", 2, found.st_ino, found.st_mtime_ns, found.st_size)
    (session / ".janitor~restored~r1").write_bytes(plan_bytes([mine], int(NOW)))
    undo(session, "r1")
    assert (session / "notes.txt").read_bytes() == b"mine"


def test_the_record_holds_more_files_than_a_cleanup_may_take(session: Path) -> None:
    many = {f"lid-mapping-22{number:05}.json": b'"33"' for number in range(6_000)}
    result = restore(session, content={**CONTENT, **many})
    assert sum(result.restored_by_kind.values()) == len(COMES_BACK) + len(many)
    assert undo(session).taken_away == len(COMES_BACK) + len(many)
    assert held(session) == {}


def test_what_a_restore_left_is_purged_when_its_time_is_over(session: Path) -> None:
    write(session / "creds.json", TORN, NOW - HOUR)
    restore(session)
    with opened(session) as directory:
        operations.purge(directory, now=NOW + HOUR)
        assert own_names(session, "restored~") == [".janitor~restored~r1"]
        operations.purge(directory, now=NOW + 2 * DAY)
    assert own_names(session) == [".janitor~journal"]
    assert trashed(session) == {}
    assert undo(session, "r1").code == "RunPurged"


def test_a_cleanup_after_a_restore_can_be_undone_beside_it(session: Path) -> None:
    old = archived(CONTENT, NOW - DAY, age=40 * DAY)
    restore(session, source=old)
    with opened(session) as directory:
        operations.clean(directory, DEFAULTS, run="c1", now=NOW, undo_window=2 * DAY)
    assert undo(session, "c1").code is None
    assert held(session).keys() == COMES_BACK
    assert undo(session, "r1").taken_away == len(COMES_BACK)


def test_no_printed_form_holds_a_name(session: Path) -> None:
    outlook, result = look(session), restore(session)
    for each in (outlook, result, *outlook.plan.puts, ArchivedFile("x-22.json", 1, 1, 1, "")):
        assert "22" not in repr(each).replace(FINGERPRINT, "").replace("220", "")
        assert os.fsdecode(b"session-2201") not in repr(each)


def test_a_record_that_another_user_owns_takes_nothing_away_and_stops_nobody(
    session: Path,
) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    restore(session)
    os.chown(session / ".janitor~restored~r1", 4321, 4321)
    result = undo(session, "r1")
    assert (result.outcome, result.kept) == ("Capped", {"NotTheRemovedFile": 1})
    assert held(session).keys() == COMES_BACK
    with opened(session) as directory:
        assert operations.clean(directory, DEFAULTS, run="c1", now=NOW).outcome == "NothingToDo"
