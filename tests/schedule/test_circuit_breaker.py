"""The circuit breakers: one a namespace, and the fleet's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.schedule.circuit_breaker import REMEMBERED, Breakers, named
from tests.controller.pure.world import DAY, HOUR, NOW


def breakers(runs: int = 3, namespaces: int = 10) -> Breakers:
    return Breakers(HOUR, percent=40, runs=runs, hold=6 * HOUR, namespaces=lambda: namespaces)


def over(held: Breakers, namespace: str, when: float = NOW, runs: int = 3) -> None:
    """Have one tenant of a namespace open its breaker."""
    for place in range(runs):
        held.note(namespace, "acme", f"{when}-{place}", when, 90, 100)


def until(held: Breakers, namespace: str = "shop", now: float = NOW) -> float | None:
    hold = held.hold(namespace, now)
    return None if hold is None else hold.until


def test_it_opens_at_the_last_of_many_abnormal_runs_and_closes_after_the_hold() -> None:
    held = breakers()
    for place in range(3):
        assert until(held) is None
        held.note("shop", "acme", f"r{place}", NOW + place, 40, 100)

    assert until(held, now=NOW + 2) == NOW + 2 + 6 * HOUR
    assert until(held, now=NOW + 2 + 6 * HOUR) is None


def test_a_run_that_removes_little_is_normal() -> None:
    held = breakers()
    for place in range(10):
        held.note("shop", "acme", f"r{place}", NOW, 39, 100)
        held.note("shop", "acme", f"n{place}", NOW, 0, 0)

    assert until(held) is None


def test_a_run_that_is_heard_of_twice_counts_once() -> None:
    held = breakers()
    for _ in range(10):
        held.note("shop", "acme", "the same", NOW, 90, 100)

    assert until(held) is None


def test_nobody_keeps_a_run_from_counting_by_naming_it_first() -> None:
    held = breakers()
    for place in range(3):
        held.note("shop", "forger", f"r{place}", NOW - 90 * DAY * place, 90, 100)
        held.note("shop", "acme", f"r{place}", NOW, 90, 100)

    assert until(held) is not None


def test_runs_further_apart_than_the_window_do_not_open_it() -> None:
    held = breakers()
    for place in range(10):
        held.note("shop", "acme", f"r{place}", NOW + place * HOUR, 90, 100)

    assert until(held, now=NOW + 10 * HOUR) is None


@given(st.permutations([NOW - 90 * HOUR, NOW - 50 * HOUR, NOW, NOW + 60, NOW + 120]))
def test_the_order_in_which_runs_are_heard_of_does_not_matter(times: list[float]) -> None:
    held = breakers()
    for when in times:
        held.note("shop", "acme", str(when), when, 90, 100)

    assert until(held, now=NOW + 200) == NOW + 120 + 6 * HOUR


@pytest.mark.parametrize("opened", [1, 2])
def test_one_or_two_namespaces_of_many_hold_up_nobody_else(opened: int) -> None:
    held = breakers()
    for place in range(opened):
        over(held, f"attacker-{place}")

    assert until(held, "attacker-0") is not None
    assert until(held, "victim") is None
    assert held.fleet(NOW) is None


def test_three_namespaces_open_the_fleets_and_it_is_told_which() -> None:
    held = breakers()
    for place, namespace in enumerate(("c", "a", "b")):
        over(held, namespace, NOW + place)

    hold = held.hold("victim", NOW + 3)
    assert hold is not None
    assert hold.fleet
    assert hold.until == NOW + 2 + 6 * HOUR
    assert hold.namespaces == ("a", "b", "c")
    assert hold.tenants == ()
    assert held.fleet(NOW + 2 + 6 * HOUR) is None


def test_three_namespaces_that_were_never_open_at_once_do_not() -> None:
    held = breakers()
    for place in range(3):
        over(held, f"n{place}", NOW + place * 4 * HOUR)

    assert held.fleet(NOW + 9 * HOUR) is None


@pytest.mark.parametrize(("there", "opened"), [(1, 1), (2, 2), (2, 1)])
def test_where_there_are_fewer_than_three_namespaces_all_of_them_open_the_fleets(
    there: int, opened: int
) -> None:
    held = breakers(namespaces=there)
    for place in range(opened):
        over(held, f"n{place}")

    assert (held.fleet(NOW) is not None) == (opened == there)


def test_a_namespace_that_goes_on_removing_keeps_the_fleets_open_with_those_that_are_still_open() -> (
    None
):
    held = breakers()
    for place in range(3):
        over(held, f"n{place}", NOW + place)
    over(held, "n0", NOW + 5 * HOUR)

    fleet = held.fleet(NOW + 7 * HOUR)
    assert fleet is not None
    assert fleet.until == NOW + 11 * HOUR


def test_it_is_told_whose_cleanups_opened_it() -> None:
    held = breakers()
    for place, tenant in enumerate(("zeta", "acme", "zeta")):
        held.note("shop", tenant, f"r{place}", NOW, 90, 100)

    hold = held.hold("shop", NOW)
    assert hold is not None
    assert hold.tenants == ("acme", "zeta")
    assert not hold.fleet


@given(st.floats(-DAY, 400 * DAY))
def test_a_clock_that_is_set_neither_opens_nor_closes_it(step: float) -> None:
    held = breakers()
    for place in range(3):
        over(held, f"n{place}")
    over(held, "late", NOW + HOUR, runs=2)
    held.shift(step)
    held.note("late", "acme", "one more", NOW + HOUR + step, 90, 100)

    after = NOW + 2 * HOUR + step
    for namespace in ("late", "other"):
        assert until(held, namespace, after) == pytest.approx(NOW + 7 * HOUR + step, abs=1)
    held.shift(-step)
    assert until(held, "other", NOW) == pytest.approx(NOW + 7 * HOUR, abs=1)


def test_a_flood_of_runs_and_of_namespaces_takes_no_memory_for_good() -> None:
    held = breakers()
    for place in range(2 * REMEMBERED):
        held.note("shop", "acme", f"r{place}", NOW, 90, 100)
        held.note(f"n{place}", "acme", "r", NOW, 90, 100)
    assert len(held._all["shop"].seen) == REMEMBERED
    held.tidy(NOW + HOUR)
    assert len(held._all) == 2 * REMEMBERED + 1
    held.tidy(NOW + DAY)
    assert len(held._all) == 0


@pytest.mark.parametrize(
    ("names", "told"),
    [((), ""), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")],
)
def test_names_are_listed_in_a_sentence(names: tuple[str, ...], told: str) -> None:
    assert named(names) == told


def test_of_many_names_three_are_told() -> None:
    assert named(tuple("abcdef")) == "a, b, c and 3 more"
