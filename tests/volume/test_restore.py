"""Putting a kept copy of creds.json back: the old file or the new one, whole, whatever happens."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import baileys_janitor.volume.copies.restore  # noqa: F401  # imported before the children are made
from baileys_janitor.policy.settings import DEFAULTS
from baileys_janitor.volume import operations
from baileys_janitor.volume.copies import restore as module
from baileys_janitor.volume.copies.credential_copies import keep_if_due
from baileys_janitor.volume.copies.restore import Outlook, RestoreResult, Restoring
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.files.run_plan import Planned, plan_bytes
from baileys_janitor.volume.report.run_results import UndoResult
from baileys_janitor.volume.scanning import credentials
from tests.all_checks import steps
from tests.pairings import whole
from tests.volume.directories import DAY, HOUR, NOW, build, held, opened, scratch, trashed, write
from tests.volume.test_kill import CHANGING, survives

FILES = {"creds.json": HOUR, "pre-key-31.json": HOUR, "pre-key-40.json": HOUR}
TORN = b'{"noiseKey":{"pri'
COUNTERS = {"nextPreKeyId": 31, "firstUnuploadedPreKeyId": 31}
RAISED = 1040


@pytest.fixture(autouse=True)
def _a_torn_file_is_read_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "PAUSES_SECONDS", (0.0, 0.0))


def waits(seconds: float) -> None:
    """Time passes only in the tests."""


def broken(path: Path, torn: bytes | None = TORN) -> Path:
    """A session with a kept copy of its credentials, which were torn an hour later."""
    build(path, FILES)
    write(path / "creds.json", whole(**COUNTERS), NOW - 2 * HOUR)
    with opened(path) as directory:
        assert keep_if_due(directory, now=NOW - HOUR).outcome == "Kept"
    if torn is None:
        (path / "creds.json").unlink()
    else:
        write(path / "creds.json", torn, NOW - HOUR / 2)
    return path


@pytest.fixture
def session(room: Path) -> Path:
    return broken(room / "session")


def restore(path: Path, run: str = "r1", **more: Any) -> RestoreResult:
    with opened(path) as directory:
        return Restoring(directory, run, now=NOW, pause=waits, **more).apply()


def look(path: Path, **more: Any) -> Outlook:
    with opened(path) as directory:
        return Restoring(directory, "", now=NOW, pause=waits, **more).look()


def undo(path: Path, run: str | None = None) -> UndoResult:
    with opened(path) as directory:
        return operations.undo(directory, run, now=NOW)


def creds(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((path / "creds.json").read_bytes())
    return document


def is_restored(path: Path) -> bool:
    return (path / "creds.json").read_bytes() == whole(
        nextPreKeyId=RAISED, firstUnuploadedPreKeyId=RAISED
    )


def own_names(path: Path, part: str) -> list[str]:
    return [name for name in os.listdir(path) if name.startswith(".janitor~" + part)]


@pytest.mark.parametrize(
    "torn", [b"", TORN, None, whole(me=...)], ids=["empty", "cut", "missing", "unpaired"]
)
def test_a_copy_is_put_back_with_both_counters_above_every_id(
    room: Path, torn: bytes | None
) -> None:
    path = broken(room / "session", torn)
    others = {name: data for name, data in held(path).items() if name != "creds.json"}
    result = restore(path)
    assert (result.outcome, result.code) == ("Completed", None)
    assert is_restored(path)
    assert {name: data for name, data in held(path).items() if name != "creds.json"} == others
    assert trashed(path) == ({} if torn is None else {"creds.json": torn})
    assert own_names(path, "new~") == []
    assert not (path / ".cleanup.lock").exists()


def test_a_look_writes_nothing_and_says_what_would_be(session: Path) -> None:
    before = sorted(os.listdir(session))
    outlook = look(session)
    assert outlook.plan.refused is None
    assert outlook.plan.next_pre_key_id == RAISED
    assert outlook.state == "Corrupt"
    assert sorted(os.listdir(session)) == before


def test_owner_mode_and_age_are_the_old_ones(session: Path) -> None:
    os.chmod(session / "creds.json", 0o640)
    if os.geteuid() == 0:
        os.chown(session / "creds.json", 1234, 2345)
    before = os.stat(session / "creds.json")
    restore(session)
    after = os.stat(session / "creds.json")
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_a_missing_file_gets_owner_and_mode_of_those_beside_it(room: Path) -> None:
    path = broken(room / "session", None)
    for name in FILES:
        if name != "creds.json":
            os.chmod(path / name, 0o644)
            if os.geteuid() == 0:
                os.chown(path / name, 1234, 2345)
    for copy in own_names(path, "creds~"):
        if os.geteuid() == 0:
            os.chown(path / copy, 1234, 2345)
    assert restore(path).outcome == "Completed"
    after = os.stat(path / "creds.json")
    assert stat.S_IMODE(after.st_mode) == 0o644
    assert os.geteuid() != 0 or (after.st_uid, after.st_gid) == (1234, 2345)


def test_a_user_whose_file_the_process_could_not_write_is_refused(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(session).st_uid + 4321)
    before = held(session)
    result = restore(session)
    assert (result.outcome, result.code) == ("Failed", "PermissionDenied")
    assert held(session) == before
    assert own_names(session, "plan~") == own_names(session, "new~") == []


@pytest.mark.parametrize("data", [whole(**COUNTERS), whole("b")], ids=["same", "another pairing"])
def test_credentials_that_can_be_read_are_never_restored_over(session: Path, data: bytes) -> None:
    write(session / "creds.json", data, NOW)
    result = restore(session)
    assert (result.outcome, result.code) == ("Refused", "CredentialsWhole")
    assert (session / "creds.json").read_bytes() == data
    assert own_names(session, "plan~") == own_names(session, "run~") == []


def test_a_large_file_may_be_whole_and_stays(session: Path) -> None:
    write(session / "creds.json", b"x" * (1024 * 1024 + 1), NOW)
    assert restore(session).code == "CredentialsTooLarge"


def test_a_link_is_not_followed_and_not_replaced(session: Path) -> None:
    (session / "creds.json").unlink()
    (session / "creds.json").symlink_to("elsewhere.json")
    assert restore(session).code == "CredentialsNoFile"
    assert (session / "creds.json").is_symlink()


def test_without_a_copy_nothing_is_touched(session: Path) -> None:
    for name in own_names(session, "creds~"):
        (session / name).unlink()
    assert restore(session).code == "NoCopy"
    assert (session / "creds.json").read_bytes() == TORN


def test_what_the_journal_knows_of_a_later_pairing_forbids_the_copy(room: Path) -> None:
    """Paired again and cleaned, and only then torn: the copy is of the pairing before."""
    path = broken(room / "session", whole("b"))
    write(path / "session-2201.0.json", b"{}", NOW - 90 * DAY)
    with opened(path) as directory:
        operations.clean(directory, DEFAULTS, run="c1", now=NOW - HOUR / 4)
    write(path / "creds.json", TORN, NOW)
    assert restore(path).code == "OlderPairing"
    assert look(path).plan.verdicts.popitem()[1] == "OlderPairing"
    assert (path / "creds.json").read_bytes() == TORN


def test_the_signed_pre_key_of_the_newest_copy_counts(session: Path) -> None:
    from tests.pairings import buffer, pair

    rotated = {"keyPair": pair("new"), "signature": buffer("s"), "keyId": 2}
    write(session / "creds.json", whole(signedPreKey=rotated, **COUNTERS), NOW - HOUR / 2)
    with opened(session) as directory:
        assert keep_if_due(directory, now=NOW, every=0).outcome == "Kept"
    write(session / "creds.json", TORN, NOW)
    older = sorted(own_names(session, "creds~"))[0].rpartition("~")[2]
    assert restore(session, wanted=older).code == "SignedPreKeyRotated"
    assert restore(session, "r2").outcome == "Completed"
    assert creds(session)["signedPreKey"]["keyId"] == 2


def test_an_undo_puts_the_broken_file_back_and_the_copy_is_still_there(session: Path) -> None:
    before = held(session)
    restore(session)
    result = undo(session)
    assert (result.outcome, result.restored) == ("Completed", 1)
    assert held(session) == before
    assert trashed(session) == {}
    assert own_names(session, "plan~") == []
    assert len(own_names(session, "creds~")) == 1


def test_an_undo_leaves_credentials_that_the_session_has_saved_since(session: Path) -> None:
    restore(session)
    saved = whole(nextPreKeyId=RAISED + 5, firstUnuploadedPreKeyId=RAISED + 5)
    write(session / "creds.json", saved, NOW + HOUR)
    result = undo(session)
    assert (result.outcome, result.kept) == ("Capped", {"NewerExists": 1})
    assert (session / "creds.json").read_bytes() == saved


def test_the_trash_is_purged_as_any_other(session: Path) -> None:
    restore(session)
    with opened(session) as directory:
        operations.purge(directory, now=NOW + DAY, undo_window=0)
    assert trashed(session) == {}
    assert is_restored(session)
    assert undo(session, "r1").code == "RunPurged"


def test_a_run_id_is_used_once(session: Path) -> None:
    restore(session)
    write(session / "creds.json", TORN, NOW)
    assert restore(session).outcome == "Repeated"
    assert (session / "creds.json").read_bytes() == TORN
    assert restore(session, "r2").outcome == "Completed"


def no_exchange(*_: object) -> None:
    raise OSError(errno.EINVAL, "not here")


def no_link(*_: object, **__: object) -> None:
    raise OSError(errno.EOPNOTSUPP, "not here")


WAYS: dict[str, bool] = {"exchange": True, "links": False}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the file system replaces a file: by an exchange, or by a second name and a rename."""
    if not WAYS[request.param]:
        monkeypatch.setattr(noreplace, "exchange", no_exchange)
    return str(request.param)


