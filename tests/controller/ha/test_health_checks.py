"""The probes tell the truth: what is wedged, dead or lost is seen, and what is only idle is not."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest

from baileys_janitor.api.config.config import Probes
from baileys_janitor.controller.health.checks import (
    ACTING,
    STANDBY,
    STARTING,
    STOPPING,
    HealthChecks,
)
from baileys_janitor.controller.health.server import PortTaken, served
from baileys_janitor.controller.health.watch_audit import GRACE_SECONDS, Watches
from tests.controller.ha.leases import StandingClock


class Scheduled:
    """A scheduler that is as late as the test says."""

    def __init__(self, behind: float = 0.0, stuck: float = 0.0) -> None:
        self._behind = behind
        self._stuck = stuck

    def behind(self) -> float:
        return self._behind

    def stuck(self) -> float:
        return self._stuck


def acting(clock: StandingClock) -> HealthChecks:
    checks = HealthChecks(clock)
    checks.state = ACTING
    checks.scheduler = Scheduled()
    checks.answered("GET", "/api", 200)
    return checks


def test_an_operator_that_does_its_work_is_alive_and_ready() -> None:
    checks = acting(StandingClock())

    assert checks.liveness_problems() == []
    assert checks.readiness_problems() == []


def test_a_wedged_scheduler_is_seen() -> None:
    checks = acting(StandingClock())
    checks.scheduler = Scheduled(behind=61.0)

    assert checks.liveness_problems() == ["The scheduler is wedged: 61 s behind."]


def test_steps_of_which_none_ever_ends_are_seen() -> None:
    checks = acting(StandingClock())
    checks.scheduler = Scheduled(stuck=901.0)

    assert checks.liveness_problems() == ["No step has ended for 901 s."]


def test_an_event_loop_that_was_held_up_is_seen() -> None:
    clock = StandingClock()
    checks = acting(clock)
    clock.move(30)

    assert checks.liveness_problems() == ["The event loop was held up for 29 s."]


def test_acting_without_the_lease_is_seen() -> None:
    checks = acting(StandingClock())
    checks.may_act = lambda: False

    assert checks.liveness_problems() == ["The Lease is lost and the operator still acts."]


def test_a_standby_without_the_lease_is_alive_and_ready() -> None:
    checks = acting(StandingClock())
    checks.may_act = lambda: False
    checks.state = STANDBY

    assert checks.liveness_problems() == []
    assert checks.readiness_problems() == []


def test_a_standby_that_cannot_read_the_lease_is_not_ready() -> None:
    checks = acting(StandingClock())
    checks.state = STANDBY
    checks.takes_part = lambda: False

    assert checks.readiness_problems() == [
        "The Lease cannot be read, so that this operator could never lead."
    ]


def test_a_silent_api_server_makes_it_unready_and_calls_for_no_restart() -> None:
    clock = StandingClock()
    checks = acting(clock)
    for _ in range(61):
        clock.move(1)
        checks.answered("GET", "/api", 503)
        checks.answered("GET", "/api", 0)

    assert checks.readiness_problems() == ["The API server has not answered for 60 s."]
    checks.answered("GET", "/api", 403)
    assert checks.readiness_problems() == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (STARTING, "The operator is starting: it waits for the API server."),
        (STOPPING, "The operator is stopping."),
    ],
)
def test_who_starts_or_stops_is_alive_and_not_ready(state: str, said: str) -> None:
    checks = acting(StandingClock())
    checks.state = state

    assert checks.liveness_problems() == []
    assert checks.readiness_problems() == [said]


def test_a_difference_that_lasts_while_the_watch_is_silent_is_a_dead_watch() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.compared(("tenants", "here", "acme"), True)
    clock.move(GRACE_SECONDS - 1)
    assert watches.dead() == []
    clock.move(2)
    assert watches.dead() == ["tenants"]


def test_a_difference_beside_events_is_only_news_on_its_way() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.compared(("tenants", "here", "acme"), True)
    clock.move(GRACE_SECONDS - 1)
    watches.saw("tenants", "there")
    watches.compared(("tenants", "here", "acme"), True)
    clock.move(GRACE_SECONDS / 2)

    assert watches.dead() == []


def test_another_namespaces_watch_vouches_for_nothing() -> None:
    clock = StandingClock()
    watches = Watches(["here", "there"], clock)
    clock.move(61)
    watches.ended("jobs", "here", "janitor-1")
    watches.ended("jobs", "here", "janitor-2")
    clock.move(61)
    watches.saw("pods", "there")
    watches.saw("jobs", "here")

    assert watches.dead() == ["pods"]


def test_a_job_whose_pod_was_heard_of_raises_no_doubt() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    clock.move(600)
    watches.saw("pods", "here")
    watches.ended("jobs", "here", "janitor-1")

    assert watches.doubts("pods") == []


def test_the_next_event_of_a_kind_ends_all_doubts_about_it() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    clock.move(600)
    watches.ended("pods", "here", "janitor-1")
    watches.ended("pods", "here", "janitor-2")
    assert len(watches.doubts("jobs")) == 2
    watches.saw("jobs", "there")

    assert watches.doubts("jobs") == []


def test_one_pod_that_was_left_without_its_job_calls_for_no_restart() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    clock.move(600)
    watches.ended("pods", "here", "janitor-1")
    clock.move(600)

    assert watches.dead() == []


def test_a_difference_that_is_gone_is_forgotten() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.compared(("tenants", "here", "acme"), True)
    clock.move(61)
    watches.compared(("tenants", "here", "acme"), False)

    assert watches.dead() == []


STATUS = "/apis/janitor.baileys.dev/v1alpha1/namespaces/here/baileystenants/acme/status"
JOBS = "/apis/batch/v1/namespaces/here/jobs"
JOB = {"metadata": {"name": "janitor-1", "namespace": "here"}}


@pytest.mark.parametrize(("url", "kind"), [(STATUS, "tenants"), (JOBS, "jobs")])
def test_a_watch_that_does_not_tell_what_the_operator_has_written_is_dead(
    url: str, kind: str
) -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.saw(kind, "there")
    watches.writes(url)(JOB)
    clock.move(GRACE_SECONDS - 1)
    assert watches.dead() == []
    clock.move(2)
    assert watches.dead() == [kind]
    watches.saw(kind, "elsewhere")
    assert watches.dead() == []


def test_a_job_in_a_namespace_that_none_watches_expects_no_event() -> None:
    clock = StandingClock()
    watches = Watches(["there"], clock)
    watches.writes(JOBS)(JOB)
    clock.move(600)
    assert watches.dead() == []


@pytest.mark.parametrize("url", [STATUS, JOBS])
def test_an_event_that_comes_before_the_answer_of_a_write_is_enough(url: str) -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    changed = watches.writes(url)
    for kind in ("tenants", "jobs"):
        watches.saw(kind, "here")
    changed(JOB)
    clock.move(600)

    assert watches.dead() == []


def test_a_write_that_changed_nothing_or_was_refused_expects_no_event() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.writes(STATUS)
    clock.move(600)

    assert watches.dead() == []


def test_a_job_that_has_a_pod_of_which_nothing_was_heard_means_a_dead_watch_of_pods() -> None:
    clock = StandingClock()
    watches = Watches(["here", "there"], clock)
    watches.writes(JOBS)(JOB)
    watches.saw("jobs", "here")
    watches.saw("pods", "there")
    watches.has_pods("here", "janitor-1")
    clock.move(GRACE_SECONDS + 1)
    assert watches.dead() == ["pods"]


def test_a_job_whose_pod_does_not_come_is_no_dead_watch() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.writes(JOBS)(JOB)
    watches.saw("jobs", "here")
    clock.move(600)
    assert watches.dead() == []


def test_a_pod_that_was_heard_of_before_its_job_told_of_it_is_enough() -> None:
    clock = StandingClock()
    watches = Watches([], clock)
    watches.writes(JOBS)(JOB)
    watches.saw("jobs", "here")
    watches.saw("pods", "here")
    watches.has_pods("here", "janitor-1")
    clock.move(600)

    assert watches.dead() == []


def test_nobody_leading_for_a_minute_is_a_sign_of_ill_health() -> None:
    clock = StandingClock()
    checks = acting(clock)
    checks.state = STANDBY
    checks.leaderless = lambda: 60.0
    assert checks.readiness_problems() == []
    checks.leaderless = lambda: 61.0
    assert checks.readiness_problems() == ["No replica has led for 61 s."]
    # A restart could not help.
    assert checks.liveness_problems() == []


async def test_the_probes_answer_over_http(port: Callable[[], int]) -> None:
    checks = acting(StandingClock())
    probes = Probes(address="127.0.0.1", port=port())
    url = f"http://127.0.0.1:{probes.port}"

    async with served(probes, checks), aiohttp.ClientSession() as http:
        async with http.get(url + "/healthz") as answer:
            assert answer.status == 200
            assert await answer.json() == {"ok": True, "state": "acting", "problems": []}
        checks.scheduler = Scheduled(behind=100.0)
        async with http.get(url + "/healthz") as answer:
            assert answer.status == 503
            assert (await answer.json())["problems"] == ["The scheduler is wedged: 100 s behind."]
        async with http.get(url + "/readyz") as answer:
            assert answer.status == 200


async def test_a_port_that_is_taken_is_told(port: Callable[[], int]) -> None:
    probes = Probes(address="127.0.0.1", port=port())

    async with served(probes, HealthChecks()):
        with pytest.raises(PortTaken, match=r"in probes\.port"):
            async with served(probes, HealthChecks()):
                pass
