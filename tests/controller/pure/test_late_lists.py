"""A list of pods that is answered late takes nothing back that events have shown meanwhile."""

from __future__ import annotations

from typing import Any

from baileys_janitor.controller.jobs.timeouts import POD_STARTS_SECONDS
from baileys_janitor.controller.jobs.tracker import TrackedJob

from .test_containment import Operator, pod

Object = dict[str, Any]


def waiting(*conditions: Object) -> Object:
    return pod("acme", spec={}, status={"phase": "Pending", "conditions": list(conditions)})


NEW = waiting()
REFUSED = waiting({"type": "PodScheduled", "status": "False", "message": "0/1 nodes fit."})


def overheard(operator: Operator) -> TrackedJob:
    """A Job whose pod's first event came before the API server had answered its creation."""
    tracked = operator.tracked("acme")
    tracked.started, tracked.overheard = None, True
    return tracked


def listing(operator: Operator, listed: Object, *, event: Object | None) -> Any:
    """A list of pods that is read, then answered after an event has come."""

    async def late(_url: str, **_: Any) -> Any:
        if event is not None:
            operator.reconciler.results.pod("MODIFIED", event)
        yield listed

    return late


async def test_a_fault_that_an_event_showed_meanwhile_stays_said() -> None:
    operator = Operator("acme")
    tracked = overheard(operator)
    operator.server.list = listing(operator, NEW, event=REFUSED)
    await operator.go()
    await operator.go(POD_STARTS_SECONDS + 1)
    assert tracked.trouble is not None
    assert operator.ready("acme")["reason"] == "Unschedulable"


async def test_what_no_event_showed_is_learned_from_the_list() -> None:
    operator = Operator("acme")
    tracked = overheard(operator)
    operator.server.list = listing(operator, REFUSED, event=None)
    await operator.go()
    await operator.go(POD_STARTS_SECONDS + 1)
    assert tracked.pod == "pod-acme"
    assert operator.ready("acme")["reason"] == "Unschedulable"


async def test_a_pod_that_ended_unheard_is_taken_in_although_another_event_came() -> None:
    operator = Operator("acme")
    tracked = overheard(operator)
    tracked.overheard, tracked.failed_at = False, operator.clock.time
    ended = pod("acme", message="no result")
    operator.server.list = listing(operator, ended, event=NEW)
    await operator.go(11)
    await operator.go()
    assert tracked.settled
