"""The fixtures are what they claim: genuine sessions of a known size and age."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.real import sessions
from tests.real.directory import OWN_USERS, age_days, counted, names, snapshot

NOW = 1_800_000_000.0

#: Scenario: files in all, files counted.
SIZES = {
    "healthy": (885, 128),
    "warning": (926, 158),
    "critical": (950, 173),
    "emergency": (1012, 208),
    "stopped": (955, 182),
    "awake": (955, 182),
    "corrupt": (933, 182),
    "unpaired": (182, 182),
    "prekeys": (906, 140),
    "old": (243, 196),
    "six": (212, 186),
    "orphan": (177, 176),
}

every = pytest.mark.skipif(
    not sessions.ALL_CHECKS,
    reason="ALL_CHECKS=1 runs it: what was committed does not change, and is checked after cleanups",
)


@pytest.mark.parametrize("scenario", SIZES)
def test_a_fixture_has_the_size_it_was_written_for(scenario: str, tmp_path: Path) -> None:
    files = snapshot(sessions.unpack(scenario, tmp_path / "session", NOW))

    assert (len(files), counted(files)) == SIZES[scenario]


def test_no_fixture_is_without_a_known_size() -> None:
    assert sorted(SIZES) == sessions.scenarios()


def test_files_are_as_old_before_now_as_they_were_when_written(tmp_path: Path) -> None:
    first = snapshot(sessions.unpack("healthy", tmp_path / "one", NOW))
    later = snapshot(sessions.unpack("healthy", tmp_path / "two", NOW + 12_345))

    assert {name: file.mtime_ns + 12_345 * 10**9 for name, file in first.items()} == {
        name: file.mtime_ns for name, file in later.items()
    }
    assert age_days(first["creds.json"], NOW) == pytest.approx(0.4, abs=0.01)


def test_a_stopped_tenant_has_written_nothing_for_twenty_days(tmp_path: Path) -> None:
    files = snapshot(sessions.unpack("stopped", tmp_path / "session", NOW))

    assert min(age_days(file, NOW) for file in files.values()) > 20


def test_a_tenant_that_just_woke_up_has_one_fresh_session(tmp_path: Path) -> None:
    files = snapshot(sessions.unpack("awake", tmp_path / "session", NOW))
    fresh = {name: file for name, file in files.items() if age_days(file, NOW) < 20}

    assert len(fresh) == 2
    assert "creds.json" in fresh
    assert len(names(fresh, "session-")) == 1


def test_the_companion_device_has_been_silent_for_long(tmp_path: Path) -> None:
    files = snapshot(sessions.unpack("emergency", tmp_path / "session", NOW))

    assert age_days(files[f"session-{OWN_USERS[1]}.3.json"], NOW) > 80


def test_corrupt_credentials_do_not_parse(tmp_path: Path) -> None:
    session = sessions.unpack("corrupt", tmp_path / "session", NOW)

    with pytest.raises(json.JSONDecodeError):
        json.loads((session / "creds.json").read_text())


def test_unpaired_credentials_belong_to_nobody(tmp_path: Path) -> None:
    session = sessions.unpack("unpaired", tmp_path / "session", NOW)

    assert not {"me", "account"} & set(json.loads((session / "creds.json").read_text()))


def test_the_orphan_has_a_memory_file_without_its_key(tmp_path: Path) -> None:
    files = snapshot(sessions.unpack("orphan", tmp_path / "session", NOW))
    own = {name for name in names(files, "sender-key-") if name.split("--")[1] in OWN_USERS}

    assert len(names(files, "sender-key-memory-")) == len(own) + 1


@pytest.mark.parametrize("scenario", SIZES)
def test_no_number_is_anybodys(scenario: str, tmp_path: Path) -> None:
    numbers = {
        number
        for name in snapshot(sessions.unpack(scenario, tmp_path / "session", NOW))
        for number in re.findall(r"(?<!\d)\d{10,14}(?!\d)", name)
    }

    assert numbers
    assert all(re.fullmatch(r"1\d{3}55501\d\d", number) for number in numbers)


def test_unpacking_goes_into_an_empty_directory_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FileExistsError):
        sessions.unpack("healthy", tmp_path)


def test_an_unknown_scenario_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no session fixture 'calm'"):
        sessions.unpack("calm", tmp_path)


@every
@pytest.mark.parametrize("scenario", sorted(SIZES.keys() - {"orphan"}))
@pytest.mark.usefixtures("node")
def test_everybody_can_go_on_talking(scenario: str, tmp_path: Path) -> None:
    session = sessions.unpack(scenario, tmp_path / "session", peers=tmp_path / "peers")

    assert failures(sessions.check(session, tmp_path / "peers")) == []


@every
@pytest.mark.usefixtures("node")
def test_a_lone_memory_file_silences_the_tenant_in_its_group(tmp_path: Path) -> None:
    session = sessions.unpack("orphan", tmp_path / "session", peers=tmp_path / "peers")

    assert failures(sessions.check(session, tmp_path / "peers")) == ["ownGroups"]


@every
@pytest.mark.usefixtures("node")
def test_the_check_sees_what_a_careless_cleanup_breaks(tmp_path: Path) -> None:
    session = sessions.unpack("emergency", tmp_path / "session", peers=tmp_path / "peers")
    pre_keys = sorted(session.glob("pre-key-*"), key=lambda path: int(path.stem[8:]))
    for path in [
        *pre_keys[:-50],
        *session.glob("session-*"),
        *session.glob("sender-key-1*"),
        *session.glob("lid-mapping-*_reverse.json"),
        *session.glob("app-state-sync-key-*"),
    ]:
        path.unlink()

    broken = failures(sessions.check(session, tmp_path / "peers"))

    assert broken == [
        "files",
        "lidMappings",
        "ownDevices",
        "ownGroups",
        "appState",
        "newContacts",
        "preKeys",
    ]


@every
@pytest.mark.usefixtures("node")
def test_a_fresh_session_can_be_written_to_measure(tmp_path: Path) -> None:
    session, peers = tmp_path / "session", tmp_path / "peers"
    counts = sessions.write("orphan", session, peers, NOW, target=181, faults=[])

    assert counts["counted"] == counted(snapshot(session)) == 181
    assert failures(sessions.check(session, peers)) == []


def failures(result: sessions.Report) -> list[str]:
    return [each["name"] for each in result["properties"] if not each["passed"]]
