"""What is counted, and the level that makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.counts import AGE_BOUNDS_DAYS, Census, take_census
from baileys_janitor.policy.files.file_kinds import ACTIVITY_KINDS, KINDS, PROTECTED_KINDS
from baileys_janitor.policy.levels import LEVELS, at_least, counted, level
from baileys_janitor.policy.settings import DEFAULTS, TOTAL, Settings, Thresholds
from tests.policy.worlds import (
    DAY,
    GROUPS,
    HOUR,
    MINUTE,
    NOW,
    OTHERS,
    World,
    file,
    mappings,
    memory,
    pre_keys,
    sender_key,
    session,
    worlds,
)


@given(worlds(paired=True))
def test_every_file_is_counted_once(world: World) -> None:
    census = take_census(world.entries, world.now)

    assert census.total == len(world.entries) == sum(census.by_kind) == sum(census.ages)
    assert census.bytes == sum(entry.size for entry in world.entries)
    assert len(census.by_kind) == len(KINDS)
    assert len(census.ages) == 5


def test_a_census_of_a_few_files() -> None:
    entries = [
        file("creds.json", HOUR, size=2_000),
        file("notes.txt", 90 * DAY, size=7),
        memory(GROUPS[0], 2 * DAY),
        sender_key(GROUPS[0], OTHERS[0], 8 * DAY),
        session(OTHERS[0], 15 * DAY),
        *mappings(2, 31 * DAY),
        *pre_keys([4, 9], 0.0),
    ]

    census = take_census(entries, NOW)

    assert census.by_kind == [1, 0, 2, 2, 1, 1, 1, 0, 0, 0, 1]
    assert census.protected == 3
    assert census.bytes == 2_007 + 7 * 100
    assert census.ages == [3, 1, 1, 1, 3]
    assert census.oldest_ns == int((NOW - 90 * DAY) * 1e9)
    assert census.newest_ns == int(NOW * 1e9)
    assert census.newest_activity_ns == int((NOW - 8 * DAY) * 1e9)
    assert census.upload_span == 6


@pytest.mark.parametrize(
    ("age", "bucket"),
    [(-HOUR, 0), (DAY - 1, 0), (DAY, 1), (7 * DAY, 2), (14 * DAY, 3), (30 * DAY, 4)],
)
def test_age_buckets_begin_at_their_lower_bound(age: float, bucket: int) -> None:
    ages = take_census([file("notes.txt", age)], NOW).ages

    assert [place for place, number in enumerate(ages) if number] == [bucket]


def test_activity_ignores_times_far_ahead_and_never_lies_in_the_future() -> None:
    ahead = take_census([session(OTHERS[0], -5 * MINUTE), session(OTHERS[1], DAY)], NOW)
    far = take_census([session(OTHERS[0], -HOUR), session(OTHERS[1], DAY)], NOW)

    assert ahead.newest_activity_ns == int(NOW * 1e9)
    assert far.newest_activity_ns == int((NOW - DAY) * 1e9)


def test_an_empty_directory_has_no_times() -> None:
    census = take_census([], NOW)

    assert (census.oldest_ns, census.newest_ns, census.newest_activity_ns) == (None, None, None)
    assert counted(census, DEFAULTS) == 0


@given(worlds(paired=True))
def test_the_ages_and_the_newest_activity_are_those_of_the_files_one_by_one(world: World) -> None:
    census, now_ns = take_census(world.entries, world.now), int(world.now * 1e9)
    buckets, newest = [0] * 5, None
    for entry in world.entries:
        age = (now_ns - entry.mtime_ns) / (DAY * 10**9)
        buckets[sum(age >= bound for bound in AGE_BOUNDS_DAYS)] += 1
        if entry.kind in ACTIVITY_KINDS and now_ns - entry.mtime_ns >= -10 * MINUTE * 10**9:
            newest = max(newest or 0, min(entry.mtime_ns, now_ns))
    assert census.ages == buckets
    assert census.newest_activity_ns == newest
    assert census.protected == sum(entry.kind in PROTECTED_KINDS for entry in world.entries)


def directory(pre_key_files: int, protected: int, others: int) -> Census:
    census = Census()
    census.total = pre_key_files + protected + others
    for kind, number in (("preKey", pre_key_files), ("lidMapping", protected), ("other", others)):
        census.by_kind[KINDS.index(kind)] = number
    census.protected = protected
    return census


@pytest.mark.parametrize(
    ("pre_key_files", "protected", "pressure"),
    [(50, 65, 125), (51, 65, 125), (50, 66, 125), (812, 400, 125), (40, 60, 110), (0, 0, 10)],
)
def test_pressure_leaves_out_what_exceeds_the_allowances(
    pre_key_files: int, protected: int, pressure: int
) -> None:
    census = directory(pre_key_files, protected, 10)

    assert counted(census, DEFAULTS) == pressure
    total = Settings(Thresholds(count=TOTAL))
    assert counted(census, total) == pre_key_files + protected + 10


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_pressure_never_exceeds_the_total_and_counts_unknown_files_in_full(
    pre_key_files: int, protected: int, others: int
) -> None:
    count = counted(directory(pre_key_files, protected, others), DEFAULTS)

    assert others <= count <= pre_key_files + protected + others


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "Healthy"),
        (149, "Healthy"),
        (150, "Warning"),
        (169, "Warning"),
        (170, "Critical"),
        (179, "Critical"),
        (180, "Emergency"),
        (10_000, "Emergency"),
    ],
)
def test_a_level_begins_at_its_limit(count: int, expected: str) -> None:
    assert level(count, DEFAULTS.thresholds) == expected


def test_levels_are_ordered() -> None:
    assert LEVELS == ("Healthy", "Warning", "Critical", "Emergency")
    assert at_least("Emergency", "Critical")
    assert at_least("Critical", "Critical")
    assert not at_least("Warning", "Critical")
    with pytest.raises(ValueError, match="Fine"):
        at_least("Fine", "Critical")
