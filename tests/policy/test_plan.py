"""Which files a run removes, in which order, and what it leaves for the next."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy import reasons
from baileys_janitor.policy.cleanup.plan import make_plan
from baileys_janitor.policy.files.file_entry import MAX_ENTRIES
from baileys_janitor.policy.settings import DEFAULTS, MaxRemovals, Retention, Settings
from tests.all_checks import examples
from tests.policy.worlds import (
    DAY,
    GROUPS,
    HOUR,
    NOW,
    OTHERS,
    OWN_PN,
    PAIRED,
    World,
    ages_of,
    alive,
    file,
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

many = settings(max_examples=examples(120), deadline=None)


@many
@given(worlds())
def test_every_file_goes_or_stays_for_a_known_reason(world: World) -> None:
    plan = world.plan()

    assert len(plan.removals) + sum(plan.kept.values()) == len(world.entries)
    assert plan.kept.keys() <= reasons.KEPT.keys() | reasons.REFUSED.keys()
    assert {removal.reason for removal in plan.removals} <= reasons.REMOVED.keys()
    assert plan.left == plan.kept.get(reasons.NEXT_RUN, 0)
    assert len(set(names(plan))) == len(plan.removals)


@many
@given(worlds(paired=True))
def test_a_plan_does_not_depend_on_the_order_of_the_listing(world: World) -> None:
    assert names(world.plan()) == names(world.plan(entries=world.entries[::-1]))


@many
@given(worlds(paired=True))
def test_after_is_what_would_be_counted_then(world: World) -> None:
    plan = world.plan()
    gone = set(names(plan))
    rest = [entry for entry in world.entries if entry.name not in gone]

    assert world.plan(entries=rest).before == plan.after


@many
@given(worlds(paired=True), st.integers(0, 12), st.integers(0, 100))
def test_no_run_removes_more_than_it_may(world: World, files: int, percent: int) -> None:
    capped = world.settings.max_removals.__class__(percent, files)
    limited = Settings(*_parts(world.settings)[:4], capped)
    limit = min(files, len(world.entries) * percent // 100)
    plan = world.plan(settings=limited)
    whole = world.plan(settings=Settings(*_parts(world.settings)[:4], MaxRemovals(100, 10**6)))

    assert len(plan.removals) <= limit
    assert len(plan.removals) + plan.left == len(whole.removals)
    assert set(names(plan)) <= set(names(whole))
    units = [removal.unit for removal in plan.removals]
    for unit in set(units):
        members = [r for r in whole.removals if r.unit == unit]
        assert units.count(unit) == len(members)


def _parts(settings: Settings) -> list:  # type: ignore[type-arg]
    return [
        settings.thresholds,
        settings.allowances,
        settings.retention,
        settings.emergency_retention,
        settings.max_removals,
    ]


@many
@given(worlds(paired=True, emergency=False))
def test_a_normal_run_takes_the_oldest_first(world: World) -> None:
    newest = {}
    for removal in world.plan().removals:
        newest[removal.unit] = max(newest.get(removal.unit, 0), removal.entry.mtime_ns)

    times = [newest[unit] for unit in sorted(newest)]
    assert times == sorted(times)


def capped(percent: float, files: int) -> Settings:
    return Settings(max_removals=MaxRemovals(percent, files))


def test_a_capped_run_says_what_is_left_and_the_next_takes_it() -> None:
    entries = [session(f"49{each}", (20 + each) * DAY) for each in range(10)] + [alive()]

    first = plan_of(entries, capped(100, 4))
    rest = [entry for entry in entries if entry.name not in names(first)]
    second = plan_of(rest, capped(100, 100))

    assert names(first) == [f"session-49{each}.0.json" for each in (9, 8, 7, 6)]
    assert (first.left, first.before, first.after) == (6, 11, 7)
    assert (len(second.removals), second.left) == (6, 0)


def test_the_share_is_of_all_files() -> None:
    entries = [session(f"49{each}", 20 * DAY) for each in range(50)] + mappings(49) + [alive()]

    assert len(plan_of(entries, capped(20, 500)).removals) == 20


def test_a_pair_past_the_limit_is_not_split() -> None:
    pair = [memory(GROUPS[0], 20 * DAY), sender_key(GROUPS[0], OWN_PN, 20 * DAY, 7)]
    older, younger = session("4911", 30 * DAY), session("4912", 16 * DAY)

    plan = plan_of([*pair, older, younger, alive()], capped(100, 2))

    assert names(plan) == [older.name]
    assert plan.left == 3


def test_a_pair_larger_than_the_limit_does_not_block_the_others_for_ever() -> None:
    pair = [memory(GROUPS[0], 20 * DAY), sender_key(GROUPS[0], OWN_PN, 20 * DAY, 7)]
    younger = session("4912", 16 * DAY)

    plan = plan_of([*pair, younger, alive()], capped(100, 1))

    assert names(plan) == [younger.name]
    assert plan.left == 2


def test_the_normal_rules_in_one_picture() -> None:
    entries = [
        session("4911", 15 * DAY),
        session("4912", 13 * DAY),
        sender_key(GROUPS[0], OTHERS[0], 4 * DAY),
        sender_key(GROUPS[0], OTHERS[2], 2 * DAY),
        memory(GROUPS[1], 5 * DAY),
        sender_key(GROUPS[1], OWN_PN, 4.5 * DAY, 7),
        memory(GROUPS[2], HOUR),
        file("creds.json", DAY),
        file("notes.txt", 90 * DAY),
        *pre_keys(range(1, 31), 60 * DAY),
        *pre_keys(range(31, 61), 20 * DAY),
        alive(),
    ]
    identity = identity_of(nextPreKeyId=61, firstUnuploadedPreKeyId=61)

    plan = plan_of(entries, Settings(retention=Retention(pre_keys=50)), identity)

    assert [(r.entry.kind, r.reason) for r in plan.removals] == [
        *[("preKey", reasons.PRE_KEY_SURPLUS)] * 10,
        ("session", reasons.SESSION_EXPIRED),
        ("senderKeyMemory", reasons.OWN_SENDER_KEY_EXPIRED),
        ("senderKey", reasons.OWN_SENDER_KEY_EXPIRED),
        ("senderKey", reasons.SENDER_KEY_EXPIRED),
        ("senderKeyMemory", reasons.MEMORY_WITHOUT_KEY),
    ]
    assert {int(name[8:-5]) for name in names(plan)[:10]} == set(range(1, 11))
    assert plan.kept == {
        reasons.IN_USE: 3,
        reasons.PROTECTED_KIND: 1,
        reasons.UNKNOWN_FILE: 1,
        reasons.NEWEST_PRE_KEYS: 49,
        reasons.LATEST_PRE_KEY: 1,
    }
    # Ten of the sixty pre-keys were above the allowance.
    assert (plan.before, plan.after) == (60, 55)


def test_an_age_limit_is_exclusive() -> None:
    exactly, over = session("4911", 14 * DAY), session("4912", 14 * DAY + 1)

    assert names(plan_of([exactly, over, alive()])) == [over.name]


def test_too_many_entries_are_refused() -> None:
    entries = [alive()] * (MAX_ENTRIES + 1)

    plan = plan_of(entries)

    assert plan.refused == reasons.TOO_MANY_FILES
    assert plan.removals == []
    assert plan_of(entries[:-1]).refused is None


@pytest.mark.parametrize("now", [float("nan"), float("inf"), float("-inf"), 0.0, 1e9, 1e10])
def test_a_clock_that_shows_no_time_is_refused(now: float) -> None:
    entries = [session(OTHERS[0], 90 * DAY)]

    assert (
        make_plan(entries, PAIRED, DEFAULTS, now, ages_of(entries, now)).refused
        == reasons.CLOCK_UNUSABLE
    )


@pytest.mark.parametrize("since", [float("inf"), NOW + DAY])
def test_an_activity_that_makes_no_sense_keeps_everything(since: float) -> None:
    entries = [session(OTHERS[0], 90 * DAY), alive()]

    assert names(plan_of(entries, active_since=since)) == []


def test_an_empty_directory_has_an_empty_plan() -> None:
    plan = plan_of([])

    assert (plan.removals, plan.kept, plan.before, plan.after) == ([], {}, 0, 0)