def test_without_exchange_and_links_nothing_is_done(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noreplace, "exchange", no_exchange)
    before = held(session)
    real = module.Swap.carry_out

    def carry_out(swap: module.Swap, file_system: Any) -> None:
        file_system.links = False
        real(swap, file_system)

    monkeypatch.setattr(module.Swap, "carry_out", carry_out)
    assert restore(session).code == "PutBackUnsupported"
    assert held(session) == before
    assert (
        own_names(session, "plan~")
        == own_names(session, "run~")
        == own_names(session, "new~")
        == []
    )


@pytest.mark.usefixtures("way")
def test_both_ways_restore_and_undo(session: Path) -> None:
    before = held(session)
    assert restore(session).outcome == "Completed"
    assert is_restored(session)
    assert trashed(session) == {"creds.json": TORN}
    assert undo(session).outcome == "Completed"
    assert held(session) == before
    assert trashed(session) == {}


def saves(path: Path, *, in_place: bool) -> bytes:
    """The session's process saves its credentials, as the library does or by a rename."""
    data = whole(nextPreKeyId=77, firstUnuploadedPreKeyId=77)
    if in_place:
        (path / "creds.json").write_bytes(data)
    else:
        (path / "creds.json.tmp").write_bytes(data)
        os.rename(path / "creds.json.tmp", path / "creds.json")
    return data


