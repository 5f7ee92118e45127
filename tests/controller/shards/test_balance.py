"""Which namespace is of which shard, and who takes, asks for and hands over which: pure."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.names import DRILLED_LABEL
from baileys_janitor.controller.shards.balance import View, to_ask, to_give, to_take
from baileys_janitor.controller.shards.layout import Shards, shard_of

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=63)
COUNTS = st.integers(1, 16)


@given(NAMES, COUNTS)
def test_a_namespace_is_of_exactly_one_shard(name: str, count: int) -> None:
    owners = [shard for shard in range(count) if Shards(count, frozenset({shard})).has(name)]

    assert owners == [shard_of(name, count)]


def test_the_hash_is_the_same_in_every_version() -> None:
    # Two replicas of different versions go by it at the same time: these numbers must never change.
    assert [shard_of("default", count) for count in (1, 2, 3, 16)] == [0, 0, 0, 2]
    assert [shard_of(f"company-{n}", 3) for n in range(8)] == [2, 0, 0, 1, 0, 1, 2, 1]


@pytest.mark.parametrize("form", ["tenant-{:05}", "company-{}", "{}-prod", "ns{}"])
@pytest.mark.parametrize("count", [2, 3, 16])
def test_names_that_differ_by_a_number_are_spread_evenly(form: str, count: int) -> None:
    shares = Counter(shard_of(form.format(n), count) for n in range(8000))

    assert max(shares.values()) / min(shares.values()) < 1.25


@given(st.integers(1, 10_000), COUNTS)
def test_the_parts_of_a_limit_make_the_whole(limit: int, count: int) -> None:
    parts = [Shards(count, frozenset({shard})).part(limit) for shard in range(count)]

    assert sum(parts) == max(limit, count)
    assert max(parts) - min(parts) <= 1
    assert Shards(count, frozenset(range(count))).part(limit) == limit


def test_a_replica_has_its_part_of_the_clusters_limits_and_the_whole_of_a_namespaces() -> None:
    config = OperatorConfig(shards=2)

    limits = Shards(2, frozenset({1})).limited(config).limits

    assert (limits.jobs_in_flight, limits.pending_pods) == (25, 10)
    assert limits.jobs_in_flight_per_namespace == config.limits.jobs_in_flight_per_namespace
    assert Shards(2, frozenset({0, 1})).limited(config) is config


def test_a_drill_in_the_operators_namespace_is_of_the_shard_of_its_tenants() -> None:
    home, tenants = (
        "operator",
        next(name for name in map(str, range(99)) if shard_of(name, 2) != shard_of("operator", 2)),
    )
    drill = {"metadata": {"namespace": home, "labels": {DRILLED_LABEL: tenants}}}
    other = {"metadata": {"namespace": home}}

    here, there = (Shards(2, frozenset({shard_of(name, 2)})) for name in (home, tenants))

    assert (here.keeps(drill), there.keeps(drill)) == (False, True)
    assert (here.keeps(other), there.keeps(other)) == (True, False)


@pytest.mark.parametrize(
    "body", [{}, {"metadata": None}, {"metadata": {"labels": 3}}, {"metadata": {"namespace": 7}}]
)
def test_what_is_of_no_namespace_is_everybodys(body: dict[str, object]) -> None:
    assert Shards(2, frozenset({0})).keeps(body)


HOLDERS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=16)


def view(me: str, holders: list[str | None], asks: dict[int, str] | None = None) -> View:
    free = {shard: 60.0 for shard, holder in enumerate(holders) if holder is None}
    return View(me, dict(enumerate(holders)), free, asks or {})


@given(HOLDERS, st.lists(st.sampled_from("abc"), min_size=1, max_size=200))
def test_taking_asking_and_handing_over_ends_with_even_shares(
    holders: list[str | None], turns: list[str]
) -> None:
    asks: dict[int, str] = {}
    moves = 0
    for me in [*turns, *("abc" * 40)]:
        seen = view(me, holders, asks)
        for shard, asker in to_give(seen).items():
            holders[shard] = asker
            del asks[shard]
            moves += 1
        seen = view(me, holders, asks)
        for shard in list(asks):
            # What is not given is refused.
            if holders[shard] == me:
                del asks[shard]
        taken = to_take(seen)
        if taken is not None:
            holders[taken] = me
        for shard in to_ask(view(me, holders, asks)):
            assert holders[shard] not in {me, None}
            asks[shard] = me

    shares = Counter({"a": 0, "b": 0, "c": 0}) + Counter(holders)
    full = [shares[name] for name in "abc"]
    assert max(full) - min(full) <= 1
    assert moves <= 2 * len(holders)


@given(HOLDERS, st.dictionaries(st.integers(0, 15), st.sampled_from("abcd")))
def test_nobody_gives_what_would_leave_it_with_fewer_than_the_asker(
    holders: list[str | None], asks: dict[int, str]
) -> None:
    for me in "abc":
        seen = view(me, holders, asks)
        given_away = to_give(seen)

        assert all(holders[shard] == me for shard in given_away)
        left = holders.count(me) - len(given_away)
        for asker, count in Counter(given_away.values()).items():
            assert asker == me or left >= holders.count(asker) + count - 1


def test_one_that_has_shards_leaves_what_is_free_to_others_for_a_moment() -> None:
    holders: dict[int, str | None] = {0: "a", 1: None}

    assert to_take(View("a", holders, {1: 0.1})) is None
    assert to_take(View("a", holders, {1: 0.6})) == 1
    assert to_take(View("b", holders, {1: 0.0})) == 1
