"""What of an archive comes back: each guard against all directories and all archives, forged ones too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.archived import ArchivedFile, ArchivedSession
from baileys_janitor.policy.file_entry import Entry
from baileys_janitor.policy.file_kinds import KINDS, base_user, classify
from baileys_janitor.policy.identity import Identity, read_identity
from baileys_janitor.policy.pairing import Credentials, read_credentials
from baileys_janitor.policy.restore_codes import EXPLANATIONS, KEPT_BACK, MODES
from baileys_janitor.policy.restore_credentials import ACKNOWLEDGEMENTS, HIGHEST_START, Candidate
from baileys_janitor.policy.restore_session import SessionPlan, SessionTarget, make_session_plan
from tests.pairings import whole
from tests.policy.worlds import file

NOW = 1_795_000_000
HOUR, DAY = 3_600, 86_400
OWN, OWN_LID = "1100", "990011000000001"
G = "120363000000000001@g.us"
many = settings(max_examples=50, deadline=None)

#: How creds.json says who the tenant is: with its LID, from before its first login, of another pairing of the same
#: keys, of other keys.
ME = {
    "a": {},
    "early": {"me": {"id": f"{OWN}:3@s.whatsapp.net"}},
    "again": {"me": {"id": f"{OWN}:9@s.whatsapp.net", "lid": f"{OWN_LID}:9@lid"}},
    "b": {"pairing": "b"},
}
LIDS = {"lid": f"{OWN_LID}:3@lid", "id": f"{OWN}:3@s.whatsapp.net"}


def credentials(who: str, following: int = 31, unuploaded: int | None = None) -> bytes:
    more: dict[str, Any] = {"me": LIDS, **ME[who]}
    counters = {
        "nextPreKeyId": following,
        "firstUnuploadedPreKeyId": following if unuploaded is None else unuploaded,
    }
    return whole(more.pop("pairing", "a"), **more, **counters)


def said(data: bytes) -> Credentials:
    found = read_credentials(data)
    assert found is not None
    return found


WHO = {who: read_identity(credentials(who)) for who in ME}
CREDENTIALS = {who: said(credentials(who)) for who in ME}


def of(who: str, following: int, unuploaded: int | None = None, signed: int = 1) -> Credentials:
    base = CREDENTIALS[who]
    return Credentials(
        base.pairing,
        base.fingerprint,
        base.lid_user,
        following,
        following if unuploaded is None else unuploaded,
        signed,
        base.app_state_key_id,
    )


users = st.sampled_from(
    [OWN, OWN_LID, "2201", "220100000000001", "11001", "9900110000000012", "33"]
).flatmap(lambda user: st.sampled_from([user, f"{user}_1", f"{user}_128", f"{user}_129"]))
devices = st.integers(0, 2)
groups = st.sampled_from([G, "status@broadcast", "1100-1500000000@g.us"])
names = st.one_of(
    st.builds("session-{}.{}.json".format, users, devices),
    st.builds("session-{}-{}.0.json".format, users, devices),
    st.builds("sender-key-{}--{}--{}.json".format, groups, users, devices),
    st.builds("sender-key-{}--{}-{}--0.json".format, groups, users, devices),
    st.builds("sender-key-memory-{}.json".format, groups),
    st.builds("pre-key-{}.json".format, st.integers(1, 2000)),
    st.builds("lid-mapping-{}.json".format, users),
    st.builds("device-list-{}.json".format, users),
    st.builds("tctoken-{}@lid.json".format, users),
    st.builds("identity-key-{}.0.json".format, users),
    st.sampled_from(
        [
            "app-state-sync-key-AAAAAP____.json",
            "app-state-sync-version-regular.json",
            "creds.json.tmp",
            "notes.txt",
            ".janitor~journal",
            ".cleanup.lock",
            "lid-mapping-../../../etc/passwd.json",
            "device-list-a/b.json",
            "tctoken-" + "x" * 300 + ".json",
            "session-..json",
            "",
            "..",
        ]
    ),
)


def archived_file(name: str, size: int = 9, age: float = 2 * DAY) -> ArchivedFile:
    return ArchivedFile(name, size, int(NOW - age) * 10**9, 0o600, "0" * 64)


files = st.lists(st.builds(archived_file, names, st.integers(0, 2)), max_size=12)
#: Mostly the tenant itself: what is refused at once says nothing of what goes in.
whos = st.sampled_from(["a"] * 7 + [*ME])
counters = st.integers(1, 2500)


def source_of(
    who: str,
    there: list[ArchivedFile],
    following: int = 31,
    unuploaded: int | None = None,
    age: float = DAY,
    quiesced: bool = False,
) -> ArchivedSession:
    creds = archived_file("creds.json", 900)
    time = int(NOW - age)
    found = of(who, following, unuploaded)
    return ArchivedSession(time, quiesced, [*there, creds], WHO[who], found)


sources = st.builds(
    source_of,
    whos,
    files,
    counters,
    counters,
    st.integers(-30 * DAY, 300 * DAY),
    st.booleans(),
)
entries = st.lists(
    st.builds(
        lambda name, age: file(name, age, now=NOW), names.filter(bool), st.integers(0, 90 * DAY)
    ),
    max_size=8,
    unique_by=lambda each: each.name,
)
kept = st.lists(
    st.builds(
        lambda who, age, following, signed: Candidate(
            f"{int(NOW - age):020}",
            int(NOW - age),
            None if who is None else of(who, following, None, signed),
        ),
        st.none() | whos,
        st.integers(-2 * DAY, 300 * DAY),
        counters,
        st.integers(1, 2),
    ),
    max_size=3,
    unique_by=lambda each: each.time,
)
records = st.lists(
    st.tuples(
        st.integers(NOW - 300 * DAY, NOW + 2 * DAY),
        st.sampled_from(
            [*[CREDENTIALS["a"].fingerprint] * 4, CREDENTIALS["b"].fingerprint, "0" * 16, ""]
        ),
    ),
    max_size=3,
)
expectations = st.sampled_from(
    ["", *[CREDENTIALS["a"].fingerprint] * 4, CREDENTIALS["b"].fingerprint, "0" * 16]
)
acknowledgements = st.sets(st.sampled_from([*ACKNOWLEDGEMENTS, "NothingRanSince"]))
LOST = [Identity("Absent"), Identity("Corrupt"), Identity("Unpaired")]


@st.composite
def targets(draw: st.DrawFn) -> SessionTarget:
    there = draw(entries)
    same = draw(st.sampled_from([frozenset(), frozenset(each.name for each in there)]))
    beside = draw(kept), draw(records), same
    if draw(st.booleans()):
        return SessionTarget(draw(st.sampled_from(LOST)), None, there, *beside)
    who = draw(whos)
    found = of(who, draw(counters), draw(counters))
    return SessionTarget(WHO[who], found, there, *beside)


modes = st.sampled_from(MODES)


def plan_of(
    target: SessionTarget, source: ArchivedSession, mode: str = "Safe", **more: Any
) -> SessionPlan:
    return make_session_plan(target, source, NOW, mode, **more)


def names_of(plan: SessionPlan) -> list[str]:
    return [each.file.name for each in plan.puts]


@many
@given(targets(), sources, modes, expectations, acknowledgements)
def test_a_plan_has_a_reason_or_says_of_every_file_what_becomes_of_it(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, source, mode, expected=expected, acknowledged=acknowledged)
    assert plan.fingerprint == source.identity.fingerprint
    assert plan.refused in (None, *EXPLANATIONS)
    assert set(plan.told) <= EXPLANATIONS.keys()
    if plan.refused is not None:
        assert (plan.puts, plan.kept_back, plan.next_pre_key_id, plan.told) == ([], {}, 0, [])
        return
    assert plan.kept_back.keys() <= KEPT_BACK.keys()
    assert {kind for each in plan.kept_back.values() for kind in each} <= set(KINDS)
    left = sum(number for each in plan.kept_back.values() for number in each.values())
    if mode != "Credentials":
        own = sum(each.own for each in plan.puts)
        assert len(plan.puts) - own + left == len(source.files)


@many
@given(targets(), sources, modes, expectations, acknowledgements)
def test_no_file_is_ever_replaced_but_a_creds_json(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, source, mode, expected=expected, acknowledged=acknowledged)
    there = {each.name for each in target.entries}
    put = [name for name in names_of(plan) if name != "creds.json"]
    assert there.isdisjoint(put)
    assert len(set(names_of(plan))) == len(plan.puts)
    if target.identity.state == "Paired":
        assert all(each.own for each in plan.puts if each.file.name == "creds.json")


@many
@given(targets(), sources, modes, expectations, acknowledgements)
def test_only_plain_names_of_known_kinds_go_in_and_creds_json_last(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, source, mode, expected=expected, acknowledged=acknowledged)
    for name in names_of(plan):
        assert classify(name)[0] != "other"
        assert "/" not in name
        assert len(name) <= 255
    assert "creds.json" not in names_of(plan)[:-1]
    kinds = [classify(name)[0] for name in names_of(plan)]
    memory = [place for place, kind in enumerate(kinds) if kind == "senderKeyMemory"]
    keys = [place for place, kind in enumerate(kinds) if kind == "senderKey"]
    assert not memory or not keys or max(keys) < min(memory)


@many
@given(targets(), sources, st.sampled_from(["Safe", "Credentials"]), expectations)
def test_neither_an_own_sender_key_nor_a_memory_file_nor_an_open_session_comes_back(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str
) -> None:
    plan = plan_of(target, source, mode, expected=expected, acknowledged=ACKNOWLEDGEMENTS)
    owners = {OWN, OWN_LID}
    for each in plan.puts:
        kind, ident = classify(each.file.name)
        assert kind != "senderKeyMemory"
        if kind == "senderKey":
            user = base_user(ident.rsplit("--", 2)[1])
            assert user not in owners
        assert (each.how == "Closed") == (kind == "session")


@many
@given(targets(), sources, expectations)
def test_a_closed_session_comes_back_only_where_a_newer_library_has_written(
    target: SessionTarget, source: ArchivedSession, expected: str
) -> None:
    plan = plan_of(target, source, expected=expected, acknowledged=ACKNOWLEDGEMENTS)
    newer = ("tctoken-", "identity-key-")
    names = [*(each.name for each in target.entries), *(each.name for each in source.files)]
    if not any(name.startswith(newer) for name in names):
        assert all(classify(name)[0] != "session" for name in names_of(plan))


@many
@given(targets(), sources, modes, expectations, acknowledgements)
def test_a_memory_file_moves_only_where_no_own_key_of_its_group_is_there_or_comes(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, source, mode, expected=expected, acknowledged=acknowledged)
    assert ("LoneMemories" in plan.told) == bool(plan.memories)
    assert not plan.memories or (plan.puts and mode != "Whole")
    there = [each.name for each in target.entries if each.size] + names_of(plan)
    keys = [ident for kind, ident in map(classify, there) if kind == "senderKey"]
    own = {key.rsplit("--", 2)[0] for key in keys if base_user(key.rsplit("--", 2)[1]) == OWN}
    for each in plan.memories:
        assert each in target.entries
        assert each.kind == "senderKeyMemory"
        assert each.ident not in own


@many
@given(st.sampled_from([*LOST, WHO["early"]]), entries, files)
def test_while_the_own_lid_is_unknown_nothing_under_a_lid_comes_back(
    identity: Identity, there: list[Entry], archived: list[ArchivedFile]
) -> None:
    credentials = of("early", 31) if identity.state == "Paired" else None
    target = SessionTarget(identity, credentials, there)
    plan = plan_of(target, source_of("early", archived), expected=WHO["early"].fingerprint)
    for name in names_of(plan):
        kind, ident = classify(name)
        if kind in ("session", "senderKey"):
            user = ident.rsplit("--", 2)[1] if kind == "senderKey" else ident.rpartition(".")[0]
            assert "_" not in user
            assert len(base_user(user)) < 14


@many
@given(targets(), sources, modes, expectations, acknowledgements)
def test_another_pairing_never_goes_in_where_there_is_anything_to_compare_it_with(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, source, mode, expected=expected, acknowledged=acknowledged)
    if target.credentials is not None and not target.credentials.same_pairing(source.credentials):
        assert plan.refused is not None
    past = [each for each in target.kept if each.credentials and each.time <= NOW + HOUR]
    newest = max(past, key=lambda each: each.time, default=None)
    later = [each for each in target.known if each[1] and newest and each[0] > newest.time]
    if target.credentials is None and newest and newest.credentials and not later:
        assert plan.refused is not None or newest.credentials.same_pairing(source.credentials)


@many
@given(targets(), sources, modes, acknowledgements)
def test_an_archive_whose_identity_nobody_knows_is_refused_with_its_fingerprint(
    target: SessionTarget, source: ArchivedSession, mode: str, acknowledged: set[str]
) -> None:
    bare = SessionTarget(LOST[0], None, target.entries, [], [], target.same)
    plan = plan_of(bare, source, mode, acknowledged=acknowledged)
    assert (plan.refused, plan.fingerprint) == ("IdentityUnknown", source.identity.fingerprint)
    told = plan_of(bare, source, mode, acknowledged=acknowledged, expected="0" * 16)
    assert told.refused == "FingerprintDiffers"


@many
@given(targets(), sources, records, modes, acknowledgements)
def test_the_last_identity_that_is_known_decides_where_there_is_nothing_else(
    target: SessionTarget,
    source: ArchivedSession,
    known: list[Any],
    mode: str,
    acknowledged: set[str],
) -> None:
    bare = SessionTarget(LOST[1], None, target.entries, [], known, target.same)
    plan = plan_of(bare, source, mode, acknowledged=acknowledged)
    past = [each for each in known if each[1] and each[0] <= NOW + HOUR]
    times = [each[0] for each in past]
    assume(len(set(times)) == len(times))
    last = max(past, default=None)
    if last is None:
        assert plan.refused == "IdentityUnknown"
    elif last[1] != source.identity.fingerprint:
        assert plan.refused == "AnotherIdentity"
    else:
        assert plan.refused not in ("IdentityUnknown", "AnotherIdentity")


@many
@given(targets(), sources, st.sampled_from(["Safe", "Credentials"]), expectations)
def test_no_pre_key_id_is_handed_out_twice(
    target: SessionTarget, source: ArchivedSession, mode: str, expected: str
) -> None:
    """What the session hands out next is above every id that is in the directory then, or ever was in the archive."""
    plan = plan_of(target, source, mode, expected=expected, acknowledged=ACKNOWLEDGEMENTS)
    assume(plan.refused is None)
    handed_out = [int(classify(each.name)[1]) for each in source.files if each.kind == "preKey"]
    handed_out += [int(each.ident) for each in target.entries if each.kind == "preKey"]
    known = [source.credentials, *([target.credentials] if target.credentials else [])]
    same = [each.credentials for each in target.kept if each.credentials]
    known += [each for each in same if each.same_pairing(source.credentials)]
    if plan.next_pre_key_id:
        handed_out += [each.next_pre_key_id - 1 for each in known]
        handed_out += [each.first_unuploaded_pre_key_id - 1 for each in known]
        assert max(handed_out) + 1000 <= plan.next_pre_key_id <= HIGHEST_START
    else:
        own = target.credentials
        assert own is not None
        following = min(own.next_pre_key_id, own.first_unuploaded_pre_key_id)
        assert all(each < following for each in handed_out)
        others = [each for each in known if each is not own]
        assert all(each.next_pre_key_id <= following for each in others)
        assert all(each.first_unuploaded_pre_key_id <= following for each in others)


@many
@given(targets(), sources, expectations, acknowledgements)
def test_a_whole_session_goes_only_where_nothing_can_have_used_it(
    target: SessionTarget, source: ArchivedSession, expected: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, source, "Whole", expected=expected, acknowledged=acknowledged)
    if plan.refused is None:
        assert source.quiesced
        assert "NothingRanSince" in acknowledged
        assert all(each.name in target.same or each.kind == "other" for each in target.entries)
        assert all(each.how == "AsArchived" for each in plan.puts)
        assert plan.next_pre_key_id == 0


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
