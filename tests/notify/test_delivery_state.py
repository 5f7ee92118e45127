"""What a target is told is the difference of what holds and of what it was told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.notify import delivery_state
from baileys_janitor.notify.delivery_state import BETTER, ENDED, LASTING, NEW, PASSED, WORSE
from tests.all_checks import ALL_CHECKS
from tests.notify.world import (
    CRITICAL,
    DAY,
    EMERGENCY,
    HOUR,
    MINUTE,
    NOW,
    PACE,
    WARNING,
    Fleet,
    IncidentKind,
    Listener,
)


def listening(*, tenants: int = 1) -> tuple[Fleet, Listener]:
    """A fleet of healthy tenants, and who is told of it."""
    fleet = Fleet()
    for number in range(tenants):
        fleet.put(number, None, NOW - HOUR)
    return fleet, Listener(fleet)


def test_an_emergency_is_told_once_its_group_wait_is_over() -> None:
    fleet, listener = listening()
    fleet.put(0, EMERGENCY, NOW)
    listener.advance(PACE.group_wait - 1)
    assert listener.messages == []
    listener.advance(1)
    assert listener.last.said() == {"t0": "new TenantEmergency"}


def test_a_thousand_tenants_that_change_at_once_are_one_message() -> None:
    fleet, listener = listening(tenants=1000)
    for number in range(1000):
        fleet.put(number, EMERGENCY, NOW + number * 0.01)
    listener.advance(HOUR)
    (message,) = listener.messages
    assert len(message.changes) == 1000


@pytest.mark.no_cover  # it takes four times as long, and covers nothing that others do not
def test_many_tenants_that_change_one_after_another_are_a_few_messages() -> None:
    many = 1000 if ALL_CHECKS else 250
    fleet, listener = listening(tenants=many)
    for number in range(many):
        fleet.put(number, EMERGENCY, listener.now)
        listener.advance(2000 / many)
    listener.advance(10 * MINUTE)
    assert sum(len(message.changes) for message in listener.messages) == many
    assert len(listener.messages) <= 10


def test_a_tenant_that_flaps_is_told_once() -> None:
    fleet, listener = listening()
    for _ in range(60):
        fleet.put(0, EMERGENCY, listener.now)
        listener.advance(MINUTE)
        fleet.put(0, None, listener.now)
        listener.advance(MINUTE)
    fleet.put(0, EMERGENCY, listener.now)
    listener.advance(MINUTE)
    assert [m.said()["t0"].split()[0] for m in listener.messages] == [NEW]


def test_what_comes_and_goes_slowly_is_told_ever_less_and_then_says_so() -> None:
    fleet, listener = listening()
    for _ in range(96):
        fleet.put(0, EMERGENCY, listener.now)
        listener.advance(15 * MINUTE)
        fleet.put(0, None, listener.now)
        listener.advance(15 * MINUTE)
    first_day = [m.changes[0] for m in listener.messages if m.at < NOW + DAY]
    assert [(c.change, c.times) for c in first_day[:3]] == [(NEW, 1), (ENDED, 1), (NEW, 2)]
    assert {c.change for c in first_day[3:]} == {LASTING}
    assert len(listener.messages) <= 2 * (3 + 6)


def test_levels_that_go_up_and_down_are_told_ever_less() -> None:
    fleet, listener = listening()
    for _ in range(48):
        fleet.put(0, CRITICAL, listener.now)
        listener.advance(15 * MINUTE)
        fleet.put(0, WARNING, listener.now)
        listener.advance(15 * MINUTE)
    said = [m.changes[0].change for m in listener.messages]
    assert said[:3] == [NEW, BETTER, WORSE]
    assert set(said[3:]) == {LASTING}


def test_after_a_quiet_day_it_is_as_if_it_had_never_come() -> None:
    fleet, listener = listening()
    for pause in (HOUR, HOUR, 26 * HOUR, HOUR):
        fleet.put(0, EMERGENCY, listener.now)
        listener.advance(HOUR)
        fleet.put(0, None, listener.now)
        listener.advance(pause)
    begun = [c.times for m in listener.messages for c in m.changes if c.change == NEW]
    assert begun == [1, 2, 3, 1]


def test_what_is_over_for_long_enough_is_told_as_over_with_its_times() -> None:
    fleet, listener = listening()
    fleet.put(0, EMERGENCY, NOW)
    listener.advance(HOUR)
    fleet.put(0, None, listener.now)
    over = listener.now
    listener.advance(PACE.resolve_after - 1)
    assert len(listener.messages) == 1
    listener.advance(1)
    (change,) = listener.last.changes
    assert (change.change, change.kind, change.since, change.ended) == (ENDED, EMERGENCY, NOW, over)
    listener.advance(12 * HOUR)
    assert len(listener.messages) == 2
    assert listener.book.entries == {}


def test_who_wants_no_ends_is_not_told_them_and_hears_of_the_next_time() -> None:
    fleet, listener = listening()
    listener.resolved = False
    for _ in range(2):
        fleet.put(0, EMERGENCY, listener.now)
        listener.advance(HOUR)
        fleet.put(0, None, listener.now)
        listener.advance(HOUR)
    assert [m.said()["t0"] for m in listener.messages] == ["new TenantEmergency"] * 2


def test_what_lasts_is_told_again_after_the_repeat_interval() -> None:
    fleet, listener = listening()
    fleet.put(0, EMERGENCY, NOW)
    listener.advance(13 * HOUR)
    assert [m.changes[0].change for m in listener.messages] == [NEW, LASTING, LASTING, LASTING]
    gaps = [b.at - a.at for a, b in zip(listener.messages, listener.messages[1:], strict=False)]
    assert gaps == [PACE.repeat] * 3


def test_a_warning_that_lasts_is_told_once_a_day() -> None:
    fleet, listener = listening()
    fleet.put(0, WARNING, NOW)
    listener.advance(49 * HOUR)
    assert [m.changes[0].change for m in listener.messages] == [NEW, LASTING, LASTING]


def test_what_nobody_waits_for_to_end_is_told_once() -> None:
    fleet, listener = listening()
    fleet.put(0, INCIDENT_KINDS["IdentityChanged"], NOW)
    listener.advance(72 * HOUR)
    fleet.put(0, None, listener.now)
    listener.advance(HOUR)
    assert [m.changes[0].change for m in listener.messages] == [NEW]
    assert listener.book.entries == {}


def test_repeats_of_many_tenants_come_together() -> None:
    fleet, listener = listening(tenants=50)
    for number in range(50):
        fleet.put(number, EMERGENCY, listener.now)
        listener.advance(25)
    listener.advance(HOUR)
    listener.messages.clear()
    listener.advance(PACE.repeat)
    assert [len(message.changes) for message in listener.messages] == [50]


def test_what_becomes_worse_is_told_at_once_and_what_becomes_better_only_if_it_stays_so() -> None:
    fleet, listener = listening()
    fleet.put(0, WARNING, listener.now)
    listener.advance(MINUTE)
    fleet.put(0, EMERGENCY, listener.now)
    listener.advance(MINUTE)
    fleet.put(0, CRITICAL, listener.now)
    listener.advance(9 * MINUTE)
    said = [m.changes[0].change for m in listener.messages]
    assert said == [NEW, WORSE]
    listener.advance(MINUTE)
    assert [m.changes[0].change for m in listener.messages] == [NEW, WORSE, BETTER]
    assert listener.last.changes[0].was is EMERGENCY
    assert listener.last.changes[0].since == NOW


def test_what_is_over_before_a_dead_channel_works_again_is_told_as_passed() -> None:
    fleet, listener = listening(tenants=2)
    listener.up = False
    fleet.put(0, EMERGENCY, NOW)
    fleet.put(1, EMERGENCY, NOW)
    listener.advance(HOUR)
    fleet.put(0, None, listener.now)
    listener.advance(HOUR)
    assert listener.messages == []
    listener.up = True
    listener.advance(HOUR)
    (message,) = listener.messages
    assert message.said() == {"t0": "passed TenantEmergency", "t1": "new TenantEmergency"}


def test_what_is_better_before_it_could_be_told_is_told_with_what_it_was() -> None:
    fleet, listener = listening()
    listener.up = False
    fleet.put(0, EMERGENCY, NOW)
    listener.advance(HOUR)
    fleet.put(0, WARNING, listener.now)
    listener.up = True
    listener.advance(HOUR)
    (change,) = listener.last.changes
    assert (change.change, change.kind, change.was, change.since) == (NEW, WARNING, EMERGENCY, NOW)


def test_after_a_restart_exactly_what_was_missed_is_told() -> None:
    fleet, listener = listening(tenants=4)
    fleet.put(0, EMERGENCY, NOW)
    fleet.put(1, EMERGENCY, NOW)
    fleet.put(2, EMERGENCY, NOW)
    listener.advance(HOUR)
    listener.messages.clear()
    # While nobody is there: one is over, one becomes bad, and two stay as they are.
    fleet.put(0, None, listener.now)
    fleet.put(3, CRITICAL, listener.now)
    listener.now += HOUR
    listener.restart()
    listener.advance(20 * MINUTE)
    said = [message.said() for message in listener.messages]
    assert said == [{"t0": "ended TenantEmergency", "t3": "new TenantCritical"}]


def test_nothing_is_told_twice_however_often_the_operator_restarts() -> None:
    fleet, listener = listening(tenants=3)
    for number in range(3):
        fleet.put(number, EMERGENCY, NOW)
    for _ in range(30):
        listener.advance(5 * MINUTE)
        listener.restart()
    assert [len(m.changes) for m in listener.messages] == [3]


def test_what_the_operator_knew_only_in_part_when_it_began_is_not_told_one_by_one() -> None:
    fleet, listener = listening()
    # The statuses of many tenants arrive within the first seconds, all with times long gone.
    for number in range(100):
        fleet.put(number, EMERGENCY, NOW - HOUR)
        listener.advance(0.1)
    listener.advance(MINUTE)
    assert [len(m.changes) for m in listener.messages] == [100]


def test_more_messages_than_allowed_in_an_hour_never_go_out_and_the_rest_comes_later() -> None:
    fleet, listener = listening(tenants=600)
    for number in range(600):
        fleet.put(number, EMERGENCY, listener.now)
        listener.advance(31)
        fleet.put(number, None, listener.now)
    listener.advance(2 * HOUR)
    times = [message.at for message in listener.messages]
    for at in times:
        assert sum(at - HOUR < other <= at for other in times) <= PACE.per_hour
    told = {c.place.name for m in listener.messages for c in m.changes if c.place}
    assert len(told) == 600
    assert listener.book.entries == {}


def test_a_tenant_that_is_not_known_any_more_leaves_what_was_told_as_it_is() -> None:
    fleet, listener = listening()
    fleet.put(0, EMERGENCY, NOW)
    listener.advance(HOUR)
    known = dict(listener.book.entries)
    plan = delivery_state.plan({}, lambda _: True, listener.book, PACE, listener.now, NOW)
    assert plan.changes == []
    assert listener.book.entries == known


def test_a_tenant_that_nobody_asks_for_any_more_is_forgotten_in_silence() -> None:
    fleet, listener = listening()
    fleet.put(0, EMERGENCY, NOW)
    listener.advance(HOUR)
    plan = delivery_state.plan({}, lambda _: False, listener.book, PACE, listener.now, NOW)
    assert plan.changes == []
    assert listener.book.entries == {}


TENANTS = 4
levels = st.sampled_from([None, WARNING, CRITICAL, EMERGENCY])
moves = st.tuples(st.just("level"), st.integers(0, TENANTS - 1), levels)
passing = st.tuples(st.just("time"), st.sampled_from([5, 29, 31, 120, 599, 601, 3600, 14_401]))
others = st.sampled_from([("up",), ("down",), ("restart",)])


@given(st.lists(st.one_of(moves, moves, passing, passing, others), max_size=60))
def test_whatever_happens_the_reader_ends_up_knowing_what_holds(
    story: list[tuple[object, ...]],
) -> None:
    fleet, listener = listening(tenants=TENANTS)
    begun: list[tuple[int, IncidentKind, float]] = []
    for what, *more in story:
        if what == "level":
            number, kind = more
            assert isinstance(number, int)
            assert kind is None or isinstance(kind, IncidentKind)
            fleet.put(number, kind, listener.now)
            listener.tell()
        elif what == "time":
            (seconds,) = more
            assert isinstance(seconds, int)
            before = dict(fleet.states)
            listener.advance(seconds)
            # Right after a message the next one waits, an urgent one too; by then it may be over.
            # While a channel is down, what is known already may get worse and be over again unsent.
            known = {id_ for id_, entry in listener.book.entries.items() if entry.at}
            if seconds > PACE.group_interval and (listener.up or not known):
                begun += [(n, k, since) for n, (k, since) in before.items() if k is not None]
        elif what == "restart":
            listener.restart()
        else:
            listener.up = what == "up"
    listener.up = True
    quiet = listener.now + PACE.resolve_after * delivery_state.CALMEST
    listener.advance(5 * HOUR)
    _nobody_is_told_nonsense(listener)
    _all_that_holds_is_known(fleet, listener)
    _whoever_was_bad_for_long_was_told_of(begun, listener)
    # Once all is told, there is silence until something is repeated.
    late = [m for m in listener.messages if m.at > quiet + HOUR]
    assert all(c.change == LASTING for m in late for c in m.changes)


def _nobody_is_told_nonsense(listener: Listener) -> None:
    known: dict[int, IncidentKind] = {}
    told_at: dict[int, float] = {}
    for message in listener.messages:
        ids = [change.id for change in message.changes]
        assert len(ids) == len(set(ids)), "one line for each tenant"
        for change in message.changes:
            was = known.get(change.id)
            if change.change in {NEW, PASSED}:
                assert was is None, "told already"
            elif change.change == LASTING:
                assert was is change.kind
                urgent = change.kind.rank >= delivery_state.URGENT
                repeat = PACE.repeat if urgent else PACE.repeat_warnings
                assert message.at - told_at[change.id] >= repeat * delivery_state.TOGETHER
            elif change.change == ENDED:
                assert was is change.kind
            else:
                assert was is change.was is not change.kind
            known.pop(change.id, None)
            if not change.over:
                known[change.id] = change.kind
            told_at[change.id] = message.at
        assert sum(m.at > message.at - HOUR for m in listener.messages if m.at <= message.at) <= (
            PACE.per_hour
        )


def _all_that_holds_is_known(fleet: Fleet, listener: Listener) -> None:
    known = {id_: entry.kind for id_, entry in listener.book.entries.items()}
    assert known == {id_: incident.kind for id_, incident in fleet.incidents().items()}
    assert all(entry.at for entry in listener.book.entries.values())


def _whoever_was_bad_for_long_was_told_of(
    begun: list[tuple[int, IncidentKind, float]], listener: Listener
) -> None:
    for number, kind, since in begun:
        told = [
            max(change.kind.rank, change.was.rank if change.was is not None else 0)
            for message in listener.messages
            for change in message.changes
            if change.id >> 4 == number and (message.at >= since or change.since <= since)
        ]
        assert max(told, default=0) >= kind.rank
