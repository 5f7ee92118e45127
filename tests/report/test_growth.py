"""Growth is what comes between cleanups; a forecast never promises what no line shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.report.growth import forecast_of, growth_of
from baileys_janitor.report.words import seconds_of
from tests.report.sample import DAY, NOW, RUNS, run


def test_steady_growth_is_found() -> None:
    runs = [run(day, before=170, after=160) for day in range(1, 9)]
    assert growth_of(runs, 170, NOW) == pytest.approx(10)


def test_without_a_cleanup_nothing_is_known() -> None:
    assert growth_of([], 150, NOW) is None
    assert growth_of([run(3, outcome="Failed")], 150, NOW) is None


def test_one_cleanup_and_the_count_of_now_are_enough() -> None:
    assert growth_of([run(2, after=100)], 110, NOW) == pytest.approx(5)


def test_what_an_undo_put_back_is_no_growth() -> None:
    undone = [run(1, before=200, after=100, undone=True), run(2, before=105, after=100)]
    assert growth_of(undone, 200, NOW) == pytest.approx(100)
    assert growth_of([run(1, before=200, after=100, undone=True)], 200, NOW) is None


@pytest.mark.parametrize("reason", ["Repair", "Restore"])
def test_what_is_no_cleanup_says_nothing_of_growth(reason: str) -> None:
    runs = [run(1, before=0, after=0, reason=reason), run(2, before=110, after=100), run(4)]
    assert growth_of(runs, 180, NOW) == growth_of(
        [run(2, before=110, after=100), run(4)], None, NOW
    )


@given(RUNS, st.none() | st.integers(0, 200_000))
def test_growth_is_never_negative_whatever_a_journal_says(
    runs: list[object], counted: int | None
) -> None:
    ordered = sorted(runs, key=lambda one: one["time"], reverse=True)  # type: ignore[index]
    growth = growth_of(ordered, counted, NOW)  # type: ignore[arg-type]
    assert growth is None or growth >= 0


@given(st.integers(0, 300), st.floats(0, 1e6))
def test_a_forecast_is_ahead_and_in_order(counted: int, growth: float) -> None:
    found = forecast_of(counted, growth, (150, 170, 180), NOW)
    times = [seconds_of(found[key]) for key in ("warning", "critical", "emergency")]  # type: ignore[literal-required]
    known = [time for time in times if time is not None]
    assert known == sorted(known)
    assert all(NOW - 1 <= time <= NOW + 367 * DAY for time in known)
    for time, limit in zip(times, (150, 170, 180), strict=True):
        assert time is None or counted < limit
