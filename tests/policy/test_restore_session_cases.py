"""What a restore plan does in single cases that people meet."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.policy.archives.archived import ArchivedSession
from baileys_janitor.policy.archives.restore_credentials import Candidate
from baileys_janitor.policy.archives.restore_session import SessionTarget
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.file_kinds import classify
from baileys_janitor.policy.files.identity import Identity
from tests.policy.restores import (
    CREDENTIALS,
    DAY,
    HOUR,
    LOST,
    NOW,
    WHO,
    archived_file,
    names_of,
    of,
    plan_of,
    source_of,
)
from tests.policy.worlds import file


def lost(*there: Entry, **more: Any) -> SessionTarget:
    known = more.pop("known", [(NOW - HOUR, CREDENTIALS["a"].fingerprint)])
    return SessionTarget(LOST[1], None, [*there], more.pop("kept", []), known, **more)


def entry(name: str, age: float = 9 * DAY) -> Entry:
    return file(name, age, now=NOW)


def test_a_raise_above_the_last_id_is_refused() -> None:
    plan = plan_of(lost(entry("pre-key-16777215.json")), source_of("a", []))
    assert plan.refused == "PreKeyIdsExhausted"
    own = SessionTarget(WHO["a"], of("a", 31), [])
    forged = source_of("a", [archived_file("pre-key-16777215.json")])
    assert plan_of(own, forged).refused == "PreKeyIdsExhausted"


def test_a_kept_copy_that_is_ahead_of_the_archive_moves_the_counters_as_well() -> None:
    copy = Candidate("1", NOW - HOUR, of("a", 500))
    assert plan_of(lost(kept=[copy]), source_of("a", [])).next_pre_key_id == 1499


def test_a_rotated_signed_pre_key_must_be_acknowledged() -> None:
    copy = Candidate("1", NOW - HOUR, of("a", 31, None, 2))
    target, source = lost(kept=[copy]), source_of("a", [])
    assert plan_of(target, source).refused == "SignedPreKeyRotated"
    assert plan_of(target, source, acknowledged=["SignedPreKeyRotated"]).refused is None


def test_creds_json_that_is_paired_but_lacks_keys_is_left_to_a_person() -> None:
    target = SessionTarget(WHO["a"], None, [])
    assert plan_of(target, source_of("a", [])).refused == "CredentialsIncomplete"
    assert plan_of(SessionTarget(Identity("TooLarge"), None, []), source_of("a", [])).refused == (
        "CredentialsTooLarge"
    )


def test_the_credentials_alone_come_back_when_that_is_asked_for() -> None:
    source = source_of("a", [archived_file("session-2201.0.json")])
    plan = plan_of(lost(), source, "Credentials")
    assert names_of(plan) == ["creds.json"]
    assert plan.told == ["AppStateKeyMissing", "NothingBeside"]
    own = SessionTarget(WHO["a"], of("a", 31), [])
    assert plan_of(own, source, "Credentials").refused == "CredentialsWhole"


def test_an_archive_without_whole_credentials_is_refused() -> None:
    good = source_of("a", [])
    without = ArchivedSession(good.time, False, [], good.identity, good.credentials)
    unpaired = ArchivedSession(good.time, False, good.files, LOST[2], good.credentials)
    other = ArchivedSession(good.time, False, good.files, WHO["b"], good.credentials)
    for each in (without, unpaired, other):
        assert plan_of(lost(), each).refused == "NotWhole"


def test_what_a_person_should_know_is_told() -> None:
    key = archived_file("app-state-sync-key-AAAAAP____.json")
    own_device = archived_file("session-1100.4.json")
    newer = archived_file("tctoken-2201@lid.json")
    assert plan_of(lost(), source_of("a", [])).told == [
        "EmptyDirectory",
        "OwnDeviceWaits",
        "AppStateKeyMissing",
    ]
    assert plan_of(lost(entry("session-1.0.json")), source_of("a", [key])).told == [
        "OwnDeviceWaits"
    ]
    own = SessionTarget(WHO["a"], of("a", 31), [entry("creds.json")])
    assert plan_of(own, source_of("a", [key])).told == []
    assert plan_of(own, source_of("a", [own_device, newer])).told == ["OwnDeviceWaits"]
    behind = plan_of(own, source_of("a", [], following=90))
    assert (behind.told, behind.next_pre_key_id) == (["CountersRaised"], 1089)


@pytest.mark.parametrize("who", ["again", "b"])
def test_a_forged_archive_is_refused_though_its_fingerprint_is_right(who: str) -> None:
    """Anybody can encrypt to the recipient: an archive of other secrets, or of another device of these keys."""
    own = SessionTarget(WHO["a"], of("a", 31), [])
    refusals = {"again": "AnotherPairing", "b": "AnotherIdentity"}
    source = source_of(who, [])
    assert plan_of(own, source).refused == refusals[who]
    copies = lost(kept=[Candidate("1", NOW - DAY, of("a", 31))], known=[])
    assert plan_of(copies, source, expected=source.identity.fingerprint).refused == refusals[who]


@pytest.mark.parametrize(
    "name",
    [
        "lid-mapping-../../../etc/passwd.json",
        "device-list-a/b.json",
        "tctoken-" + "x" * 300 + ".json",
        "identity-key-\0.json",
        ".janitor~journal",
        "../creds.json",
        "creds.json.tmp",
        "notes.txt",
        "",
    ],
)
@pytest.mark.parametrize("mode", ["Safe", "Whole"])
def test_a_name_that_leads_elsewhere_stays_out(name: str, mode: str) -> None:
    source = source_of("a", [archived_file(name)], quiesced=True)
    plan = plan_of(lost_all(), source, mode, acknowledged=["NothingRanSince"])
    assert (plan.refused, names_of(plan)) == (None, ["creds.json"])
    assert plan.kept_back == {"UnknownFile": {classify(name)[0]: 1}}


def lost_all() -> SessionTarget:
    return SessionTarget(LOST[0], None, [], [], [(NOW - HOUR, CREDENTIALS["a"].fingerprint)])


def test_what_is_there_or_comes_twice_is_put_once() -> None:
    there = [f"{kind}-2201.0.json" for kind in ("session", "identity-key")]
    twice = [archived_file("pre-key-9.json")] * 2
    source = source_of("a", [*map(archived_file, there), *twice])
    plan = plan_of(lost(*map(entry, there)), source)
    assert names_of(plan) == ["pre-key-9.json", "creds.json"]
    assert plan.kept_back == {"AlreadyThere": {"session": 1, "identityKey": 1, "preKey": 1}}


def test_a_whole_session_is_refused_beside_any_file_that_is_not_the_archives() -> None:
    word = ["NothingRanSince"]
    quiesced = source_of("a", [archived_file("session-2201.0.json")], quiesced=True)
    live = source_of("a", [archived_file("session-2201.0.json")])
    assert plan_of(lost_all(), live, "Whole", acknowledged=word).refused == "NotQuiesced"
    assert plan_of(lost_all(), quiesced, "Whole").refused == "NothingRanSince"
    assert plan_of(lost_all(), quiesced, "Whole", acknowledged=word).refused is None
    known = [(NOW - HOUR, CREDENTIALS["a"].fingerprint)]
    for name in ("session-2201.0.json", "session-2202.0.json", "pre-key-9.json"):
        for same in (frozenset(), frozenset([name])):
            target = SessionTarget(LOST[0], None, [entry(name)], [], known, same)
            plan = plan_of(target, quiesced, "Whole", acknowledged=word)
            assert plan.refused == (None if same else "NotAsArchived")
