"""What of an archive comes back: each guard against all directories and all archives, forged ones too."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
from baileys_janitor.policy.archives.restore_codes import EXPLANATIONS, KEPT_BACK
from baileys_janitor.policy.archives.restore_credentials import ACKNOWLEDGEMENTS, HIGHEST_START
from baileys_janitor.policy.archives.restore_session import SessionTarget
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.file_kinds import KINDS, base_user, classify
from baileys_janitor.policy.files.identity import Identity
from tests.policy.restores import (
    HOUR,
    LOST,
    NOW,
    OWN,
    OWN_LID,
    WHO,
    acknowledgements,
    entries,
    expectations,
    files,
    many,
    modes,
    names_of,
    of,
    plan_of,
    records,
    source_of,
    sources,
    targets,
)


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
