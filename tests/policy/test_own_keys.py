"""The tenant's own devices, and its own sender keys with their memory files."""

from __future__ import annotations

import pytest

from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.guards import protect
from baileys_janitor.policy.cleanup.retention import due_units
from baileys_janitor.policy.settings import Retention
from tests.policy.worlds import (
    DAY,
    GROUPS,
    HOUR,
    MINUTE,
    OTHERS,
    OWN_LID,
    OWN_PN,
    OWN_SPELLINGS,
    alive,
    file,
    identity_of,
    mappings,
    memory,
    names,
    plan_of,
    sender_key,
    session,
)


@pytest.mark.parametrize("user", OWN_SPELLINGS)
@pytest.mark.parametrize("device", [0, 7, 99])
def test_an_own_device_is_known_under_each_spelling(user: str, device: int) -> None:
    own = session(user, 90 * DAY, device)

    plan = plan_of([own, session(OTHERS[2], 90 * DAY), alive()], emergency=True)

    assert names(plan) == [f"session-{OTHERS[2]}.0.json"]
    assert plan.kept[reasons.OWN_DEVICE] == 1


@pytest.mark.parametrize("user", OWN_SPELLINGS)
@pytest.mark.parametrize("group", GROUPS)
def test_a_memory_file_is_no_repair_while_an_own_key_exists_under_any_spelling(
    user: str, group: str
) -> None:
    pair = [memory(group, HOUR), sender_key(group, user, HOUR, 7)]

    assert names(plan_of([*pair, alive()])) == []


def test_a_memory_file_without_an_own_key_is_removed_at_any_age() -> None:
    lone = memory(GROUPS[0], HOUR)
    plan = plan_of([lone, sender_key(GROUPS[0], OTHERS[0], HOUR), alive()])

    assert [(r.entry.name, r.reason) for r in plan.removals] == [
        (lone.name, reasons.MEMORY_WITHOUT_KEY)
    ]


def test_a_repair_is_made_while_the_tenant_is_stopped() -> None:
    lone = memory(GROUPS[0], 20 * DAY)

    assert names(plan_of([lone, session(OTHERS[0], 20 * DAY)], active_since=None)) == [lone.name]


def test_an_empty_own_key_is_a_missing_one() -> None:
    pair = [memory(GROUPS[0], HOUR), sender_key(GROUPS[0], OWN_PN, 2 * HOUR, 7, size=0)]

    plan = plan_of([*reversed(pair), alive(), *mappings(9)])

    assert names(plan) == [entry.name for entry in pair]


def test_an_own_key_that_was_emptied_this_moment_may_be_a_write_under_way() -> None:
    pair = [memory(GROUPS[0], HOUR), sender_key(GROUPS[0], OWN_PN, 5, 7, size=0)]

    assert names(plan_of([*pair, alive()])) == []


@pytest.mark.parametrize("me", [{"lid": "?"}, {}])
def test_no_repair_where_an_own_key_may_lie_under_an_unknown_lid(me: dict[str, str]) -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net", **me})
    pair = [memory(GROUPS[0], HOUR), sender_key(GROUPS[0], f"{OWN_LID}_1", HOUR, 7)]

    assert names(plan_of([*pair, alive()], identity=identity)) == []


@pytest.mark.parametrize("learned", [False, True])
def test_lid_sessions_stay_while_the_own_lid_is_unknown(learned: bool) -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net"})
    old = [session(OTHERS[0], 90 * DAY), session(f"{OWN_LID}_1", 90 * DAY), alive()]
    old += mappings(9)
    if learned:
        old.append(file(f"lid-mapping-{OWN_PN}.json", 90 * DAY))

    plan = plan_of(old, identity=identity)

    assert names(plan) == [old[0].name]
    assert plan.kept[reasons.OWN_LID_UNKNOWN] == 1


@pytest.mark.parametrize("spelling", [f"{OWN_LID}_1", f"{OWN_LID}_129", OWN_LID, f"{OWN_LID}-12"])
def test_a_lid_is_one_in_the_spelling_of_older_libraries_and_forks_too(spelling: str) -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net"})
    files = [session(spelling, 90 * DAY), sender_key(GROUPS[0], spelling, 90 * DAY), alive()]
    files += mappings(9)

    assert names(plan_of(files, identity=identity)) == []
    assert len(names(plan_of(files, identity=identity.with_lid("990011")))) == 2


def test_with_the_own_lid_of_the_mapping_files_the_others_go() -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net"}).with_lid(OWN_LID)
    old = [session(OTHERS[2], 90 * DAY), session(f"{OWN_LID}_1", 90 * DAY, 3), alive()]

    assert names(plan_of(old, identity=identity)) == [old[0].name]


def test_lid_sessions_stay_while_the_own_lid_in_creds_makes_no_sense() -> None:
    identity = identity_of(me={"id": f"{OWN_PN}:7@s.whatsapp.net", "lid": "?"})
    old = [session(OTHERS[0], 90 * DAY), session(f"{OWN_LID}_1", 90 * DAY), alive()]

    plan = plan_of(old, identity=identity)

    assert names(plan) == [old[0].name]
    assert plan.kept[reasons.OWN_LID_UNKNOWN] == 1


