"""Whether a tenant runs, and since when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.activity import infer_active_since, next_active_since
from baileys_janitor.policy.census import take_census
from baileys_janitor.policy.listing import Entry
from tests.policy.worlds import (
    DAY,
    GROUPS,
    HOUR,
    MINUTE,
    NOW,
    OTHERS,
    file,
    memory,
    sender_key,
    session,
)


def sessions(*ages: float) -> list[Entry]:
    return [session(f"49{place}", age) for place, age in enumerate(ages)]


def inferred_age(entries: list[Entry]) -> float | None:
    since = infer_active_since(entries, NOW)
    return None if since is None else pytest.approx(NOW - since, abs=0.01)  # type: ignore[return-value]


def test_a_tenant_without_traffic_for_a_day_is_stopped() -> None:
    assert inferred_age(sessions(24 * HOUR + 1, 30 * DAY)) is None
    assert inferred_age(sessions(24 * HOUR - 1, 30 * DAY)) is not None


@pytest.mark.parametrize(
    "fresh", [file("creds.json", MINUTE), memory(GROUPS[0], MINUTE), file("pre-key-9.json", MINUTE)]
)
def test_only_sessions_and_sender_keys_are_traffic(fresh: Entry) -> None:
    assert inferred_age([fresh, *sessions(20 * DAY)]) is None
    assert inferred_age([sender_key(GROUPS[0], OTHERS[0], HOUR), *sessions(20 * DAY)]) is not None


def test_a_tenant_that_never_slept_has_run_since_its_oldest_file() -> None:
    ages = [each * DAY for each in range(40)]

    assert inferred_age([*sessions(*ages), file("creds.json", 60 * DAY)]) == 60 * DAY


def test_a_gap_of_three_days_with_a_few_files_after_it_is_a_sleep() -> None:
    asleep = [20 * DAY + each * HOUR for each in range(20)]

    assert inferred_age([*sessions(2 * HOUR, *asleep), file("creds.json", 3 * HOUR)]) == 3 * HOUR


def test_a_gap_with_a_quarter_of_the_traffic_after_it_is_no_sleep() -> None:
    awake = [1 * HOUR, 2 * HOUR]

    assert inferred_age(sessions(*awake, *[20 * DAY] * 6)) == 20 * DAY
    assert inferred_age(sessions(*awake, *[20 * DAY] * 7)) == 2 * HOUR


def test_a_gap_that_ended_earlier_than_a_day_ago_is_no_sleep() -> None:
    asleep = [20 * DAY] * 20

    assert inferred_age(sessions(HOUR, 25 * HOUR, *asleep)) == 20 * DAY
    assert inferred_age(sessions(HOUR, 23 * HOUR, *asleep)) == 23 * HOUR


def test_any_file_in_the_gap_ends_it() -> None:
    asleep = sessions(HOUR, *[6 * DAY] * 20)

    assert inferred_age(asleep) == HOUR
    assert inferred_age([*asleep, file("lid-mapping-49.json", 3 * DAY)]) == 6 * DAY


def test_a_directory_without_traffic_files_is_not_called_stopped() -> None:
    assert inferred_age([file("creds.json", 9 * DAY)]) == 9 * DAY
    assert infer_active_since([], NOW) == NOW


def test_traffic_dated_far_ahead_says_nothing() -> None:
    assert inferred_age(sessions(-DAY, 30 * DAY)) is None
    assert inferred_age(sessions(-5 * MINUTE, 30 * DAY, 29 * DAY)) is not None


@given(st.lists(st.floats(-2 * DAY, 90 * DAY), max_size=15))
def test_nobody_is_active_since_the_future(ages: list[float]) -> None:
    since = infer_active_since(sessions(*ages), NOW)

    assert since is None or since <= NOW


SOME, EARLIER = NOW - 30 * DAY, NOW - 60 * DAY


@pytest.mark.parametrize(
    ("previous", "known", "newest", "inferred", "expected"),
    [
        (None, False, NOW - HOUR, SOME, SOME),  # seen for the first time
        (None, False, NOW - HOUR, None, None),
        (EARLIER, True, NOW - HOUR, SOME, EARLIER),  # goes on
        (EARLIER, True, NOW - 25 * HOUR, SOME, None),  # falls asleep
        (None, True, NOW - 25 * HOUR, None, None),  # sleeps on
        (None, True, NOW - HOUR, SOME, NOW),  # woke since the last look
        (EARLIER, True, None, SOME, EARLIER),  # no sessions any more
        (None, True, None, SOME, None),
        (None, False, None, SOME, SOME),
    ],
)
def test_activity_from_one_look_to_the_next(
    previous: float | None,
    known: bool,
    newest: float | None,
    inferred: float | None,
    expected: float | None,
) -> None:
    assert next_active_since(previous, known, newest, inferred, NOW) == expected


@given(st.floats(), st.lists(st.floats(-2 * DAY, 90 * DAY), max_size=5))
def test_any_clock_can_be_asked(now: float, ages: list[float]) -> None:
    entries = sessions(*ages)

    since = infer_active_since(entries, now)

    assert since is None or not since > now
    assert take_census(entries, now).total == len(entries)
