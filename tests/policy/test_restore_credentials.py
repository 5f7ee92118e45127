"""Which copy goes back, and with which counters: each guard against all directories and copies that may be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.archives.pairing import Credentials, read_credentials
from baileys_janitor.policy.archives.restore_credentials import (
    ACKNOWLEDGEMENTS,
    EXPLANATIONS,
    HIGHEST_START,
    RAISE_BY,
    Candidate,
    RestorePlan,
    Target,
    make_restore_plan,
)
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.identity import STATES
from tests.pairings import whole
from tests.policy.worlds import file

NOW = 1_795_000_000
HOUR, DAY = 3_600, 86_400
WAYS_OUT = ("Corrupt", "Absent", "Unpaired")
many = settings(max_examples=60, deadline=None)


def credentials(
    pairing: str = "a", number: int = 31, signed: int = 1, **changes: Any
) -> Credentials:
    found = read_credentials(whole(pairing, **changes))
    assert found is not None
    return Credentials(
        found.pairing,
        found.fingerprint,
        found.lid_user,
        number,
        number,
        signed,
        found.app_state_key_id,
    )


PAIRINGS = {name: credentials(name) for name in "abc"}


def of(pairing: str, number: int, signed: int) -> Credentials:
    base = PAIRINGS[pairing]
    return Credentials(
        base.pairing, base.fingerprint, base.lid_user, number, number, signed, base.app_state_key_id
    )


def copy(age: float, found: Credentials | None, **more: Any) -> Candidate:
    time = int(NOW - age)
    return Candidate(f"{time:020}", time, found, **more)


def pre_key(number: int, age: float = 100 * DAY) -> Entry:
    return file(f"pre-key-{number}.json", age, now=NOW)


APP_STATE = file("app-state-sync-key-AAAAAP____.json", 90 * DAY, now=NOW)

candidates = st.lists(
    st.builds(
        copy,
        st.integers(-2 * DAY, 300 * DAY),
        st.none() | st.builds(of, st.sampled_from("abc"), st.integers(1, 3000), st.integers(0, 2)),
        highest_pre_key=st.integers(0, 3000),
    ),
    max_size=8,
    unique_by=lambda each: each.time,
)
entries = st.lists(
    st.builds(pre_key, st.integers(1, 4000), st.integers(0, 300 * DAY)), max_size=6
).map(lambda found: [*found, APP_STATE])
records = st.lists(
    st.tuples(
        st.integers(NOW - 300 * DAY, NOW + 2 * DAY),
        st.sampled_from([*(each.fingerprint for each in PAIRINGS.values()), "0" * 16, ""]),
    ),
    max_size=3,
)
acknowledgements = st.sets(st.sampled_from(ACKNOWLEDGEMENTS))
targets = st.builds(Target, st.sampled_from(WAYS_OUT), entries, records)


def plan_of(target: Target, there: list[Candidate], **more: Any) -> RestorePlan:
    return make_restore_plan(target, there, NOW, **more)


@many
@given(st.sampled_from(STATES), entries, candidates, acknowledgements)
def test_nothing_goes_over_credentials_that_are_or_may_be_whole(
    state: str, there: list[Entry], copies: list[Candidate], acknowledged: set[str]
) -> None:
    plan = plan_of(Target(state, there), copies, acknowledged=acknowledged)
    if state not in WAYS_OUT:
        assert plan.refused in ("CredentialsWhole", "CredentialsTooLarge")
        assert plan.chosen is None


@many
@given(targets, candidates, acknowledgements)
def test_there_is_a_reason_or_a_whole_copy(
    target: Target, copies: list[Candidate], acknowledged: set[str]
) -> None:
    plan = plan_of(target, copies, acknowledged=acknowledged)
    assert (plan.refused is None) == (plan.chosen is not None)
    assert plan.refused in (None, *EXPLANATIONS)
    assert plan.verdicts.keys() <= {each.ident for each in copies}
    if plan.chosen is not None:
        assert plan.chosen in copies
        assert plan.chosen.credentials is not None
        assert plan.verdicts.get(plan.chosen.ident) in (None, *acknowledged)


@many
@given(targets, candidates, acknowledgements)
def test_both_counters_are_above_every_id_that_was_ever_used(
    target: Target, copies: list[Candidate], acknowledged: set[str]
) -> None:
    plan = plan_of(target, copies, acknowledged=acknowledged)
    assume(plan.chosen is not None and plan.chosen.credentials is not None)
    assert plan.chosen is not None
    assert plan.chosen.credentials is not None
    used = [int(each.ident) for each in target.entries if each.kind == "preKey"]
    used += [plan.chosen.credentials.next_pre_key_id - 1, plan.chosen.highest_pre_key]
    assert plan.next_pre_key_id == max(used) + RAISE_BY
    assert plan.next_pre_key_id <= HIGHEST_START


@many
@given(targets, candidates, acknowledgements)
def test_an_earlier_pairing_never_goes_back_whatever_is_acknowledged(
    target: Target, copies: list[Candidate], acknowledged: set[str]
) -> None:
    plan = plan_of(target, copies, acknowledged=acknowledged)
    if plan.chosen is None or plan.chosen.credentials is None:
        return
    chosen = plan.chosen.credentials
    past = [each for each in copies if each.credentials and each.time <= NOW + HOUR]
    newest = max(past, key=lambda each: each.time)
    known = [each for each in target.known if each[1] and newest.time < each[0] <= NOW + HOUR]
    if known:
        assert chosen.fingerprint == max(known)[1]
    else:
        assert newest.credentials is not None
        assert chosen.pairing == newest.credentials.pairing


@many
@given(targets, candidates)
def test_another_signed_pre_key_must_be_acknowledged(
    target: Target, copies: list[Candidate]
) -> None:
    plan = plan_of(target, copies)
    if plan.chosen is not None and plan.chosen.credentials is not None:
        chosen = plan.chosen.credentials
        same = [each.credentials for each in copies if each.credentials is not None]
        signed = [each.signed_pre_key_id for each in same if each.same_pairing(chosen)]
        assert chosen.signed_pre_key_id == max(signed)


@many
@given(targets, candidates)
def test_ids_that_were_used_again_must_be_acknowledged(
    target: Target, copies: list[Candidate]
) -> None:
    plan = plan_of(target, copies)
    if plan.chosen is not None and plan.chosen.credentials is not None:
        below = plan.chosen.credentials.next_pre_key_id
        for each in target.entries:
            if each.kind == "preKey" and int(each.ident) < below:
                assert each.mtime_ns <= (plan.chosen.time + 600) * 10**9


@many
@given(targets, candidates, st.text("0123456789", max_size=20), acknowledgements)
def test_a_copy_that_was_named_goes_back_or_none(
    target: Target, copies: list[Candidate], wanted: str, acknowledged: set[str]
) -> None:
    plan = plan_of(target, copies, wanted=wanted, acknowledged=acknowledged)
    named = [each for each in copies if each.ident.startswith(wanted)]
    assert plan.chosen is None or plan.chosen in named
    if wanted and copies:
        assert (plan.refused == "CopyUnknown") == (not named)
        assert (plan.refused == "CopyAmbiguous") == (len(named) > 1)


def test_the_newest_goes_back() -> None:
    copies = [copy(DAY, of("a", 31, 1)), copy(HOUR, of("a", 50, 1)), copy(9 * DAY, None)]
    plan = plan_of(Target("Corrupt", [pre_key(20), APP_STATE]), copies)
    assert plan.chosen == copies[1]
    assert plan.verdicts == {copies[2].ident: "NotWhole"}
    assert (plan.next_pre_key_id, plan.told) == (1049, [])


def test_a_damaged_newest_copy_leaves_the_one_before() -> None:
    copies = [copy(HOUR, None), copy(DAY, of("a", 31, 1))]
    assert plan_of(Target("Corrupt", [APP_STATE]), copies).chosen == copies[1]


def test_after_a_rotation_the_older_copy_goes_back_only_if_that_is_acknowledged() -> None:
    copies = [copy(HOUR, of("a", 50, 2)), copy(DAY, of("a", 31, 1))]
    target = Target("Corrupt", [APP_STATE])
    old = copies[1].ident
    assert plan_of(target, copies).chosen == copies[0]
    assert plan_of(target, copies, wanted=old).refused == "SignedPreKeyRotated"
    acknowledged = plan_of(target, copies, wanted=old, acknowledged=["SignedPreKeyRotated"])
    assert acknowledged.chosen == copies[1]


def test_pre_keys_that_began_anew_show_a_pairing_that_nobody_kept() -> None:
    """No record, no copy: the ids alone tell that another identity counts from 1."""
    target = Target("Corrupt", [APP_STATE, *(pre_key(number, HOUR) for number in range(1, 31))])
    copies = [copy(3 * DAY, of("a", 900, 1))]
    assert plan_of(target, copies).refused == "PreKeysRewritten"
    assert plan_of(target, copies, acknowledged=["PreKeysRewritten"]).chosen == copies[0]
    grown = Target("Corrupt", [APP_STATE, pre_key(899, 4 * DAY), pre_key(905, HOUR)])
    assert plan_of(grown, copies).next_pre_key_id == 1905


def test_a_copy_from_before_the_lid_was_known_is_of_the_same_pairing() -> None:
    early = credentials(me={"id": "1100:3@s.whatsapp.net"})
    copies = [copy(HOUR, of("a", 50, 1)), copy(DAY, early)]
    target = Target("Corrupt", [APP_STATE])
    assert plan_of(target, copies, wanted=copies[1].ident).chosen == copies[1]


@pytest.mark.parametrize("number", [0xFFFFFF, HIGHEST_START])
def test_ids_close_to_their_end_are_not_raised(number: int) -> None:
    target = Target("Corrupt", [APP_STATE, pre_key(number)])
    assert plan_of(target, [copy(DAY, of("a", 31, 1))]).refused == "PreKeyIdsExhausted"


def test_a_record_may_be_the_beginning_of_a_fingerprint() -> None:
    known = [(NOW - HOUR, PAIRINGS["a"].fingerprint[:8])]
    copies = [copy(DAY, of("a", 31, 1)), copy(2 * HOUR, of("b", 31, 1))]
    assert plan_of(Target("Corrupt", [APP_STATE], known), copies).chosen == copies[0]


def test_a_missing_app_state_key_and_an_empty_directory_are_told() -> None:
    copies = [copy(DAY, of("a", 31, 1))]
    assert plan_of(Target("Corrupt", [pre_key(3)]), copies).told == ["AppStateKeyMissing"]
    assert plan_of(Target("Absent", []), copies).told == ["AppStateKeyMissing", "NothingBeside"]
    assert plan_of(Target("Absent", [APP_STATE]), copies).told == []
