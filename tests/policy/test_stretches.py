"""The sums that ages are made of, against the same sums taken second by second."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.policy.ages.stretches import (
    SILENCE_SECONDS,
    capped,
    capped_limit,
    credit,
    cut,
    cutoff,
    limit_seconds,
    merge,
    stretches_kept,
    stretches_of,
)
from tests.all_checks import examples
from tests.policy.worlds import NOW

DAY = 86_400
HOUR = 3_600
END = int(NOW)

many = settings(max_examples=examples(100), deadline=None)
#: Lengths around the border between a pause and a silence, and all others.
lengths = st.one_of(
    st.integers(0, 6 * DAY), st.integers(DAY - 2, DAY + 2), st.sampled_from([0, 1, HOUR, 30 * DAY])
)
limits = st.one_of(st.integers(0, 40 * DAY), st.sampled_from([DAY, 3 * DAY, 7 * DAY, 14 * DAY]))


@st.composite
def stretches(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Stretches that end at END or before."""
    found = []
    time = END - draw(st.sampled_from([0, 0, HOUR, DAY, 2 * DAY]))
    for length in draw(st.lists(lengths, max_size=12)):
        found.append((time - length, time))
        time -= length + DAY + 1 + draw(st.one_of(st.integers(0, 5 * DAY), st.just(0)))
    return tuple(reversed(found))


@many
@given(stretches(), limits, st.integers(0, DAY))
def test_a_cutoff_is_the_latest_time_that_is_old(
    running: tuple[tuple[int, int], ...], limit: int, grown: int
) -> None:
    def old(time: int) -> bool:
        by_credit = credit(running, time) > limit + grown
        return by_credit or capped(running, time, END) > capped_limit(limit) + grown

    latest = cutoff(running, limit, END, grown)

    if latest is None:
        assert not old(END - 5_000 * DAY)
    else:
        assert old(latest)
        assert not old(latest + 1)
        assert END - latest > limit


@many
@given(stretches(), st.integers(0, 120 * DAY), st.integers(0, 30 * DAY))
def test_both_sums_only_fall_as_the_time_rises(
    running: tuple[tuple[int, int], ...], age: int, later: int
) -> None:
    earlier, time = END - age - later, END - age

    assert credit(running, earlier) >= credit(running, time)
    assert capped(running, earlier, END) >= capped(running, time, END) >= credit(running, time)


@many
@given(stretches(), limits, st.integers(0, DAY))
def test_only_so_many_stretches_are_needed(
    running: tuple[tuple[int, int], ...], limit: int, grown: int
) -> None:
    newest = running[-stretches_kept(limit, grown) :]

    assert cutoff(newest, limit, END, grown) == cutoff(running, limit, END, grown)


def test_a_quiet_tenant_needs_all_of_them() -> None:
    single = [(END - n * (DAY + 1), END - n * (DAY + 1)) for n in range(40)][::-1]
    limit = 14 * DAY
    whole = cutoff(single, limit, END)

    assert cutoff(single[-22:], limit, END) == whole
    assert cutoff(single[-20:], limit, END) is None


def test_the_number_kept_follows_from_the_limit() -> None:
    assert stretches_kept(14 * DAY) == 23
    assert stretches_kept(14 * DAY, grown=1) == 24
    assert stretches_kept(DAY) == 5
    assert stretches_kept(266 * DAY) == 401


@many
@given(st.lists(st.integers(0, 40 * DAY), max_size=30))
def test_merged_stretches_are_more_than_a_day_apart(times: list[int]) -> None:
    merged = merge([(time, time) for time in times])
    assert stretches_of(times) == merged

    assert all(first[1] + SILENCE_SECONDS < second[0] for first, second in pairwise(merged))
    assert all(any(start <= time <= end for start, end in merged) for time in times)
    assert merge(merged) == merged
    assert {edge for each in merged for edge in each} <= set(times)


def test_a_day_is_no_silence_and_a_second_more_is_one() -> None:
    assert merge([(0, 10), (10 + DAY, 10 + DAY)]) == ((0, 10 + DAY),)
    assert len(merge([(0, 10), (11 + DAY, 11 + DAY)])) == 2


def test_what_lies_ahead_is_cut_off() -> None:
    running = ((0, 10), (DAY * 2, DAY * 3), (DAY * 9, DAY * 10))

    assert cut(running, DAY * 2 + 5) == ((0, 10), (DAY * 2, DAY * 2 + 5))
    assert cut(running, DAY * 20) == running
    assert cut(running, -1) == ()


def test_the_sums_in_one_picture() -> None:
    # Two days of traffic, three of silence, one of traffic, half a day of silence.
    running = ((0, 2 * DAY), (5 * DAY, 6 * DAY))
    now = 6 * DAY + DAY // 2

    assert credit(running, 0) == 3 * DAY
    assert capped(running, 0, now) == (2 + 1 + 1) * DAY + DAY // 2
    assert credit(running, DAY) == 2 * DAY
    assert capped(running, 3 * DAY, now) == (1 + 1) * DAY + DAY // 2
    assert capped(running, -5 * DAY, now) == capped(running, 0, now) + DAY
    assert capped((), 0, now) == DAY


def test_any_number_can_be_a_limit() -> None:
    assert [limit_seconds(each) for each in (-1, 0, 0.2, 3.0, float("inf"), float("nan"))][:4] == [
        0,
        0,
        1,
        3,
    ]
    assert limit_seconds(float("inf")) == limit_seconds(float("nan")) > 10_000 * 365 * DAY
