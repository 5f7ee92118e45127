"""How long a scan may wait: never past the moment at which fast growth could reach `warning`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.policy.settings import Thresholds
from baileys_janitor.schedule import growth
from tests.controller.pure.world import DAY

LIMITS = Thresholds()
INTERVALS = st.integers(10, 86_400)
GROWTH = st.none() | st.floats(0, 1e6)


@given(INTERVALS, st.booleans(), st.integers(150, 10_000), GROWTH)
def test_from_warning_on_the_interval_holds(
    interval: int, adaptive: bool, counted: int, rate: float | None
) -> None:
    assert growth.scan_wait(interval, adaptive, counted, rate, LIMITS) == interval


@given(INTERVALS, st.integers(0, 149), GROWTH)
def test_without_adaptive_the_interval_holds(interval: int, counted: int, rate: float) -> None:
    assert growth.scan_wait(interval, False, counted, rate, LIMITS) == interval


@given(INTERVALS, st.integers(0, 149))
def test_while_growth_is_unknown_the_interval_holds(interval: int, counted: int) -> None:
    assert growth.scan_wait(interval, True, counted, None, LIMITS) == interval


@given(INTERVALS, st.integers(0, 149), st.floats(0, 1e6))
def test_a_longer_wait_never_lets_three_times_the_growth_reach_warning_unseen(
    interval: int, counted: int, rate: float
) -> None:
    wait = growth.scan_wait(interval, True, counted, rate, LIMITS)

    assert interval <= wait <= max(interval, 600.0)
    if wait > interval:
        assert counted + 3 * rate * wait / DAY <= LIMITS.warning + 1e-6


def test_a_quiet_tenant_waits_ten_minutes() -> None:
    assert growth.scan_wait(60, True, 100, 0.0, LIMITS) == 600.0
    assert growth.scan_wait(60, True, 100, 10.0, LIMITS) == 600.0


def test_counts_close_together_are_noise() -> None:
    assert growth.smoothed(None, 50, 599.0) is None
    assert growth.smoothed(7.0, 50, 599.0) == 7.0


@given(st.floats(0, 1e4), st.integers(-500, 500), st.floats(600, 10 * DAY))
def test_the_smoothed_growth_lies_between_what_was_and_what_is(
    previous: float, gained: int, seconds: float
) -> None:
    observed = max(0, gained) * DAY / seconds
    found = growth.smoothed(previous, gained, seconds)

    assert found is not None
    assert min(previous, observed) - 1e-6 <= found <= max(previous, observed) + 1e-6


def test_after_a_day_an_observation_weighs_half() -> None:
    assert growth.smoothed(0.0, 10, DAY) == pytest.approx(5.0)
    assert growth.smoothed(None, 10, DAY) == pytest.approx(10.0)
