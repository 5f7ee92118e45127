"""A repair moves one contact's files by the way of every cleanup: it can be undone, and killed at any step."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

import baileys_janitor.volume.contacts.repair  # noqa: F401  # imported before the children are made
from baileys_janitor.policy.contact.hashes import contact_hash
from baileys_janitor.policy.contact.request import Request
from baileys_janitor.policy.files.identity import read_identity
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.contacts.contact_key import contact_key, read_contact_key
from baileys_janitor.volume.contacts.repair import Repairing
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.state_files import owners_of
from baileys_janitor.volume.report.run_results import CleanResult
from baileys_janitor.volume.runs.journal import Journal
from baileys_janitor.volume.scanning import credentials as credentials_module
from baileys_janitor.volume.scanning.look_again import CameBack, Seen, came_back
from tests.all_checks import steps
from tests.volume.directories import (
    DAY,
    FILES,
    GROUP,
    HOUR,
    NOW,
    OWN,
    OWN_LID,
    build,
    content,
    credentials,
    held,
    in_trash,
    memory,
    no_memory_without_its_key,
    opened,
    own_key,
    scratch,
    trashed,
    write,
)
from tests.volume.forging import KINDS
from tests.volume.interference import clean, just_after, just_before, purge, undo
from tests.volume.test_kill import survives

PHONE, LID = "447700900123", "250000000000123"
CONTACT = Request(phone=PHONE)
THEIRS = {
    f"session-{PHONE}.0.json": HOUR,
    f"session-{LID}_1.0.json": 10.0,
    f"session-{LID}_1.12.json": 40 * DAY,
    f"session-{PHONE}-5.0.json": 2 * DAY,
}
AROUND = {
    f"session-{PHONE}1.0.json": HOUR,
    f"device-list-{PHONE}.json": DAY,
    f"identity-key-{LID}_1.0.json": DAY,
    f"sender-key-{GROUP}--{LID}_1--0.json": HOUR,
    f"sender-key-{GROUP}--{PHONE}--3.json": HOUR,
}
MAPPINGS = {f"lid-mapping-{PHONE}.json": LID, f"lid-mapping-{LID}_reverse.json": PHONE}
AUTHOR = {name for name in AROUND if name.startswith("sender-key")}
OWN_UNIT = {memory(), own_key()}


#: Fewer files for what is done hundreds of times.
FEW = {name: FILES[name] for name in ("creds.json", f"session-{OWN}.4.json", own_key(), memory())}


def furnish(path: Path, files: dict[str, float] = FILES) -> Path:
    """A session directory with one contact under its number and its LID."""
    build(path, {**files, **THEIRS, **AROUND})
    for name, user in MAPPINGS.items():
        write(path / name, f'"{user}"'.encode(), NOW - 30 * DAY)
    return path


@pytest.fixture
def session(room: Path) -> Path:
    return furnish(room / "session")


def repair(path: Path, request: Request = CONTACT, run: str = "r1", **more: object) -> CleanResult:
    with opened(path) as directory:
        return sessions.repair(directory, request, run=run, now=NOW, **more)  # type: ignore[arg-type]


def dry_run(path: Path, request: Request = CONTACT) -> CleanResult:
    with opened(path) as directory:
        return Repairing(directory, request, "r1", now=NOW).dry_run()


def look_again(path: Path, run: str = "r1") -> CameBack:
    with opened(path) as directory:
        return came_back(directory, run, read_identity(credentials()).owns)


@pytest.mark.parametrize(
    ("request_", "goes"),
    [
        (CONTACT, {*THEIRS}),
        (Request(lid=LID), {*THEIRS}),
        (Request(group=GROUP), OWN_UNIT),
        (Request(group=GROUP, phone=PHONE), AUTHOR),
        (
            Request(group=GROUP, all_authors=True),
            AUTHOR | {f"sender-key-{GROUP}--33{n:02}_1--0.json" for n in range(1, 9)},
        ),
    ],
    ids=["contact", "lid", "own key", "author", "all authors"],
)
def test_what_was_named_moves_whatever_its_age_and_an_undo_puts_every_byte_back(
    session: Path, request_: Request, goes: set[str]
) -> None:
    before = held(session)
    planned = dry_run(session, request_)
    assert (planned.outcome, planned.removed, held(session)) == ("DryRun", len(goes), before)
    result = repair(session, request_)
    assert (result.outcome, result.removed, result.in_trash) == ("Completed", len(goes), len(goes))
    assert trashed(session).keys() == goes
    assert held(session) == {name: data for name, data in before.items() if name not in goes}
    assert undo(session).restored == len(goes)
    assert held(session) == before


def test_a_dry_run_writes_nothing_at_all(session: Path) -> None:
    before = {each.name: each.lstat().st_mtime_ns for each in session.iterdir()}
    dry_run(session)
    assert {each.name: each.lstat().st_mtime_ns for each in session.iterdir()} == before


def test_the_journal_has_it_as_a_repair_without_a_number(session: Path) -> None:
    repair(session)
    with opened(session) as directory:
        run = Journal(directory, owners_of(directory)).runs["r1"]
    assert (run.reason, run.result and run.result.removed) == ("Repair", len(THEIRS))
    journal = (session / ".janitor~journal").read_text()
    assert PHONE not in journal
    assert LID not in journal


def test_a_repair_purges_nothing_that_waits_for_its_undo(session: Path) -> None:
    clean(session, "old")
    old = trashed(session)
    with opened(session) as directory:
        done = sessions.repair(directory, CONTACT, run="r1", now=NOW + 90 * DAY)
    assert done.removed == len(THEIRS.keys() - old.keys())
    assert old.items() <= trashed(session).items()


def test_a_run_id_serves_once(session: Path) -> None:
    assert repair(session).removed == len(THEIRS)
    again = repair(session, Request(group=GROUP))
    assert (again.outcome, again.removed) == ("Repeated", len(THEIRS))
    assert held(session).keys() >= OWN_UNIT


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request(phone=OWN), "OwnUser"),
        (Request(lid=OWN_LID), "OwnUser"),
        (Request(phone="4915"), "NothingFound"),
        (Request(digest="0" * 16), "NoContactKey"),
    ],
)
def test_a_refusal_is_a_result_and_moves_nothing(
    session: Path, request_: Request, code: str
) -> None:
    before = held(session)
    assert (repair(session, request_).code, dry_run(session, request_).code) == (code, code)
    assert held(session) == before
    assert trashed(session) == {}


def test_an_own_number_behind_a_mapping_is_refused(session: Path) -> None:
    write(session / f"lid-mapping-{PHONE}.json", f'"{OWN_LID}"'.encode(), NOW)
    assert repair(session).code == "OwnUser"


@pytest.mark.parametrize("data", [b"", b"{", b"{}"], ids=["empty", "cut", "unpaired"])
def test_without_a_paired_identity_a_directory_is_left_without_a_trace(
    session: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials_module, "PAUSES_SECONDS", (0.0, 0.0))
    (session / "creds.json").write_bytes(data)
    before = held(session)
    assert repair(session).outcome == "Refused"
    assert held(session) == before
    assert not list(session.glob(".janitor~*"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_mapping_that_is_no_plain_file_says_nothing(session: Path, kind: str) -> None:
    if kind == "a file of another user" and os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    path = session / f"lid-mapping-{PHONE}.json"
    path.unlink()
    KINDS[kind](path)
    repair(session)
    moved = {each.name.rpartition("~")[2] for each in session.glob(".janitor~run~*")}
    assert moved == {f"session-{PHONE}.0.json", f"session-{PHONE}-5.0.json"}


def test_a_session_written_while_it_moves_stays(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"session-{LID}_1.0.json"
    just_before(monkeypatch, "rename", name, lambda: (session / name).write_bytes(b"fresh"))
    result = repair(session)
    assert (result.removed, result.kept) == (len(THEIRS) - 1, {"Changed": 1})
    assert held(session)[name] == b"fresh"


def test_a_memory_does_not_go_without_its_key_nor_a_key_without_its_memory(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = own_key()
    just_before(monkeypatch, "rename", name, lambda: (session / name).write_bytes(b"fresh"))
    repair(session, Request(group=GROUP))
    assert {*OWN_UNIT} <= held(session).keys()
    assert held(session)[name] == b"fresh"


# Killed


GROUP_AND_CONTACT = (CONTACT, Request(group=GROUP))


@pytest.mark.parametrize("request_", GROUP_AND_CONTACT, ids=["contact", "own key"])
def test_killed_at_every_step_nothing_is_lost_and_the_next_run_goes_on(request_: Request) -> None:
    goes = {*THEIRS} if request_ is CONTACT else OWN_UNIT
    for step in steps(3):
        with scratch() as room:
            path = furnish(room / "session", FEW)
            before = held(path)
            through = survives(lambda path=path: repair(path, request_), step)
            assert {**trashed(path), **held(path)} == before
            assert no_memory_without_its_key(path)
            again = repair(path, request_)
            second = repair(path, request_, "r2")
            assert again.outcome in ("Completed", "Repeated")
            assert second.code in (None, "NothingFound")
            assert {**trashed(path), **held(path)} == before
            assert trashed(path).keys() == goes
            for run in ("r2", "r1"):
                undo(path, run)
            assert held(path) == before
            if through:
                break
    assert step > 20


# The key for hashes


def test_a_contact_is_found_by_its_hash(session: Path) -> None:
    with opened(session) as directory:
        key = contact_key(directory, now=NOW)
        assert contact_key(directory, now=NOW) == key == read_contact_key(directory)
    found = session / ".janitor~key"
    assert (found.stat().st_mode & 0o777, len(key)) == (0o600, 32)
    for user in (PHONE, f"{LID}_1"):
        assert repair(session, Request(digest=contact_hash(key, user)), f"r{user}").removed == 4
        undo(session, f"r{user}")
    assert repair(session, Request(digest="0" * 16)).code == "HashUnknown"


@pytest.mark.parametrize("data", [b"", b"ab", b"x" * 64, b"0" * 65, b"0" * 4096])
def test_a_key_that_was_cut_or_forged_is_no_key_and_is_made_anew(
    session: Path, data: bytes
) -> None:
    (session / ".janitor~key").write_bytes(data)
    with opened(session) as directory:
        assert read_contact_key(directory) is None
        key = contact_key(directory, now=NOW)
        assert read_contact_key(directory) == key


def test_something_else_under_the_keys_name_is_refused_and_left_alone(session: Path) -> None:
    (session / ".janitor~key").symlink_to("creds.json")
    with opened(session) as directory, pytest.raises(VolumeProblem, match=r"\.janitor~"):
        contact_key(directory, now=NOW)
    assert (session / ".janitor~key").is_symlink()


def test_making_the_key_can_be_killed_at_every_step() -> None:
    def make(path: Path) -> bytes:
        with opened(path) as directory:
            return contact_key(directory, now=NOW)

    for step in range(1, 100):
        with scratch() as room:
            path = furnish(room / "session", FEW)
            before = held(path)
            through = survives(lambda path=path: make(path), step)
            assert make(path) == make(path)
            assert held(path) == before
            if through:
                break
    assert step > 5


# Looking again


def record(*base_keys: str) -> bytes:
    """A session's record as the library writes it: its sessions by the key that they began with."""
    sessions_ = {key: {"registrationId": 1, "indexInfo": {"closed": -1}} for key in base_keys}
    return json.dumps({"_sessions": sessions_, "version": "v1"}).encode()


