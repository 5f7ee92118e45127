"""The circuit breaker over the fleet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.breaker import Breaker
from tests.controller.pure.world import HOUR, NOW


def breaker(runs: int = 3) -> Breaker:
    return Breaker(window=HOUR, percent=40, runs=runs, hold=6 * HOUR)


def test_it_opens_at_the_last_of_many_abnormal_runs_and_closes_after_the_hold() -> None:
    held = breaker()
    for place in range(3):
        assert held.open_until(NOW) is None
        held.note(f"r{place}", NOW + place, 40, 100)

    assert held.open_until(NOW + 2) == NOW + 2 + 6 * HOUR
    assert held.open_until(NOW + 2 + 6 * HOUR) is None


def test_a_run_that_removes_little_is_normal() -> None:
    held = breaker()
    for place in range(10):
        held.note(f"r{place}", NOW, 39, 100)
        held.note(f"n{place}", NOW, 0, 0)

    assert held.open_until(NOW) is None


def test_a_run_that_is_heard_of_twice_counts_once() -> None:
    held = breaker()
    for _ in range(10):
        held.note("the same", NOW, 90, 100)

    assert held.open_until(NOW) is None


def test_runs_further_apart_than_the_window_do_not_open_it() -> None:
    held = breaker()
    for place in range(10):
        held.note(f"r{place}", NOW + place * HOUR, 90, 100)

    assert held.open_until(NOW + 10 * HOUR) is None


@given(st.permutations([NOW - 90 * HOUR, NOW - 50 * HOUR, NOW, NOW + 60, NOW + 120]))
def test_the_order_in_which_runs_are_heard_of_does_not_matter(times: list[float]) -> None:
    held = breaker()
    for when in times:
        held.note(str(when), when, 90, 100)

    assert held.open_until(NOW + 200) == NOW + 120 + 6 * HOUR