def test_own_key_and_memory_wait_for_the_younger_of_them() -> None:
    young_key = [memory(GROUPS[0], 9 * DAY), sender_key(GROUPS[0], OWN_PN, 2 * DAY, 7)]
    young_memory = [memory(GROUPS[1], 2 * DAY), sender_key(GROUPS[1], OWN_PN, 9 * DAY, 7)]
    both_old = [memory(GROUPS[2], 9 * DAY), sender_key(GROUPS[2], OWN_PN, 8 * DAY, 7)]

    plan = plan_of([*young_key, *young_memory, *both_old, alive()])

    assert names(plan) == [entry.name for entry in both_old]
    assert plan.kept == {reasons.OWN_KEY_IN_USE: 4, reasons.IN_USE: 1}


@pytest.mark.parametrize(
    ("memory_age", "key_age", "size", "reason"),
    [
        (9 * DAY, 2 * DAY, 100, reasons.OWN_KEY_IN_USE),
        (2 * DAY, 9 * DAY, 100, reasons.OWN_KEY_IN_USE),
        (9 * DAY, 8 * DAY, 100, None),
        (9 * DAY, MINUTE, 0, reasons.OWN_KEY_IN_USE),
        (9 * DAY, HOUR, 0, None),
    ],
)
def test_the_guard_alone_looks_at_both_files_of_a_pair(
    memory_age: float, key_age: float, size: int, reason: str | None
) -> None:
    pair = [
        memory(GROUPS[0], memory_age),
        sender_key(GROUPS[0], OWN_PN, key_age, 7, size=size),
    ]
    context = plan_of([*pair, alive()]).context
    assert context is not None

    assert {protect(entry, context) for entry in pair} - {reasons.FRESH} == {reason}


def test_a_pair_unknown_to_the_plan_is_protected() -> None:
    context = plan_of([alive()]).context
    assert context is not None

    assert protect(memory(GROUPS[0], 9 * DAY), context) is not None
    assert protect(sender_key(GROUPS[0], OWN_PN, 9 * DAY, 7), context) is not None


@pytest.mark.parametrize("place", [0, 1])
def test_no_half_of_a_pair_is_due_when_a_guard_withholds_the_other(place: int) -> None:
    pair = [memory(GROUPS[0], 9 * DAY), sender_key(GROUPS[0], OWN_PN, 8 * DAY, 7)]
    context = plan_of([*pair, alive()]).context
    assert context is not None

    assert due_units(pair, context, Retention(), None).files == 2
    assert due_units([pair[place]], context, Retention(), None).files == 0


FORK_KEY = f"sender-key-{GROUPS[0]}--{OWN_PN}-7--0.json"


@pytest.mark.parametrize(
    "key",
    [
        FORK_KEY,
        # Names that cannot be read: they may be the own key in another library's spelling.
        f"sender-key-{GROUPS[0]}--{OWN_PN}.7--0.json",
        f"sender-key-{GROUPS[0]}--{OWN_PN}@s.whatsapp.net--7.json",
        f"sender-key-{GROUPS[0]}.{OWN_PN}.7.json",
    ],
)
def test_a_group_with_a_key_of_another_spelling_is_not_repaired(key: str) -> None:
    healthy = [memory(GROUPS[0], HOUR), file(key, HOUR)]
    lone = memory(GROUPS[1], HOUR)

    assert names(plan_of([*healthy, lone, alive()])) == [lone.name]


def test_a_key_that_cannot_be_read_makes_its_pair_as_young_as_itself() -> None:
    unread = f"sender-key-{GROUPS[0]}--{OWN_PN}@s.whatsapp.net--7.json"
    old = memory(GROUPS[0], 9 * DAY)

    assert names(plan_of([old, file(unread, 2 * DAY), alive()])) == []
    assert names(plan_of([old, file(unread, 8 * DAY), alive()])) == [old.name]


def test_a_forks_own_key_goes_with_its_memory_file() -> None:
    pair = [memory(GROUPS[0], 9 * DAY), file(FORK_KEY, 8 * DAY)]

    rest = [alive(), *mappings(9)]

    assert names(plan_of([*reversed(pair), *rest])) == [entry.name for entry in pair]
    assert names(plan_of([pair[0], file(FORK_KEY, DAY), *rest])) == []


def test_a_temporary_file_of_a_key_is_no_key() -> None:
    lone = memory(GROUPS[0], HOUR)

    assert names(plan_of([lone, file(f"{FORK_KEY}.tmp", HOUR), alive()])) == [lone.name]


def test_sessions_of_forks_go_by_age_and_those_with_own_devices_stay() -> None:
    own = file(f"session-{OWN_PN}-5.0.json", 90 * DAY)
    others = file("session-12015550111-5.0.json", 90 * DAY)

    plan = plan_of([own, others, alive()])

    assert names(plan) == [others.name]
    assert plan.kept[reasons.OWN_DEVICE] == 1
