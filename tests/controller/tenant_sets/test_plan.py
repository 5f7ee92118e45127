"""What a set plans: within limits, only as far as was agreed, and never because a mount was empty."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.tenant_sets.names import Place, mark_of, name_of
from baileys_janitor.controller.tenant_sets.plan import (
    AT_ONCE,
    DAY_SECONDS,
    GONE_SECONDS,
    Child,
    Memory,
    Plan,
    Wanted,
    make_plan,
)

NOW = 1_795_000_000.0
DAY = DAY_SECONDS
WANTED = Wanted(confirmed=True, limit=500, new_per_day=50, deletes=True, template="t1")


def place(number: int) -> Place:
    return Place("bots", f"company_{number}")


def places(count: int, start: int = 0) -> set[Place]:
    return {place(number) for number in range(start, start + count)}


def child(number: int, age: float = 30 * DAY, template: str = "t1") -> Child:
    return Child(f"c{number}", f"uid{number}", place(number), template, NOW - age)


def plan_of(
    found: Collection[Place],
    children: Sequence[Child] = (),
    memory: Memory | None = None,
    wanted: Wanted = WANTED,
    taken: Collection[Place] = (),
    now: float = NOW,
) -> Plan:
    known = Memory(frozenset(mark_of(each.place) for each in children))
    return make_plan(found, children, taken, memory or known, wanted, now)


def test_nothing_is_created_before_somebody_agrees() -> None:
    wanted = Wanted(confirmed=False, limit=500, new_per_day=50, deletes=True, template="t2")

    plan = plan_of(places(7), [child(0)], wanted=wanted)

    assert (plan.found, plan.tenants, plan.new) == (7, 1, 6)
    assert plan.create == plan.edit == plan.delete == []


def test_a_day_brings_only_so_many() -> None:
    fresh = [child(number, age=3600) for number in range(45)]

    plan = plan_of(places(500), fresh)

    assert len(plan.create) == 5
    assert (plan.new, plan.waiting, plan.until_tomorrow) == (455, 450, True)


def test_a_limit_holds_however_many_are_found() -> None:
    wanted = Wanted(confirmed=True, limit=10, new_per_day=50, deletes=False, template="t1")

    plan = plan_of(places(500), [child(number) for number in range(8)], wanted=wanted)

    assert len(plan.create) == 2
    assert (plan.waiting, plan.until_tomorrow) == (490, False)


def test_many_come_in_several_looks() -> None:
    plan = plan_of(places(40))

    assert len(plan.create) == AT_ONCE
    assert plan.more


def test_what_another_tenant_looks_after_is_left_to_it() -> None:
    plan = plan_of(places(3), taken=[place(1)])

    assert plan.create == [place(0), place(2)]
    assert plan.elsewhere == 1


def test_a_tenant_that_somebody_deleted_comes_back_only_when_confirmed() -> None:
    memory = Memory(frozenset({mark_of(place(0)), mark_of(place(1))}))
    again = Memory(memory.known, {}, returning=True)

    plan = plan_of(places(3), [child(0)], memory)
    confirmed = plan_of(places(3), [child(0)], again)

    assert plan.create == [place(2)]
    assert plan.by_hand == 1
    assert mark_of(place(1)) in plan.known
    assert confirmed.create == [place(1), place(2)]
    assert confirmed.by_hand == 0


def test_what_was_deleted_and_is_gone_is_forgotten_but_not_by_an_empty_volume() -> None:
    memory = Memory(frozenset({mark_of(place(1))}))

    assert mark_of(place(1)) not in plan_of(places(1), memory=memory).known
    assert mark_of(place(1)) in plan_of(set(), memory=memory).known


def test_an_empty_volume_deletes_nothing_however_long() -> None:
    children = [child(number) for number in range(3)]
    memory = Memory(frozenset(mark_of(each.place) for each in children))

    for day in range(30):
        plan = plan_of(set(), children, memory, now=NOW + day * DAY)
        assert plan.delete == []
        assert plan.gone == {}
        memory = Memory(frozenset(plan.known), plan.gone)


def test_only_what_is_missed_for_seven_days_goes_and_only_if_that_is_wanted() -> None:
    children = [child(0), child(1)]
    keeping = Wanted(confirmed=True, limit=500, new_per_day=50, deletes=False, template="t1")
    first = plan_of(places(1), children)
    memory = Memory(frozenset(first.known), first.gone)

    early = plan_of(places(1), children, memory, now=NOW + GONE_SECONDS - 1)
    late = plan_of(places(1), children, memory, now=NOW + GONE_SECONDS)
    kept = plan_of(places(1), children, memory, keeping, now=NOW + GONE_SECONDS)
    back = plan_of(places(2), children, memory, now=NOW + GONE_SECONDS)

    assert early.delete == kept.delete == back.delete == []
    assert late.delete == [children[1]]
    assert back.gone == {}


def test_a_new_template_reaches_every_tenant_and_an_old_one_none() -> None:
    children = [child(0), child(1, template="t0")]

    assert plan_of(places(2), children).edit == [children[1]]


NUMBERS = st.sets(st.integers(0, 60), max_size=60)


@given(
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.integers(0, 70),
    st.integers(0, 70),
    st.booleans(),
    st.booleans(),
)
def test_limits_and_agreement_hold_whatever_there_is(
    found: set[int],
    owned: set[int],
    taken: set[int],
    known: set[int],
    limit: int,
    of_day: int,
    confirmed: bool,
    deletes: bool,
) -> None:
    wanted = Wanted(confirmed, limit, of_day, deletes, "t1")
    children = [child(number, age=number * 3600.0) for number in sorted(owned)]
    memory = Memory(
        frozenset(mark_of(place(n)) for n in known),
        {mark_of(place(n)): NOW - n * DAY for n in known},
    )
    others = {place(n) for n in taken - owned}

    plan = make_plan({place(n) for n in found}, children, others, memory, wanted, NOW)

    created = set(plan.create)
    assert len(created) == len(plan.create)
    assert len(children) + len(created) <= max(limit, len(children))
    today = sum(NOW - each.created < DAY for each in children)
    assert len(created) <= max(0, of_day - today)
    assert not created & ({each.place for each in children} | others)
    assert created <= {place(n) for n in found - known}
    assert all(each.place not in {place(n) for n in found} for each in plan.delete)
    if not confirmed:
        assert [*created, *plan.edit, *plan.delete] == []
    if not found or not deletes:
        assert not plan.delete


def test_names_tell_places_apart_and_hold_no_phone_number() -> None:
    found = {
        path: name_of(Place("bots", path), by_claim=False)
        for path in ("company_962302", "auth/4915512345678", "+49 155 1234-5678", "Acme Ltd", ".")
    }

    assert found["company_962302"].startswith("962302-")
    assert found["auth/4915512345678"].startswith("tenant-")
    assert found["+49 155 1234-5678"].startswith("tenant-")
    assert found["Acme Ltd"].startswith("acme-ltd-")
    assert found["."].startswith("tenant-")
    assert name_of(Place("bots-1", "."), by_claim=True).startswith("bots-1-")
    assert len(set(found.values())) == len(found)


@given(st.text(min_size=1, max_size=300), st.booleans())
def test_every_place_has_a_name_that_a_resource_can_have(path: str, by_claim: bool) -> None:
    import re

    from baileys_janitor.api.values.patterns import OBJECT_NAME

    name = name_of(Place("claim", path), by_claim=by_claim)

    assert re.fullmatch(OBJECT_NAME, name)
    assert len(name) <= 63
    assert name == name_of(Place("claim", path), by_claim=by_claim)
