"""An emergency goes further than the normal rules, as little as need be, and only where it helps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from baileys_janitor.policy import reasons
from baileys_janitor.policy.counts import take_census
from baileys_janitor.policy.levels import counted
from baileys_janitor.policy.settings import (
    PRESSURE,
    TOTAL,
    Allowances,
    MaxRemovals,
    Retention,
    Settings,
    Thresholds,
)
from tests.all_checks import examples
from tests.policy.worlds import (
    DAY,
    GROUPS,
    HOUR,
    OWN_PN,
    World,
    alive,
    identity_of,
    mappings,
    memory,
    names,
    plan_of,
    pre_keys,
    sender_key,
    session,
    worlds,
)

many = settings(max_examples=examples(150), deadline=None)


def without_cap(world: World) -> World:
    given_settings = world.settings
    return world._replace(
        settings=Settings(
            given_settings.thresholds,
            given_settings.allowances,
            given_settings.retention,
            given_settings.emergency_retention,
            MaxRemovals(100, 10**6),
        )
    )


@many
@given(worlds(paired=True, emergency=True))
def test_every_single_removal_lowers_the_count(world: World) -> None:
    plan = world.plan()
    rest = list(world.entries)
    before = plan.before
    for removal in plan.removals:
        rest.remove(removal.entry)
        after = counted(take_census(rest, world.now), world.settings)
        assert after == before - 1
        before = after
    assert plan.after == before


@many
@given(worlds(paired=True, emergency=True))
def test_nothing_beyond_the_normal_rules_goes_without_need(world: World) -> None:
    world = without_cap(world)
    plan = world.plan()
    normal = set(names(world.plan(emergency=False)))
    extra: dict[int, int] = {}
    for removal in plan.removals:
        if removal.entry.name not in normal:
            extra[removal.unit] = extra.get(removal.unit, 0) + 1

    # Without any one of the extra units, the count would be critical.
    critical = world.settings.thresholds.critical
    assert all(plan.after + size >= critical for size in extra.values())


@many
@given(worlds(paired=True, emergency=True))
def test_it_does_not_end_at_critical_while_something_is_left_to_gain(world: World) -> None:
    world = without_cap(world)
    plan = world.plan()
    if plan.after < world.settings.thresholds.critical:
        return

    rest = [entry for entry in world.entries if entry.name not in set(names(plan))]
    again = world.plan(entries=rest)
    assert again.removals == []


@many
@given(worlds(paired=True, emergency=True))
def test_it_includes_what_the_normal_rules_remove_and_lowers_the_count(world: World) -> None:
    world = without_cap(world)
    normal = [removal.entry for removal in world.plan(emergency=False).removals]

    assert {e.name for e in normal if e.kind != "preKey"} <= set(names(world.plan()))


def limits(critical: int, count: str = PRESSURE) -> Thresholds:
    return Thresholds(critical, critical, critical, critical, critical, count)


def test_it_takes_the_oldest_and_stops_below_critical() -> None:
    entries = [session(f"49{each}", (8 + each / 10) * DAY) for each in range(20)] + [alive()]

    plan = plan_of(entries, Settings(limits(16)), emergency=True)

    assert names(plan) == [f"session-49{each}.0.json" for each in (19, 18, 17, 16, 15, 14)]
    assert (plan.before, plan.after) == (21, 15)
    assert plan.kept[reasons.NOT_NEEDED] == 14


def test_below_critical_only_the_normal_rules_hold() -> None:
    entries = [session("4911", 15 * DAY), session("4912", 8 * DAY), alive()]

    assert names(plan_of(entries, emergency=True)) == ["session-4911.0.json"]


def test_a_pair_that_overshoots_spares_the_youngest_single() -> None:
    single = session("4911", 9 * DAY)
    pair = [memory(GROUPS[0], 2 * DAY), sender_key(GROUPS[0], OWN_PN, 2 * DAY, 7)]
    entries = [single, *pair, alive()]

    plan = plan_of(entries, Settings(limits(3)), emergency=True)

    assert names(plan) == [entry.name for entry in pair]
    assert plan.after == 2
    assert plan.kept[reasons.NOT_NEEDED] == 1


def old_pre_keys(number: int) -> list:  # type: ignore[type-arg]
    batches = [pre_keys(range(first, first + 30), (70 - first) * DAY) for first in (1, 31, 61)]
    return [key for batch in batches for key in batch][-number:]


@pytest.mark.parametrize(
    ("number", "count", "keep", "removed"),
    [
        (80, PRESSURE, 50, 0),  # none of them alone lowers what is compared
        (80, TOTAL, None, 50),
        (50, PRESSURE, 50, 20),
        (50, PRESSURE, None, 0),
        (45, PRESSURE, 50, 15),
        (30, PRESSURE, 50, 0),
    ],
)
def test_pre_keys_go_only_where_each_of_them_counts(
    number: int, count: str, keep: int | None, removed: int
) -> None:
    identity = identity_of(nextPreKeyId=91, firstUnuploadedPreKeyId=91)
    everything = Settings(
        limits(1, count),
        retention=Retention(pre_keys=keep),
        max_removals=MaxRemovals(100, 500),
    )

    plan = plan_of([*old_pre_keys(number), alive()], everything, identity, emergency=True)

    assert len(plan.removals) == removed
    assert plan.before - plan.after == removed


def test_where_nothing_can_be_gained_nothing_goes() -> None:
    # 812 pre-keys and a hundred contacts in use: removing pre-keys would cost first messages only.
    identity = identity_of(nextPreKeyId=813, firstUnuploadedPreKeyId=813)
    entries = [
        *pre_keys(range(1, 813), 10 * DAY),
        *mappings(200),
        *[session(f"49{each}", 6 * HOUR) for each in range(100)],
    ]

    plan = plan_of(entries, identity=identity, emergency=True)

    assert plan.removals == []
    assert plan.before == 50 + 65 + 100 >= 180


def test_emergency_retention_that_is_laxer_than_the_normal_one_changes_nothing() -> None:
    lax = Settings(
        limits(1),
        Allowances(),
        Retention(7 * DAY, DAY, 30),
        Retention(30 * DAY, 30 * DAY, 80),
    )
    entries = [session("4911", 8 * DAY), session("4912", 6 * DAY), alive()]

    assert names(plan_of(entries, lax, emergency=True)) == ["session-4911.0.json"]
