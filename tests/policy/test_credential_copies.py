"""When a copy of creds.json is due, and which ones stay."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from baileys_janitor.policy.archives.credential_copies import (
    EARLIER_PAIRINGS,
    Copy,
    copy_of,
    is_due,
    newest,
    surplus,
)
from baileys_janitor.policy.clocks import is_ahead

NOW = 1_795_000_000
DAY = 86_400

copies = st.lists(
    st.builds(Copy, st.integers(NOW - 400 * DAY, NOW + 2 * DAY), st.integers(0, 8)), max_size=30
)
tags = st.integers(0, 8)
keeps = st.integers(1, 12)


@given(st.builds(Copy, st.integers(0, 253_402_300_799), st.integers(0, 999_999)))
def test_a_name_says_what_the_copy_is(copy: Copy) -> None:
    assert len(copy.digits) == 20
    assert copy_of(copy.digits) == copy


def test_names_sort_by_time() -> None:
    assert Copy(NOW, 5).digits < Copy(NOW + 1, 4).digits
    assert Copy(1_764_305_070, 42).digits == "20251128044430000042"


@pytest.mark.parametrize(
    "digits",
    [
        "", "1764240000", "2025112804443000004", "202511280444300000421", "20251328044430000042",
        "20250230044430000042", "00001128044430000042", "2025112804443000004a",
        "20251128044460000042", "19691231235959000042", "\u0662" * 20,
    ],
)  # fmt: skip
def test_other_digits_are_no_copy(digits: str) -> None:
    assert copy_of(digits) is None


@given(st.text(max_size=22) | st.text("0123456789", min_size=19, max_size=21))
def test_no_digits_raise(digits: str) -> None:
    found = copy_of(digits)
    assert found is None or found.digits == digits


@given(copies, tags, keeps)
def test_the_newest_of_the_current_pairing_stay_whatever_others_there_are(
    there: list[Copy], tag: int, keep: int
) -> None:
    gone = surplus(there, tag, keep, NOW)
    mine = sorted({each for each in there if each.tag == tag and not is_ahead(each.time, NOW)})
    assert not set(mine[-keep:]) & set(gone)
    assert len({each for each in there if each.tag == tag} - set(gone)) <= keep


@given(copies, tags, keeps)
def test_each_of_the_latest_pairings_keeps_its_newest(
    there: list[Copy], tag: int, keep: int
) -> None:
    left = set(there) - set(surplus(there, tag, keep, NOW))
    before = {each.tag for each in there} - {tag}
    after = {each.tag for each in left} - {tag}
    assert len(after) == min(len(before), EARLIER_PAIRINGS)
    for each in after:
        past = [copy for copy in there if copy.tag == each and not is_ahead(copy.time, NOW)]
        if past:
            assert {copy for copy in left if copy.tag == each} == {max(past)}
    if len(before) > EARLIER_PAIRINGS:
        last = {each: newest([copy for copy in there if copy.tag == each], NOW) for each in before}
        times = {each: copy.time if copy else 0 for each, copy in last.items()}
        assert min(times[each] for each in after) >= max(times[each] for each in before - after)


@given(copies, tags, keeps)
def test_thinning_out_twice_is_thinning_out_once(there: list[Copy], tag: int, keep: int) -> None:
    gone = surplus(there, tag, keep, NOW)
    assert set(gone) <= set(there)
    assert surplus(set(there) - set(gone), tag, keep, NOW) == []


@given(copies, tags, st.integers(0, 3 * DAY))
@example([Copy(NOW + 2 * DAY, 1)], 1, DAY)
def test_a_first_copy_is_due_at_once_and_the_next_when_the_last_is_old(
    there: list[Copy], tag: int, every: int
) -> None:
    times = [each.time for each in there if each.tag == tag and not is_ahead(each.time, NOW)]
    assert is_due(there, tag, NOW, every) == (not times or NOW - max(times) >= every)


@given(st.integers(1, 60), keeps)
def test_a_month_of_days_leaves_the_last_days(days: int, keep: int) -> None:
    there: list[Copy] = []
    for day in range(days):
        there.append(Copy(NOW + day * DAY, 1))
        gone = surplus(there, 1, keep, NOW + day * DAY)
        there = [each for each in there if each not in gone]
    assert [each.time for each in there] == [
        NOW + day * DAY for day in range(max(0, days - keep), days)
    ]
