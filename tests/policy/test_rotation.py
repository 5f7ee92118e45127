"""Whatever lies in a directory: a rotation takes all of the pairing, in an order that leaves no half session."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy import reasons
from baileys_janitor.policy.files.file_entry import Entry
from baileys_janitor.policy.files.file_kinds import KINDS
from baileys_janitor.policy.files.identity import Identity, read_identity
from baileys_janitor.policy.rotation import (
    MOST_FILES,
    PAIRED_SINCE,
    TOO_MANY_TO_ROTATE,
    UNDO_MOST_SECONDS,
    UNDO_SECONDS,
    is_kept,
    make_rotation_plan,
    rollback_refusal,
)
from tests.policy.worlds import DAY, NOW, OWN_SPELLINGS, PAIRED, creds, file, identity_of, odd_names
from tests.policy.worlds import known_names as library_names

#: In the tests' own words: what the library writes for a pairing, by the beginnings of names.
OF_PAIRING = (
    "creds.json",
    "app-state-sync-key-",
    "app-state-sync-version-",
    "pre-key-",
    "session-",
    "sender-key-",
    "device-list-",
    "tctoken-",
    "contacts-tc-token-",
    "identity-key-",
)
ANEW = identity_of(registrationId=78)
UNREADABLE = [read_identity(b'{"me"'), read_identity(b" " * 2_000_000)]
NOBODY = [Identity("Absent"), read_identity(json.dumps(creds(me=...)).encode())]

worlds = st.lists(
    st.one_of(odd_names, library_names, st.integers(1, 99).map(lambda key: f"pre-key-{key}.json")),
    unique=True,
    max_size=40,
).map(lambda names: [file(name, DAY) for name in names])


def own_pairs(names: list[str]) -> dict[str, set[str]]:
    """Group to its memory file and the tenant's own sender keys, from names alone."""
    pairs: dict[str, set[str]] = {}
    for name in names:
        if name.startswith("sender-key-memory-"):
            pairs.setdefault(name[len("sender-key-memory-") : -5], set()).add(name)
        elif name.startswith("sender-key-"):
            group, user, _ = name[len("sender-key-") : -5].rsplit("--", 2)
            if user.split("-")[0] in OWN_SPELLINGS:
                pairs.setdefault(group, set()).add(name)
    return pairs


@given(worlds)
def test_every_file_goes_or_stays_and_the_mappings_and_the_unknown_stay(
    world: list[Entry],
) -> None:
    plan = make_rotation_plan(world, PAIRED)
    going = [each.entry.name for each in plan.removals]
    staying = {each.name for each in world} - set(going)
    assert len(going) == len(set(going))
    assert plan.carried + plan.unknown == len(staying)
    for name in going:
        assert name.startswith(OF_PAIRING)
        assert not name.startswith("lid-mapping-")
    for each in world:
        if each.kind in KINDS and each.kind not in ("other", "lidMapping"):
            assert each.name in going


@given(worlds)
def test_creds_json_goes_first_and_own_keys_right_after_their_memory(world: list[Entry]) -> None:
    plan = make_rotation_plan(world, PAIRED)
    going = [each.entry.name for each in plan.removals]
    if "creds.json" in going:
        assert going[0] == "creds.json"
    units: dict[int, list[str]] = {}
    for each in plan.removals:
        units.setdefault(each.unit, []).append(each.entry.name)
    assert going == [name for unit in units.values() for name in unit]
    for pair in own_pairs(going).values():
        unit = next(names for names in units.values() if names[0] in pair)
        assert set(unit) == pair
        assert all("memory" not in name for name in unit[1:]), "the memory file goes first"


@given(worlds, st.sampled_from([*UNREADABLE, *NOBODY]))
def test_without_a_paired_creds_json_nothing_goes(world: list[Entry], identity: Identity) -> None:
    plan = make_rotation_plan(world, identity)
    assert plan.removals == []
    assert plan.refused in reasons.REFUSED


def test_what_one_rotation_cannot_hold_is_refused_whole() -> None:
    world = [file(f"pre-key-{key}.json") for key in range(1, MOST_FILES + 2)]
    plan = make_rotation_plan(world, PAIRED)
    assert (plan.refused, plan.removals) == (TOO_MANY_TO_ROTATE, [])
    assert len(make_rotation_plan(world[1:], PAIRED).removals) == MOST_FILES


def test_an_entry_whose_kind_is_not_that_of_its_name_stays() -> None:
    forged = Entry("lid-mapping-1.json", "session", "1.0", 1, 1, 1, 1)
    assert make_rotation_plan([forged], PAIRED).removals == []


@pytest.mark.parametrize("identity", NOBODY, ids=["absent", "unpaired"])
def test_while_nobody_is_paired_a_rotation_may_be_taken_back(identity: Identity) -> None:
    assert rollback_refusal(identity, PAIRED.fingerprint) is None


def test_after_a_new_pairing_and_while_one_may_have_come_about_it_may_not() -> None:
    assert rollback_refusal(ANEW, PAIRED.fingerprint) == PAIRED_SINCE
    assert rollback_refusal(PAIRED, "") == PAIRED_SINCE
    for identity in UNREADABLE:
        assert rollback_refusal(identity, PAIRED.fingerprint) in reasons.REFUSED
    assert rollback_refusal(PAIRED, PAIRED.fingerprint) is None, "a process has written it again"


@given(st.floats(0, 4e9), st.floats(-DAY, 2 * UNDO_MOST_SECONDS), st.floats(-60 * DAY, 60 * DAY))
def test_what_is_kept_is_kept_for_as_long_as_anybody_can_ask_for(
    time: float, keep: float, age: float
) -> None:
    kept = is_kept(time, time + keep, time + age)
    if kept:
        assert age >= -3601
        assert age <= UNDO_MOST_SECONDS + 1
    if 0 <= age <= keep - 1 <= UNDO_MOST_SECONDS - 2:
        assert kept


def test_a_week_is_kept_unless_somebody_says_otherwise() -> None:
    assert is_kept(NOW, NOW + UNDO_SECONDS, NOW + 7 * DAY - 1)
    assert not is_kept(NOW, NOW + UNDO_SECONDS, NOW + 7 * DAY)
