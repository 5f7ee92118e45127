"""The election for shards in virtual time: who looks after which, and never two for one."""

from __future__ import annotations

import asyncio

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.all_checks import ALL_CHECKS
from tests.controller.shards.leases import (
    DURATION,
    NAME,
    RENEW,
    Leases,
    Replica,
    comes_to,
    never_two,
)

pytestmark = pytest.mark.looptime
HANDED_OVER = 5.0
"""Seconds within which shards are handed over to one that comes."""
SUCCEEDED = DURATION + 5.0
"""Seconds within which the shards of one that has died are looked after again."""


async def asked(leases: Leases) -> None:
    """Wait until a replica asks for a shard."""
    while not any(each["metadata"].get("annotations") for each in leases.leases.values()):  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def gone(replicas: list[Replica]) -> None:
    for each in replicas:
        await each.kill()


async def test_a_replica_alone_takes_every_shard_before_it_begins() -> None:
    leases = Leases()
    alone = Replica(leases, "a", 4)

    assert await comes_to([alone], [4], 4) < HANDED_OVER

    assert alone.terms == [frozenset(range(4))]
    assert leases.holder(NAME) == "shards-4"
    await gone([alone])


async def test_two_that_start_together_share_from_the_beginning() -> None:
    leases = Leases()
    both = [Replica(leases, name, 2) for name in "ab"]

    await comes_to(both, [1, 1], 2)

    assert [len(each.terms) for each in both] == [1, 1]
    await gone(both)


@pytest.mark.parametrize(
    ("shards", "shares"), [(2, [1, 1]), (5, [2, 3]), *([(16, [8, 8])] if ALL_CHECKS else [])]
)
async def test_one_that_comes_is_handed_its_share_at_once(shards: int, shares: list[int]) -> None:
    leases = Leases()
    first = Replica(leases, "first", shards)
    await comes_to([first], [shards], shards)
    second = Replica(leases, "second", shards)

    assert await comes_to([first, second], shares, shards) < HANDED_OVER

    # One change for the one that gives; nothing swings to and fro.
    assert len(first.terms) == 2
    await asyncio.sleep(40)
    assert len(first.terms) + len(second.terms) <= 4
    await gone([first, second])


async def test_more_replicas_than_shards_leave_one_to_stand_by() -> None:
    leases = Leases()
    three = [Replica(leases, name, 2) for name in "abc"]
    await comes_to(three, [0, 1, 1], 2)
    terms = sum(len(each.terms) for each in three)

    await asyncio.sleep(60)

    never_two(three)
    assert sum(len(each.terms) for each in three) == terms
    assert all(each.election.takes_part for each in three)
    assert all(each.election.leaderless() == 0 for each in three)
    await gone(three)


async def test_the_shards_of_one_that_died_go_to_the_others_when_its_leases_end() -> None:
    leases = Leases()
    both = [Replica(leases, name, 4) for name in "ab"]
    await comes_to(both, [2, 2], 4)

    await both[0].kill()

    assert await comes_to(both, [0, 4], 4) < SUCCEEDED
    await gone(both[1:])


async def test_one_that_stops_gives_its_shards_up_at_once() -> None:
    leases = Leases()
    both = [Replica(leases, name, 2) for name in "ab"]
    await comes_to(both, [1, 1], 2)

    await both[0].terminate()

    assert await comes_to(both, [0, 2], 2) < HANDED_OVER
    await gone(both[1:])


async def test_one_that_loses_the_api_server_has_stopped_before_another_begins() -> None:
    leases = Leases()
    both = [Replica(leases, name, 2) for name in "ab"]
    await comes_to(both, [1, 1], 2)

    both[0].cable.cut = True

    await comes_to(both, [0, 2], 2)
    both[0].cable.cut = False
    assert await comes_to(both, [1, 1], 2) < 30.0
    await gone(both)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 3), (3, 2), (4, 16)])
async def test_a_rollout_with_another_number_of_shards_pauses_for_moments(
    before: int, after: int
) -> None:
    """As a Deployment does it: a new pod is ready, then an old one goes, and so on."""
    leases = Leases()
    old = [Replica(leases, f"old-{n}", before) for n in range(2)]
    await asyncio.sleep(20)
    new: list[Replica] = []
    for each in old:
        new.append(Replica(leases, f"new-{len(new)}", after))
        await asyncio.sleep(10)
        assert new[-1].election.takes_part
        assert new[-1].election.leaderless() == 0
        assert not new[-1].acts_for
        never_two([*old, *new])
        await each.terminate()

    shares = [after // 2, after - after // 2]
    assert await comes_to([*old, *new], [0, 0, *shares], after) < 2 * HANDED_OVER
    await gone(new)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 3)])