def sender_key(*signing: str, iteration: int = 0) -> bytes:
    states = [
        {
            "senderKeyId": 7,
            "senderChainKey": {"iteration": iteration},
            "senderSigningKey": {"public": {"type": "Buffer", "data": each}},
        }
        for each in signing
    ]
    data = base64.b64encode(json.dumps(states).encode()).decode()
    return json.dumps({"type": "Buffer", "data": data}).encode()


@pytest.mark.parametrize(
    ("was", "now", "old"),
    [
        (record("a"), record("a"), True),
        (record("a", "b"), record("b", "c"), True),
        (record("a"), record("c"), False),
        (b"", record("c"), False),
        (b"garbage", record("c"), False),
        (b"garbage", b"garbage", True),
        (record("a"), b"garbage", True),
        (record("a"), b"", True),
    ],
)
def test_a_session_that_came_back_is_told_from_one_that_was_built_anew(
    session: Path, was: bytes, now: bytes, old: bool
) -> None:
    name = f"session-{LID}_1.0.json"
    write(session / name, was, NOW - DAY)
    repair(session)
    assert (look_again(session).old, look_again(session).anew) == (0, 0)
    (session / name).write_bytes(now)
    found = look_again(session)
    assert (found.old, found.anew) == ((1, 0) if old else (0, 1))


