"""Numbers and times as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.report import words
from baileys_janitor.report.words import rfc3339, seconds_of


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0"), (99_999, "99,999"), (120_000, "120 k"), (1_760_000, "1.76 M"), (999_700, "1 M")],
)
def test_large_numbers_are_short(count: int, shown: str) -> None:
    assert words.short(count) == shown


@given(st.integers(0, 10**11), st.sampled_from([10_000, 100_000]))
def test_no_number_is_wider_than_its_place(count: int, full_below: int) -> None:
    assert len(words.short(count, full_below)) <= 8


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "0 %"), (0, 9, "0 %"), (9, 9, "100 %"), (9_999, 10_000, "99 %"), (1, 10_000, "< 1 %")],
)
def test_all_and_nothing_are_not_rounded_to(part: int, whole: int, shown: str) -> None:
    assert words.share(part, whole) == shown


@pytest.mark.parametrize(
    ("names", "most", "of", "shown"),
    [
        ([], 5, None, ""),
        (["a"], 5, None, "a"),
        (["a", "b", "c"], 5, None, "a, b and c"),
        (["a", "b", "c"], 2, None, "a, b and 1 more"),
        (["a", "b"], 5, 2_000, "a, b and 1,998 more"),
    ],
)
def test_lists_say_how_many_are_left_out(
    names: list[str], most: int, of: int | None, shown: str
) -> None:
    assert words.listed(names, most, of) == shown


@given(st.integers(-(10**11), 10**12))
def test_a_time_is_written_so_that_it_can_be_read(seconds: int) -> None:
    text = rfc3339(seconds)
    assert text is None or seconds_of(text) == seconds
