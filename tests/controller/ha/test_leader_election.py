"""One holder at a time, by nobody's clock but one's own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baileys_janitor.api.config.config import LeaderElection
from baileys_janitor.controller.kube import leader_election
from baileys_janitor.controller.kube.client import ApiError
from baileys_janitor.controller.kube.fenced_client import FencedKube
from baileys_janitor.controller.kube.leader_election import (
    Election,
    NoNamespace,
    Superseded,
    seat,
)
from tests.all_checks import examples
from tests.controller.ha.leases import OneLease, StandingClock, election


@dataclass
class Contest:
    """A Lease, two candidates, and their clock."""

    clock: StandingClock
    server: OneLease
    first: Election
    second: Election


@pytest.fixture
async def contest() -> Contest:
    """A Lease that the first of two candidates holds."""
    clock = StandingClock()
    server = OneLease(clock)
    first, second = election(server, "a", clock), election(server, "b", clock)
    assert await first.take()
    return Contest(clock, server, first, second)


async def test_the_first_candidate_leads_and_a_second_does_not(contest: Contest) -> None:
    assert not await contest.second.take()
    assert (contest.first.held(), contest.second.held()) == (True, False)
    assert contest.server.holder == "a"


async def test_a_candidate_takes_over_when_it_has_seen_no_renewal_for_the_whole_duration(
    contest: Contest,
) -> None:
    contest.clock.move(
        60
    )  # whatever the record says of its age, the candidate has only just seen it

    assert not await contest.second.take()
    contest.clock.move(9.9)
    assert not await contest.second.take()
    contest.clock.move(0.2)
    assert await contest.second.take()
    assert contest.server.lease is not None
    assert contest.server.lease["spec"]["leaseTransitions"] == 1


async def test_a_renewal_starts_the_candidates_count_anew(contest: Contest) -> None:
    assert not await contest.second.take()
    contest.clock.move(7)
    await contest.first.renew()
    contest.clock.move(7)

    assert not await contest.second.take()


async def test_a_candidate_goes_by_the_duration_that_the_holder_has_written() -> None:
    clock = StandingClock()
    server = OneLease(clock)
    patient, hasty = election(server, "a", clock, 60.0), election(server, "b", clock, 6.0)
    assert await patient.take()
    assert not await hasty.take()
    clock.move(30)

    assert not await hasty.take()
    assert patient.held()


async def test_a_leader_that_cannot_renew_stops_before_another_may_begin(contest: Contest) -> None:
    assert not await contest.second.take()
    contest.clock.move(8.1)

    assert not contest.first.held()
    assert not await contest.second.take()


async def test_what_is_given_up_is_free_at_once(contest: Contest) -> None:
    assert not await contest.second.take()

    await contest.first.release()

    assert not contest.first.held()
    assert contest.server.holder is None
    assert await contest.second.take()


async def test_a_renewal_whose_answer_was_lost_does_not_keep_the_lease_from_being_given_up(
    contest: Contest,
) -> None:
    contest.server.lose_answers = True
    with pytest.raises(ApiError):
        await contest.first.renew()
    contest.server.lose_answers = False

    await contest.first.release()

    assert contest.server.holder is None


async def test_a_renewal_whose_answer_was_lost_costs_nothing(contest: Contest) -> None:
    contest.server.lose_answers = True
    with pytest.raises(ApiError):
        await contest.first.renew()
    contest.server.lose_answers = False
    contest.clock.move(4)

    await contest.first.renew()
    contest.clock.move(7)

    assert contest.first.held()


async def test_who_finds_another_holder_has_lost_even_if_the_lease_is_free_again(
    contest: Contest,
) -> None:
    assert not await contest.second.take()
    contest.clock.move(11)
    assert await contest.second.take()
    await contest.second.release()

    with pytest.raises(Superseded):
        await contest.first.renew()


async def test_a_deleted_lease_is_contended_for_anew(contest: Contest) -> None:
    contest.server.lease = None

    with pytest.raises(Superseded):
        await contest.first.renew()
    assert await contest.first.take()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "renew", "release", "refuse", "lose", "mend"]),
        st.integers(0, 2),
        st.floats(0.0, 12.0),
    ),
    max_size=60,
)


@settings(max_examples=examples(300), deadline=None)
@given(STEPS)
def test_never_do_two_hold_it(workers: list[tuple[str, int, float]]) -> None:
    async def contend() -> None:
        clock = StandingClock()
        server = OneLease(clock)
        candidates = [election(server, name, clock) for name in "abc"]
        for step, who, pause in workers:
            clock.move(pause)
            candidate = candidates[who]
            try:
                if step == "take":
                    await candidate.take()
                elif step == "renew" and candidate.held():
                    await candidate.renew()
                elif step == "release":
                    await candidate.release()
            except Superseded:
                await candidate.release()
            except ApiError:
                pass
            server.refuse = step == "refuse" or (server.refuse and step != "mend")
            server.lose_answers = step == "lose" or (server.lose_answers and step != "mend")
            assert sum(each.held() for each in candidates) <= 1

    asyncio.run(contend())


async def test_a_fenced_client_reads_and_does_not_write(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    async def send(_self: object, verb: str, *_: object) -> dict[str, str]:
        sent.append(verb)
        return {}

    monkeypatch.setattr("baileys_janitor.controller.kube.client.Kube._once", send)
    kube = FencedKube(None)  # type: ignore[arg-type] - nothing is sent
    kube.permitted = lambda: False

    await kube.get("/api/v1/pods")
    with pytest.raises(ApiError, match="may not act now"):
        await kube.create("/api/v1/pods", {})
    with pytest.raises(ApiError, match="may not act now"):
        await kube.patch("/api/v1/pods/a", {})
    with pytest.raises(ApiError, match="may not act now"):
        await kube.delete("/api/v1/pods/a")
    assert sent == ["GET"]


def test_on_a_laptop_there_is_no_election(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seat(LeaderElection(), {}) is None
    assert seat(LeaderElection(), {"POD_NAMESPACE": "here"}) is None
    assert seat(LeaderElection(enabled=False), {"POD_NAME": "p", "POD_NAMESPACE": "here"}) is None


def test_in_a_cluster_there_is_one_and_every_process_is_another_candidate() -> None:
    environ = {"POD_NAME": "janitor-1", "POD_NAMESPACE": "here"}

    one, two = seat(LeaderElection(), environ), seat(LeaderElection(), environ)

    assert one is not None
    assert two is not None
    assert (one.namespace, one.name, one.duration, one.renew) == ("here", "baileys-janitor", 15, 3)
    assert one.identity.startswith("janitor-1_")
    assert one.identity != two.identity


def test_an_election_without_a_namespace_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(
        leader_election, "SERVICE_ACCOUNT", tmp_path_factory.mktemp("none") / "namespace"
    )

    with pytest.raises(NoNamespace, match=r"set leaderElection\.namespace"):
        seat(LeaderElection(enabled=True), {})