@pytest.mark.parametrize(("now", "old"), [("a", True), ("b", False)])
def test_the_own_key_is_told_by_what_it_signs_with(session: Path, now: str, old: bool) -> None:
    write(session / own_key(), sender_key("a"), NOW - DAY)
    repair(session, Request(group=GROUP))
    (session / own_key()).write_bytes(sender_key(now, iteration=5))
    (session / memory()).write_bytes(content(memory()))
    found = look_again(session)
    assert (found.old, found.anew) == ((1, 0) if old else (0, 1))


def test_an_authors_key_comes_again_from_its_author(session: Path) -> None:
    [name, other] = sorted(AUTHOR)
    write(session / name, sender_key("a"), NOW - DAY)
    repair(session, Request(group=GROUP, phone=PHONE))
    (session / name).write_bytes(sender_key("a", iteration=3))
    (session / other).write_bytes(in_trash(session, other).read_bytes())
    found = look_again(session)
    assert (found.old, found.anew) == (1, 1)


def test_a_file_that_came_back_during_the_run_is_counted(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"session-{LID}_1.0.json"
    just_after(monkeypatch, "rename", name, lambda: (session / name).write_bytes(b"cached"))
    assert repair(session).returned == 1
    assert undo(session).kept == {"NewerExists": 1}


def test_what_was_put_back_and_written_to_since_is_told(session: Path) -> None:
    names = [*THEIRS, "creds.json", "gone.json"]
    with opened(session) as directory:
        seen = Seen(directory, names)
        assert seen.written_since(directory) == []
        (session / names[0]).write_bytes(b"the bot wrote")
        (session / names[1]).unlink()
        write(session / "gone.json", b"new", NOW)
        assert seen.written_since(directory) == [names[0], "gone.json"]


def test_a_purged_run_says_nothing(session: Path) -> None:
    repair(session)
    purge(session)
    found = look_again(session)
    assert (found.old, found.anew) == (0, 0)


def test_a_record_that_was_used_is_told_from_one_that_was_replaced(session: Path) -> None:
    used, replaced, torn = sorted(THEIRS)[:3]
    for name in (used, replaced, torn):
        write(session / name, record("a"), NOW - DAY)
    with opened(session) as directory:
        seen = Seen(directory, [used, replaced, torn, memory()])
        write(session / used, record("a", "b"), NOW)
        write(session / replaced, record("c"), NOW)
        write(session / torn, b"", NOW)
        write(session / memory(), b"{}", NOW)
        assert seen.replaced(directory) == [replaced]
