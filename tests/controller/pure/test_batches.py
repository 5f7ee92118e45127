"""Who shares a scan's pod: as many as may, and nobody is held up by somebody else for long."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.controller.jobs import batches
from baileys_janitor.controller.jobs.batches import Batch, Placed
from baileys_janitor.controller.jobs.placement import Place
from baileys_janitor.controller.jobs.queue import NamespaceQueues
from baileys_janitor.tenants.record import TenantRecord

from .world import NOW, RUNNING, look, tenant

NODES = [Place("node-1"), Place("node-2"), Place(None, "pv-7")]


def placed(number: int, place: Place = NODES[0], company: int | None = None) -> Placed:
    known = tenant(name=f"t{number}", uid=f"u-{number}")
    known.jobs.max_batch = company
    known.scan.running = RUNNING
    return Placed(known, place, used=True, generation=1)


def names(batch: Batch) -> list[str]:
    return [one.tenant.name for one in batch.members]


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.none() | st.integers(1, 60)), max_size=120),
    st.integers(1, 50),
)
def test_everybody_is_in_one_lot_of_his_place_and_none_is_too_large(
    wanted: list[tuple[Place, int | None]], largest: int
) -> None:
    everyone = [placed(i, place, company) for i, (place, company) in enumerate(wanted)]
    found = batches.make_batches("shop", everyone, largest, NOW)

    assert sorted(n for batch in found for n in names(batch)) == sorted(
        p.tenant.name for p in everyone
    )
    for batch in found:
        assert all(one.place == batch.place for one in batch.members)
        allowed = min(one.tenant.jobs.max_batch or largest for one in batch.members)
        assert len(batch.members) <= min(largest, allowed)
    for place in NODES:
        here = [one for one in everyone if one.place == place]
        if all(one.tenant.jobs.max_batch is None for one in here):
            made = sum(batch.place == place for batch in found)
            assert made == -(-len(here) // largest)


@given(st.integers(2, 50), st.data())
def test_a_culprit_that_is_not_named_is_alone_after_six_halvings(
    size: int, data: st.DataObject
) -> None:
    group = [placed(i) for i in range(size)]
    culprit = data.draw(st.sampled_from(group)).tenant
    for _ in range(6):
        found = batches.make_batches("shop", group, 50, NOW)
        (stuck,) = [batch for batch in found if culprit.name in names(batch)]
        if len(stuck.members) == 1:
            return
        batches.part([one.tenant for one in stuck.members], frozenset())
        for batch in found:
            if batch is not stuck:
                for one in batch.members:
                    batches.reunite(one.tenant, 50)
    raise AssertionError("it still holds others up")


def test_only_the_named_one_is_scanned_alone() -> None:
    group = [placed(i) for i in range(10)]
    batches.part([one.tenant for one in group], frozenset({"t3"}))
    assert sorted(len(batch.members) for batch in batches.make_batches("shop", group, 50, NOW)) == [
        1,
        9,
    ]


def test_first_scans_have_half_of_the_company_since_their_results_are_longer() -> None:
    group = [placed(i) for i in range(50)]
    for one in group[20:]:
        one.tenant.scan.running = None
    found = batches.make_batches("shop", group, 25, NOW)
    assert [len(batch.members) for batch in found] == [12, 12, 12, 14]

    for one in group[20:]:
        one.tenant.scan.look = look(identity_state="Unpaired")
    assert len(batches.make_batches("shop", group, 25, NOW)) == 2
    assert len(batches.make_batches("shop", [placed(1)], 1, NOW)) == 1


def test_whoever_had_room_for_the_counts_alone_has_half_of_the_company_next_time() -> None:
    group = [placed(i) for i in range(25)]
    for one in group[20:]:
        batches.crowded(one.tenant, 25)
    found = batches.make_batches("shop", group, 25, NOW)
    assert [len(batch.members) for batch in found] == [12, 13]
    assert {one.tenant.name for one in group[20:]} <= set(names(found[0]))


def test_success_brings_full_company_back() -> None:
    known, scans = tenant(), 0
    known.jobs.max_batch = 1
    while known.jobs.max_batch is not None:
        batches.reunite(known, 50)
        scans += 1
    assert scans < 25


def anywhere(namespace: str, urgent: bool) -> bool:
    return True


def _tenants(namespace: str, count: int) -> list[TenantRecord]:
    return [TenantRecord(namespace, f"t{i}", f"{namespace}-{i}") for i in range(count)]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_each_namespace_has_its_turn_before_any_has_a_second(sizes: list[int]) -> None:
    backlog = NamespaceQueues()
    for number, size in enumerate(sizes):
        for one in _tenants(f"ns-{number}", size):
            backlog.clean(one)
    assert len(backlog) == sum(sizes)
    order = []
    while (found := backlog.next(anywhere)) is not None:
        assert isinstance(found, TenantRecord)
        order.append(found.namespace)
    assert len(order) == sum(sizes)
    for number, size in enumerate(sizes):
        places = [i for i, namespace in enumerate(order) if namespace == f"ns-{number}"]
        assert len(places) == size
        # Between two turns of one namespace every other has at most one.
        for first, second in itertools.pairwise(places):
            between = order[first + 1 : second]
            assert len(between) == len(set(between))
    assert not backlog


def test_cleanups_come_before_scans_and_lots_before_new_wishes() -> None:
    backlog = NamespaceQueues()
    scanned, cleaned = _tenants("shop", 2)
    batch = Batch("shop", NODES[0], (placed(7),), NOW)
    backlog.want(scanned)
    backlog.put([batch])
    backlog.clean(cleaned)
    assert [backlog.next(anywhere), backlog.next(anywhere), backlog.next(anywhere)] == [
        cleaned,
        batch,
        [scanned],
    ]
    assert backlog.next(anywhere) is None


def test_a_tenant_that_is_gone_is_given_to_nobody() -> None:
    backlog = NamespaceQueues()
    one, two = _tenants("shop", 2)
    backlog.want(one)
    backlog.clean(two)
    backlog.forget(one)
    backlog.forget(two)
    assert backlog.next(anywhere) is None


def test_a_namespace_without_room_holds_up_no_other_and_keeps_its_place() -> None:
    backlog = NamespaceQueues()
    (full,), (free,) = _tenants("full", 1), _tenants("free", 1)
    backlog.clean(full)
    backlog.want(free)
    assert backlog.next(lambda namespace, _: namespace == "free") == [free]
    assert backlog.next(lambda namespace, _: namespace == "free") is None
    assert len(backlog) == 1
    assert backlog.next(anywhere) is full


def test_what_is_urgent_needs_room_for_what_is_urgent_alone() -> None:
    backlog = NamespaceQueues()
    urgent, plain = _tenants("shop", 2)
    backlog.clean(plain)
    backlog.clean(urgent, urgent=True)
    assert backlog.next(lambda _, kind: kind) is urgent
    assert backlog.next(lambda _, kind: kind) is None
    assert backlog.next(lambda _, kind: not kind) is plain
