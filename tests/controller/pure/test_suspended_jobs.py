"""A Job that a queue suspends gets no pod: that is said, waited for, and given up when its time is over."""

from __future__ import annotations

from typing import Any

from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.jobs.timeouts import POD_APPEARS_SECONDS
from baileys_janitor.controller.jobs.tracker import TrackedJob

from .test_containment import Operator
from .world import CONFIG

Object = dict[str, Any]


def job(suspend: bool) -> Object:
    meta = {"namespace": "shop", "name": "job-acme", "uid": "j-acme"}
    return {"metadata": meta, "spec": {"suspend": suspend}}


def without_a_pod(operator: Operator) -> TrackedJob:
    tracked = operator.tracked("acme")
    tracked.started = None
    operator.reconciler.results.job("MODIFIED", job(suspend=True))
    return tracked


async def test_it_is_said_and_its_queue_is_given_time() -> None:
    operator = Operator("acme")
    tracked = without_a_pod(operator)
    await operator.go(POD_APPEARS_SECONDS + 1)
    assert operator.tenant("acme").fault == faults.SUSPENDED
    assert not tracked.settled


async def test_it_is_given_up_as_that_when_its_time_is_over() -> None:
    operator = Operator("acme")
    tracked = without_a_pod(operator)
    await operator.go(CONFIG.job.pending_timeout.seconds + 1)
    assert tracked.settled
    assert operator.tenant("acme").fault == faults.SUSPENDED


async def test_one_that_goes_on_is_no_longer_suspended() -> None:
    operator = Operator("acme")
    tracked = without_a_pod(operator)
    operator.reconciler.results.job("MODIFIED", job(suspend=False))
    await operator.go(CONFIG.job.pending_timeout.seconds + 1)
    assert tracked.settled
    assert operator.tenant("acme").fault == faults.OVERDUE
