"""Which Jobs count as under way."""

from __future__ import annotations

from typing import Any

from baileys_janitor.controller.flights import JOB_NAME_LABEL, LINGER, Flights, job_of
from baileys_janitor.controller.manifests import Member, Pod, job
from baileys_janitor.controller.placement import Identity, Place
from tests.controller.pure.world import NOW

Object = dict[str, Any]


def made(name: str = "janitor-scan-1") -> Object:
    return job(
        name=name,
        namespace="shop",
        action="scan",
        task="{}",
        members=[Member("acme", "u-1")],
        claims=["data"],
        place=Place("node-1", "", Identity()),
        pod=Pod("janitor:1"),
        resources={},
        read_only=True,
    )


def pod_of(found: Object) -> Object:
    meta = found["spec"]["template"]["metadata"]
    labels = {**meta["labels"], JOB_NAME_LABEL: found["metadata"]["name"]}
    return {
        "metadata": {**meta, "labels": labels, "namespace": "shop", "name": "pod-1"},
        "spec": found["spec"]["template"]["spec"],
    }


def test_a_pod_that_outlives_its_job_is_not_taken_for_another_one() -> None:
    flights = Flights()
    found = made()
    flight = flights.adopt(found, found["metadata"]["name"], NOW)
    assert flight is not None
    flights.bury(flight, NOW)
    pod = pod_of(found)
    assert flights.adopt(pod, str(job_of(pod)), NOW + 1) is None
    assert not list(flights)


def test_a_job_that_is_made_again_under_its_name_counts() -> None:
    flights = Flights()
    found = made()
    flight = flights.adopt(found, "janitor-scan-1", NOW)
    assert flight is not None
    flights.bury(flight, NOW)
    flights.add(flight)
    assert flights.adopt(pod_of(found), "janitor-scan-1", NOW + 1) is flight


def test_a_pod_whose_job_an_earlier_operator_made_is_taken_on() -> None:
    flights = Flights()
    flight = flights.adopt(pod_of(made()), "janitor-scan-1", NOW)
    assert flight is not None
    assert flight.members == [Member("acme", "u-1")]


def test_names_of_deleted_jobs_are_remembered_for_a_while_only() -> None:
    flights = Flights()
    for number in range(500):
        flight = flights.adopt(made(f"janitor-scan-{number}"), f"janitor-scan-{number}", NOW)
        assert flight is not None
        flights.bury(flight, NOW + number)
    assert len(flights._gone) <= LINGER + 1