@pytest.mark.parametrize(
    ("way", "in_place"),
    # Only an exchange sees a file that was renamed into the last gap.
    [("exchange", True), ("exchange", False), ("links", True)],
    indirect=["way"],
)
@pytest.mark.usefixtures("way")
def test_a_save_at_any_step_of_a_restore_is_never_lost(in_place: bool) -> None:
    """The process that was said to be stopped runs: whatever it saves is in its place afterwards."""
    for step in steps(2):
        with scratch() as room:
            path = broken(room / "session")
            expected: list[bytes] = []

            def save(path: Path = path, expected: list[bytes] = expected) -> None:
                expected.append(saves(path, in_place=in_place))

            result = with_step(step, lambda path=path: restore(path), save)
            if not expected:
                assert result.outcome == "Completed"
                break
            assert (path / "creds.json").read_bytes() in expected, f"lost at step {step}"
            assert result.code in SAVED
    assert step > 8


def with_step(
    step: int, act: Callable[[], RestoreResult], then: Callable[[], None]
) -> RestoreResult:
    """Run `act`, with `then` once right before its `step`-th change."""
    count = 0
    with pytest.MonkeyPatch.context() as patch:

        def counting(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **more: Any) -> Any:
                nonlocal count
                count += 1
                if count == step:
                    with pytest.MonkeyPatch.context() as plain:
                        for name in CHANGING:
                            plain.setattr(os, name, REAL[name])
                        then()
                return real(*arguments, **more)

            return call

        for name in CHANGING:
            patch.setattr(os, name, counting(REAL[name]))
        for name in ("rename_no_replace", "exchange"):
            patch.setattr(noreplace, name, counting(getattr(noreplace, name)))
        return act()


