"""Which Jobs count as under way: this operator's own, by their uid."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.controller.jobs.manifest import ACTION_LABEL
from baileys_janitor.controller.jobs.tracker import (
    DELETED_AT_ONCE,
    GRACE_SECONDS,
    LEFTOVERS_MAX,
    JobTracker,
    Leftovers,
    TrackedJob,
    job_of,
)
from tests.controller.metrics.fleets import StandingClock

Object = dict[str, Any]


def controlled(name: str = "job", uid: str = "u-job", **more: Any) -> Object:
    owner = {"kind": "Job", "name": name, "uid": uid, "controller": True, **more}
    return {"metadata": {"name": "pod", "namespace": "shop", "ownerReferences": [owner]}}


def test_only_what_bears_the_uid_is_the_job() -> None:
    tracker = JobTracker()
    tracked = tracker.add(TrackedJob("shop", "job", "scan", [], uid="u-job"))
    assert tracker.find("shop", "job", "u-job") is tracked
    assert tracker.find("shop", "job", "another") is None
    assert tracker.find("shop", "job", "") is None
    assert tracker.find("bank", "job", "u-job") is None
    assert not tracked.overheard


def test_what_is_heard_before_the_uid_is_known_is_looked_for_afterwards() -> None:
    tracker = JobTracker()
    tracked = tracker.add(TrackedJob("shop", "job", "scan", []))
    assert tracker.find("shop", "job", "u-job") is None
    assert tracked.overheard


def test_a_job_that_was_made_anew_under_its_name_is_not_dropped_with_the_old_one() -> None:
    tracker = JobTracker()
    old = tracker.add(TrackedJob("shop", "job", "scan", [], uid="u-1"))
    new = tracker.add(TrackedJob("shop", "job", "scan", [], uid="u-2"))
    tracker.drop(old)
    assert tracker.get("shop", "job") is new


def test_a_pod_belongs_to_the_job_that_controls_it() -> None:
    assert job_of(controlled()) == ("job", "u-job")


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"metadata": None},
        {"metadata": {"labels": {"batch.kubernetes.io/job-name": "job"}}},
        {"metadata": {"ownerReferences": "job"}},
        {"metadata": {"ownerReferences": [None, 7, {}]}},
        controlled(kind="ReplicaSet"),
        controlled(controller=False),
        controlled(controller="true"),
        controlled(uid=7),
        controlled(name=""),
    ],
)
def test_a_pod_that_only_says_so_belongs_to_none(pod: Object) -> None:
    assert job_of(pod) is None


def job(uid: str, action: str = "scan", **more: Any) -> Object:
    labels = {ACTION_LABEL: action}
    return {"metadata": {"namespace": "shop", "name": uid, "uid": uid, "labels": labels, **more}}


def test_an_earlier_operators_scans_are_deleted_at_once_and_a_cleanup_only_if_nobody_claims_it() -> (
    None
):
    clock = StandingClock()
    left = Leftovers(clock)
    left.note(job("scan"), at_start=True)
    left.note(job("clean", "clean"), at_start=True)
    left.note(job("claimed", "clean"), at_start=True)
    assert [one.uid for one in left.due()] == ["scan"]
    assert left.take("bank", "claimed") is None
    assert left.take("shop", "claimed") is not None
    left.forget("scan")
    clock.time += GRACE_SECONDS
    assert [one.uid for one in left.due()] == ["clean"]
    # A deletion that fails is tried again, later.
    assert left.due() == []
    clock.time += GRACE_SECONDS
    assert [one.uid for one in left.due()] == ["clean"]


def test_a_scan_is_nobodys_cleanup_whatever_a_status_says() -> None:
    left = Leftovers(StandingClock())
    left.note(job("scan"))
    assert left.take("shop", "scan") is None


def test_a_flood_of_jobs_with_our_labels_costs_little() -> None:
    clock = StandingClock()
    left = Leftovers(clock)
    for number in range(2 * LEFTOVERS_MAX):
        left.note(job(f"j{number}"))
    assert len(left) == LEFTOVERS_MAX
    clock.time += GRACE_SECONDS
    assert len(left.due()) == DELETED_AT_ONCE


@pytest.mark.parametrize(
    "found", [{}, {"metadata": None}, {"metadata": {"uid": 7}}, job("x", deletionTimestamp="now")]
)
def test_what_is_no_job_or_goes_already_is_no_leftover(found: Object) -> None:
    left = Leftovers(StandingClock())
    left.note(found)
    assert len(left) == 0
