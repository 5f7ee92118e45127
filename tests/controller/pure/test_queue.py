"""Who may have a Job: the fleet's limits, a namespace's own, and what is kept for the urgent."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.config.config import Limits
from baileys_janitor.controller.jobs.queue import JobQueue
from baileys_janitor.controller.jobs.tracker import JobTracker, TrackedJob

UNASKED: tuple[Any, ...] = (None,) * 7


def queue(tracker: JobTracker, **limits: int) -> JobQueue:
    """Turns that give nothing: only their room is asked for."""
    return JobQueue(Limits(**limits), tracker, *UNASKED, 0.0)


def under_way(tracker: JobTracker, namespace: str, count: int, **more: Any) -> None:
    for number in range(count):
        name = f"{len(list(tracker))}-{number}"
        tracker.add(TrackedJob(namespace, name, "scan", [], uid=name, **more))


def test_a_namespace_whose_pods_do_not_start_leaves_room_for_the_others() -> None:
    tracker = JobTracker()
    room = queue(tracker, pending_pods_per_namespace=10)
    under_way(tracker, "attacker", 10)
    assert not room.has_room("attacker")
    assert room.has_room("victim")


def test_a_namespace_has_so_many_jobs_and_no_more() -> None:
    tracker = JobTracker()
    room = queue(tracker, jobs_in_flight_per_namespace=20)
    under_way(tracker, "shop", 19, started=1.0)
    assert room.has_room("shop")
    under_way(tracker, "shop", 1, started=1.0)
    assert not room.has_room("shop")
    assert room.has_room("bank")


@pytest.mark.parametrize("started", [None, 1.0])
def test_the_fleets_limits_hold_for_all_together(started: float | None) -> None:
    tracker = JobTracker()
    room = queue(tracker, jobs_in_flight=12, pending_pods=12)
    for number in range(12):
        assert room.has_room("one more")
        under_way(tracker, f"n{number}", 1, started=started)
    assert not room.has_room("one more")


def test_what_is_urgent_has_slots_that_nothing_else_takes_and_takes_no_others() -> None:
    tracker = JobTracker()
    room = queue(tracker, jobs_in_flight=10, pending_pods=10, pending_pods_per_namespace=10)
    under_way(tracker, "shop", 10)
    assert not room.has_room("shop")
    for _ in range(5):
        assert room.has_room("shop", urgent=True)
        under_way(tracker, "shop", 1, urgent=True)
    assert not room.has_room("shop", urgent=True)
    assert not room.has_room("bank", urgent=True)


def test_a_flood_of_requests_in_one_namespace_leaves_urgent_slots_for_another() -> None:
    tracker = JobTracker()
    room = queue(tracker)
    for _ in range(150):
        if room.has_room("attacker", urgent=True):
            under_way(tracker, "attacker", 1, urgent=True)
    assert len(tracker) == 5
    assert room.has_room("victim", urgent=True)
    assert room.has_room("victim")
    assert room.has_room("attacker")


def test_where_there_is_one_slot_an_urgent_one_is_kept_besides() -> None:
    tracker = JobTracker()
    room = queue(tracker, jobs_in_flight=1)
    under_way(tracker, "shop", 1)
    assert room.has_room("shop", urgent=True)


def test_jobs_that_are_over_and_wait_for_their_deletion_take_no_room() -> None:
    tracker = JobTracker()
    room = queue(tracker, jobs_in_flight=1)
    under_way(tracker, "shop", 1, settled=True)
    assert room.has_room("shop")
