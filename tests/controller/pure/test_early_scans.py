"""Who rides along with a Job that is made anyway: never so many that they cost another one."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.jobs.batches import SoonDue, scanned_early
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.run_as import RunAs

from .world import tenant

PLACES = [
    Place("node-1"),
    Place("node-2"),
    Place("node-1", identity=RunAs(user=1001)),
    Place(None, "pv-7"),
]
AGAIN = 30.0
DUE, SOON, LATER = "due", "soon", "later"


def jobs(of: list[TenantRecord], places: dict[str, Place | None], largest: int) -> Counter[Place]:
    """How many Jobs these tenants take at each place."""
    here = Counter(place for one in of if (place := places[one.name]) is not None)
    return Counter({place: -(-count // largest) for place, count in here.items()})


@given(
    st.lists(
        st.tuples(st.sampled_from([None, *PLACES]), st.sampled_from([DUE, SOON, LATER])),
        max_size=60,
    ),
    st.integers(1, 9),
)
def test_all_who_fit_into_the_jobs_that_are_needed_anyway_ride_along_and_nobody_else(
    wanted: list[tuple[Place | None, str]], largest: int
) -> None:
    near = SoonDue()
    everybody = [tenant(name=f"t{i}", uid=f"u-{i}") for i in range(len(wanted))]
    places = {one.name: place for one, (place, _) in zip(everybody, wanted, strict=True)}
    when = {one.name: when for one, (_, when) in zip(everybody, wanted, strict=True)}
    for one in everybody:
        place = places[one.name]
        if place is not None:
            near.note(one, place)
    due = [one for one in everybody if when[one.name] == DUE]
    # Of two who are due soon the one with the lower number is due first.
    coming = {one.name: float(i) for i, one in enumerate(everybody) if when[one.name] == SOON}
    # The later ones can ride with the next Job there.
    soon = {name: at for name, at in coming.items() if at < AGAIN or places[name] is None}
    times = coming | {one.name: -1.0 for one in due}

    found = scanned_early(
        due, near, everybody, lambda one: times.get(one.name), lambda _: AGAIN, largest
    )

    names = [one.name for one in found]
    assert len(set(names)) == len(names)
    assert set(names) <= set(soon)
    known = [one for one in found if places[one.name] is not None]
    assert jobs(due + known, places, largest) == jobs(due, places, largest)
    for place in PLACES:
        left = [name for name in soon if places[name] == place and name not in names]
        taken = [name for name in soon if places[name] == place and name in names]
        here = sum(places[one.name] == place for one in due)
        assert not left or (here + len(taken)) % largest == 0
        assert all(soon[first] < soon[second] for first in taken for second in left)
    strangers = {name for name in soon if places[name] is None}
    asked = any(places[one.name] is None for one in due)
    assert {name for name in names if places[name] is None} == (strangers if asked else set())


def test_neighbours_follow_a_volume_that_moves() -> None:
    near, one, two = SoonDue(), tenant(name="one"), tenant(name="two")
    near.note(one, PLACES[0])
    near.note(two, PLACES[0])
    assert near.spot(one) is near.spot(two)
    near.note(two, PLACES[1])
    spot = near.spot(one)
    assert spot is not None
    assert list(spot.tenants) == ["one"]
    near.forget(one)
    assert near.spot(one) is None


def test_a_tenant_that_was_made_anew_takes_the_place_of_the_earlier_one() -> None:
    near, first, second = SoonDue(), tenant(name="one"), tenant(name="one", uid="u-2")
    near.note(first, PLACES[0])
    near.note(second, PLACES[0])
    spot = near.spot(second)
    assert spot is not None
    assert spot.tenants["one"] is second


def test_one_namespace_has_no_neighbours_in_another() -> None:
    near = SoonDue()
    here, there = tenant(namespace="shop"), tenant(namespace="bank")
    near.note(here, PLACES[0])
    near.note(there, PLACES[0])
    assert near.spot(here) is not near.spot(there)
