"""Whatever comes, however fast: bounded in memory, in objects and in requests, and the most important is written."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.controller.events import aggregator
from baileys_janitor.controller.events.aggregator import (
    BUCKETS,
    FINISH_SECONDS,
    OPERATOR,
    REASON,
    SERIES,
    TENANT,
    TRIES,
    WAITING,
    Buckets,
    EventAggregator,
)
from baileys_janitor.controller.events.messages import REASONS, Draft, Reason

from .world import NOW


def draft(
    name: str = "acme",
    reason: str = "Stalled",
    topic: str = "",
    weight: int = 5,
) -> Draft:
    return Draft("shop", name, name, "1", reason, "Observe", "Warning", "Said.", topic, weight)


class Server:
    """Writes what a queue has, as a server would see it: objects by name, and requests."""

    def __init__(self, queue: EventAggregator) -> None:
        self.queue = queue
        self.objects: dict[str, tuple[Draft, int]] = {}
        self.requests: list[float] = []

    def serve(self, now: float, until: float) -> float:
        """Write what comes due up to a time; return that time."""
        while True:
            series = self.queue.take(now)
            if series is None:
                when = self.queue.next_time(now)
                if when is None or when > until:
                    return until
                now = max(now, when)
                continue
            self.requests.append(now)
            if not series.written:
                series.object_name = f"e{len(self.objects)}"
            self.objects[series.object_name] = (series.draft, series.count)
            self.queue.wrote(series, series.count, now)

    def told(self, reason: str) -> list[int]:
        return [count for about, count in self.objects.values() if about.reason == reason]


def test_what_happens_again_within_six_minutes_counts_up_one_object() -> None:
    server, now = Server(EventAggregator()), NOW
    for _ in range(20):
        server.queue.offer(draft(), now)
        now = server.serve(now, now + 30.0)
    server.serve(server.serve(now, now + 2 * FINISH_SECONDS), now + 2 * FINISH_SECONDS)
    assert server.told("Stalled") == [20]
    # Its creation, the first repetition at once, then every six minutes and the end.
    assert len(server.requests) <= 2 + 20 * 30.0 / FINISH_SECONDS + 1
    assert len(server.queue) == 0


def test_what_happens_again_later_is_another_object() -> None:
    server = Server(EventAggregator())
    server.queue.offer(draft(), NOW)
    now = server.serve(NOW, NOW + FINISH_SECONDS)
    server.queue.offer(draft(), now)
    server.serve(now, now + FINISH_SECONDS)
    assert server.told("Stalled") == [1, 1]


def test_a_repetition_that_comes_before_the_first_was_written_is_counted_in_it() -> None:
    server = Server(EventAggregator())
    for _ in range(3):
        server.queue.offer(draft(), NOW)
    server.serve(NOW, NOW)
    assert server.told("Stalled") == [3]
    assert len(server.requests) == 1


def test_an_outage_of_ten_thousand_tenants_is_a_few_hundred_objects() -> None:
    server, now = Server(EventAggregator()), NOW
    for number in range(10_000):
        server.queue.offer(draft(f"t{number}"), now)
        now = server.serve(now, now + 0.06)
    server.serve(server.serve(now, now + FINISH_SECONDS), now + FINISH_SECONDS)
    assert len(server.objects) <= REASON.burst + 10_000 * 0.06 / REASON.every + 1
    assert server.queue.left_out["Reason"] >= 9_800
    assert len(server.queue) == 0


def test_one_tenant_that_flaps_in_ever_new_ways_is_quiet_after_a_few() -> None:
    server, now = Server(EventAggregator()), NOW
    for number in range(600):
        server.queue.offer(draft(topic=str(number)), now)
        now = server.serve(now, now + 1.0)
    assert len(server.objects) <= TENANT.burst + 600 / TENANT.every + 1


def test_when_too_many_wait_the_least_important_is_left_out() -> None:
    queue = EventAggregator()
    routine = (Reason.CLEANUP_STARTED, Reason.CLEANUP_FINISHED)
    reasons = [*(r for r in sorted(REASONS) if r not in routine)]
    offered = 0
    for reason in reasons:
        for number in range(int(REASON.burst)):
            heavy = 9 if reason == "CredentialsCorrupt" else 1
            queue.offer(draft(f"{reason}{number}", reason, weight=heavy), NOW)
            offered += 1
    assert queue.left_out == {"Full": offered - WAITING}
    server = Server(queue)
    server.serve(NOW, NOW + 600.0)
    assert len(server.told("CredentialsCorrupt")) == REASON.burst
    # And it is written first.
    first = [about.reason for about, _ in list(server.objects.values())[: int(REASON.burst)]]
    assert set(first) == {"CredentialsCorrupt"}


def test_a_server_that_does_not_answer_is_asked_in_peace_and_given_up() -> None:
    queue, now, asked = EventAggregator(), NOW, 0
    queue.offer(draft(), now)
    while (when := queue.next_time(now)) is not None:
        now = max(now, when)
        series = queue.take(now)
        if series is not None:
            asked += 1
            queue.failed(series, now, again=10.0)
    assert asked == TRIES
    assert now - NOW >= 10.0 * (TRIES - 1)
    assert queue.left_out == {"Refused": 1}


def test_an_object_that_is_gone_is_written_anew_with_its_count() -> None:
    server = Server(EventAggregator())
    server.queue.offer(draft(), NOW)
    server.serve(NOW, NOW)
    server.queue.offer(draft(), NOW + 60.0)
    series = server.queue.take(NOW + 60.0)
    assert series is not None
    server.objects.clear()
    server.queue.lost(series)
    server.serve(NOW + 60.0, NOW + 61.0)
    assert server.told("Stalled") == [2]


offers = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(sorted(REASONS)),
        st.integers(0, 3),
        st.integers(1, 9),
        st.floats(0.0, 200.0),
        st.integers(1, 60),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(offers, st.lists(st.sampled_from(["write", "fail", "refuse", "lose"]), max_size=200))
def test_objects_requests_and_memory_are_bounded_whatever_comes(told, fates) -> None:
    queue, now, requests, written = EventAggregator(), NOW, 0, set()
    fate = iter(fates)
    for number, reason, topic, weight, pause, times in told:
        for again in range(times):
            queue.offer(draft(f"t{number + again % 7}", reason, str(topic), weight), now)
        assert len(queue) <= SERIES
        end = now + pause
        while True:
            series = queue.take(now)
            if series is None:
                when = queue.next_time(now)
                if when is None or when > end:
                    break
                assert when >= now
                now = max(now, when)
                continue
            requests += 1
            what = next(fate, "write")
            if what == "write":
                written.add(id(series))
                queue.wrote(series, series.count, now)
            elif what == "lose" and series.written:
                queue.lost(series)
            else:
                queue.failed(series, now, again=10.0 if what == "fail" else None)
        now = end
    spent = now - NOW
    assert requests <= OPERATOR.burst + spent / OPERATOR.every + 1


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 30.0)), max_size=100))
def test_a_bucket_gives_no_more_than_its_pace(asked) -> None:
    pace = aggregator.RateLimit(3, 10.0)
    buckets, now, given_ = Buckets(pace), NOW, {}
    for key, pause in asked:
        given_[key] = given_.get(key, 0) + buckets.take(key, now)
        assert given_[key] <= pace.burst + (now - NOW) / pace.every + 1e-6
        now += pause


def test_buckets_of_ever_new_keys_are_forgotten() -> None:
    buckets = Buckets(TENANT)
    for number in range(BUCKETS * 2):
        assert buckets.take(number, NOW)
    assert len(buckets) == BUCKETS


def test_only_what_is_the_same_is_one_series() -> None:
    queue, first = EventAggregator(), draft()
    for other in (first, replace(first, uid="u-2"), replace(first, topic="t"), first):
        queue.offer(other, NOW)
    assert len(queue) == 3