SAVED = ("CredentialsSaved", "CredentialsChanging", "CredentialsWhole", None)
REAL: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CHANGING}


def killed(act: Callable[[], object], step: int) -> bool:
    """Run `act` in a child that dies at a step, perhaps right before an exchange."""

    def deadly() -> object:
        real = noreplace.exchange

        def exchange(session: int, *names: str) -> None:
            os.fsync(session)  # one of the steps that are counted, and changes nothing
            real(session, *names)

        noreplace.exchange = exchange
        return act()

    return not survives(deadly, step)


@pytest.mark.usefixtures("way")
def test_killed_at_every_step_there_is_the_old_file_or_the_new_one_and_the_next_run_goes_on() -> (
    None
):
    for step in steps(2):
        with scratch() as room:
            path = broken(room / "session")
            dead = killed(lambda path=path: restore(path), step)
            assert (path / "creds.json").read_bytes() == TORN or is_restored(path)
            new = is_restored(path)
            again = restore(path, "r2")
            assert is_restored(path)
            assert again.code == ("CredentialsWhole" if new else None)
            assert trashed(path) == {"creds.json": TORN}
            assert own_names(path, "new~") == []
            assert undo(path).outcome == "Completed"
            assert (path / "creds.json").read_bytes() == TORN
            assert trashed(path) == {}
            assert len(own_names(path, "creds~")) == 1
            if not dead:
                break
    assert step > 12


@pytest.mark.usefixtures("way")
def test_an_undo_killed_at_every_step_leaves_one_of_both_and_can_be_asked_for_again() -> None:
    for step in steps(2):
        with scratch() as room:
            path = broken(room / "session")
            restore(path)
            dead = killed(lambda path=path: undo(path), step)
            assert (path / "creds.json").read_bytes() == TORN or is_restored(path)
            if is_restored(path):
                assert undo(path).outcome == "Completed"
            assert (path / "creds.json").read_bytes() == TORN
            assert restore(path, "r2").outcome == "Completed"
            assert trashed(path) == {"creds.json": TORN}
            if not dead:
                break
    assert step > 5


plans = st.binary(max_size=200) | st.builds(
    plan_bytes,
    st.lists(
        st.builds(
            Planned,
            st.sampled_from(["creds.json", "session-1.0.json", "../creds.json", "notes.txt"]),
            st.integers(0, 3),
            st.integers(0, 2**63),
            st.integers(-(2**62), 2**62),
            st.integers(0, 2**40),
        ),
        max_size=4,
    ),
    st.integers(0, 2**33),
)


@settings(max_examples=60, deadline=None)
@given(plans)
def test_a_plan_of_any_bytes_brings_no_file_back_and_raises_nothing(data: bytes) -> None:
    with scratch() as room:
        path = broken(room / "session")
        restore(path)
        (path / ".janitor~plan~r1").write_bytes(data)
        before = held(path)
        result = undo(path, "r1")
        assert held(path) == before
        assert result.restored == 0
        assert result.outcome in ("Capped", "NothingToDo", "Refused")


def test_a_forged_trash_never_becomes_creds_json(session: Path) -> None:
    """Neither an undo, nor a purge, nor the recovery takes it from a run that is no restore."""
    write(session / "creds.json", whole(**COUNTERS), NOW)
    write(session / "session-2201.0.json", b"{}", NOW - 90 * DAY)
    with opened(session) as directory:
        operations.clean(directory, DEFAULTS, run="c1", now=NOW)
        write(session / ".janitor~run~c1~creds.json", whole("b"), NOW)
        (session / "creds.json").unlink()
        operations.clean(directory, DEFAULTS, run="c2", now=NOW)
        operations.undo(directory, "c1", now=NOW)
        operations.purge(directory, now=NOW, undo_window=0)
    assert not (session / "creds.json").exists()