async def test_another_number_of_shards_after_a_crash_waits_for_the_end_of_the_leases(
    before: int, after: int
) -> None:
    leases = Leases()
    old = [Replica(leases, f"old-{n}", before) for n in range(2)]
    await asyncio.sleep(20)
    new = [Replica(leases, f"new-{n}", after) for n in range(2)]
    await asyncio.sleep(5)
    for each in old:
        await each.kill()

    waited = await comes_to([*old, *new], [0, 0, after // 2, after - after // 2], after)

    assert DURATION - 4 < waited < SUCCEEDED + HANDED_OVER
    await gone(new)


async def test_a_longer_duration_beside_a_shorter_one_counts_for_the_layout() -> None:
    """The Lease of the layout is held by all of it: it must not lapse under one that goes by a longer duration."""
    leases = Leases()
    long = Replica(leases, "long", 2, duration=60.0)
    short = Replica(leases, "short", 2, duration=15.0)
    await comes_to([long, short], [1, 1], 2)
    other = Replica(leases, "other", 3)
    await asyncio.sleep(5)

    long.cable.cut = True
    await short.kill()

    loop = asyncio.get_running_loop()
    until = loop.time() + 120
    while loop.time() < until:
        never_two([long, short, other])
        await asyncio.sleep(0.1)
    assert other.acts_for == {0, 1, 2}
    await gone([long, other])


async def test_who_cannot_renew_the_layout_has_stopped_before_another_layout_begins() -> None:
    leases = Leases()
    old = [Replica(leases, name, 2) for name in "ab"]
    await comes_to(old, [1, 1], 2)
    new = Replica(leases, "new", 3)
    await asyncio.sleep(5)

    # They could keep their shards: that is not enough.
    leases.refused = {NAME}
    await asyncio.sleep(DURATION - 2)
    assert not any(each.acts_for for each in old)
    leases.refused = set()

    loop = asyncio.get_running_loop()
    until = loop.time() + 60
    while loop.time() < until:
        never_two([*old, new])
        await asyncio.sleep(0.05)
    await gone([*old, new])


async def test_a_layout_that_somebody_else_is_written_into_is_left_at_once() -> None:
    leases = Leases()
    both = [Replica(leases, name, 2) for name in "ab"]
    await comes_to(both, [1, 1], 2)

    leases.leases[NAME]["spec"] |= {"holderIdentity": "shards-3", "renewTime": "now"}
    leases._written(NAME, leases.leases[NAME])
    await asyncio.sleep(RENEW + 1)

    assert not any(each.acts_for for each in both)
    assert await comes_to(both, [1, 1], 2) > DURATION - RENEW - 2
    await gone(both)


async def test_a_wish_of_a_replica_that_dies_leaves_no_shard_without_a_holder() -> None:
    leases = Leases()
    first = Replica(leases, "first", 2)
    await comes_to([first], [2], 2)
    second = Replica(leases, "second", 2)
    await asked(leases)
    await second.kill()

    await asyncio.sleep(SUCCEEDED + 10)

    assert first.acts_for == {0, 1}
    await gone([first])


async def test_a_wish_that_is_not_due_is_refused() -> None:
    leases = Leases()
    both = [Replica(leases, name, 2) for name in "ab"]
    await comes_to(both, [1, 1], 2)
    held = min(both[0].acts_for)

    await both[1].election._leases[held].ask()  # type: ignore[union-attr]
    await asyncio.sleep(10)

    never_two(both)
    assert both[0].acts_for == {held}
    assert not leases.leases[f"{NAME}-{held}"]["metadata"]["annotations"]
    await gone(both)


async def test_it_costs_few_requests() -> None:
    leases = Leases()
    both = [Replica(leases, name, 2) for name in "ab"]
    await comes_to(both, [1, 1], 2)
    before = leases.requests

    await asyncio.sleep(90)

    # Each renews its shard and the layout every three seconds, and opens three watches every thirty.
    assert (leases.requests - before) / 90 < 2.5
    await gone(both)


class Story:
    """Replicas that come, go, die and lose the API server, in virtual time."""

    def __init__(self, delay: float) -> None:
        self.leases = Leases()
        self.leases.delay = delay
        self.there: list[Replica] = []
        self._every: list[Replica] = []

    async def passes(self, seconds: float) -> None:
        """Let time pass, and see all the while that no shard has two."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            never_two(self._every)
            await asyncio.sleep(0.11)

    async def act(self, what: str, which: int, shards: int) -> None:
        if what == "start":
            if len(self.there) < 4:
                self._every.append(Replica(self.leases, f"r{len(self._every)}", shards))
                self.there.append(self._every[-1])
        elif self.there:
            await self._happens(what, self.there[which % len(self.there)])
        await self.passes({"wait": 2.0, "wait long": 25.0}.get(what, 0.3))

    async def _happens(self, what: str, to: Replica) -> None:
        if what in {"cut", "mend"}:
            to.cable.cut = what == "cut"
        elif what == "kill":
            self.there.remove(to)
            await to.kill()
        elif what == "stop" and not to.cable.cut:
            self.there.remove(to)
            await to.terminate()

    async def ends(self) -> None:
        """Leave one layout alone; in the end it is looked after wholly, and evenly."""
        for each in self.there:
            each.cable.cut = False
        left = [each for each in self.there if each.count == self.there[0].count]
        for each in self.there:
            if each not in left:
                await each.terminate()
        if left:
            await self.passes(90)
            shares = [len(each.acts_for) for each in left]
            assert sum(shares) == left[0].count
            assert max(shares) - min(shares) <= 1
        await gone(left)


ACTS = st.sampled_from(["start", "kill", "stop", "cut", "mend", "wait", "wait long"])


@settings(max_examples=200 if ALL_CHECKS else 4, deadline=None)
@given(
    acts=st.lists(st.tuples(ACTS, st.integers(0, 3), st.sampled_from([1, 2, 3, 4])), max_size=12),
    delay=st.sampled_from([0.001, 0.3, 2.0]),
)
def test_whatever_happens_no_shard_has_two_and_in_the_end_all_have_one(
    acts: list[tuple[str, int, int]], delay: float
) -> None:
    async def told() -> None:
        story = Story(delay)
        for act in acts:
            await story.act(*act)
        await story.ends()

    loop = looptime.new_event_loop()
    try:
        loop.run_until_complete(told())
    finally:
        loop.close()
