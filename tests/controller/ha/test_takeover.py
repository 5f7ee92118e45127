"""Two replicas: whoever dies, freezes or is replaced, one goes on, and nothing is lost or repeated."""

from __future__ import annotations

import pytest

from tests.controller.ha.replicas import Replicas
from tests.controller.live.world import PATIENCE, World, begun_runs, completed_runs, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
ROOM = {"warning": 900, "critical": 910, "trigger": 920, "emergency": 930, "danger": 940}
"""Thresholds far above what the session holds: it is cleaned when that is asked for, and only then."""
TAKEOVER = PATIENCE
"""Seconds to wait for a successor, also beside load; how soon it comes, `test_election_in_time` shows."""


async def one_cleanup(world: World, name: str, directory: object) -> None:
    """Wait for a cleanup's end and see that it happened once."""
    status = await world.cleaned(name)
    await world.quiet()
    assert len(status["history"]) == 1
    assert completed_runs(directory) == [status["history"][0]["run"]]  # type: ignore[arg-type]
    assert begun_runs(directory) == 1  # type: ignore[arg-type]


async def test_the_leader_is_killed_in_a_cleanup_and_the_standby_ends_it(
    world: World, replicas: Replicas
) -> None:
    name = world.early_name()
    directory = await world.company(name, "old", thresholds=ROOM)
    leader, standby = await replicas.pair()
    await world.scanned(name)

    async def ready() -> bool:
        well = {"ok": True, "state": "standby", "problems": []}
        return await standby.probe("/readyz") == (200, well)

    await until(ready, "the standby is ready")
    world.cluster.kubelet.hold()
    await world.ask(name, "now")
    await until(world.job_pods, "the cleanup's pod is there")

    await leader.kill()
    await standby.becomes("acting", TAKEOVER)
    world.cluster.kubelet.release()

    await one_cleanup(world, name, directory)
    assert (await replicas.lease())["leaseTransitions"] == 1


async def test_a_leader_that_is_told_to_stop_hands_over_at_once(
    world: World, replicas: Replicas
) -> None:
    leader, standby = await replicas.pair(duration="5m")

    code = await leader.terminate()
    # Not by the clock: the Lease would have held for five minutes.
    await standby.becomes("acting", TAKEOVER)

    assert code == 0
    assert "is given up" in leader.log
    assert "Traceback" not in leader.log


async def test_the_last_one_to_stop_leaves_the_lease_free(replicas: Replicas) -> None:
    alone = replicas.make()
    await alone.start()
    await alone.becomes("acting")
    assert (await replicas.lease())["holderIdentity"]

    await alone.terminate()

    assert not (await replicas.lease()).get("holderIdentity")


async def test_a_standby_stops_when_told_to(replicas: Replicas) -> None:
    leader, standby = await replicas.pair()

    assert await standby.terminate() == 0
    assert await leader.state() == "acting"
    assert (await replicas.lease())["leaseTransitions"] == 0


async def test_a_rolling_restart_loses_and_repeats_nothing(
    world: World, replicas: Replicas
) -> None:
    name = world.early_name()
    directory = await world.company(name, "old", thresholds=ROOM)
    first, second = await replicas.pair()
    await world.scanned(name)
    await world.quiet()
    world.cluster.kubelet.hold()
    await world.ask(name, "now")
    await until(world.job_pods, "the cleanup's pod is there")

    for old in (first, second):
        new = replicas.make()
        await new.start()
        await new.becomes("standby")
        await old.terminate()
        assert "Traceback" not in old.log
    world.cluster.kubelet.release()

    await one_cleanup(world, name, directory)


async def test_a_frozen_leader_wakes_up_as_a_standby_and_does_nothing_twice(
    world: World, replicas: Replicas
) -> None:
    name = world.early_name()
    directory = await world.company(name, "old", thresholds=ROOM)
    leader, standby = await replicas.pair(duration="6s")
    await world.scanned(name)
    await world.quiet()
    world.cluster.kubelet.hold()
    await world.ask(name, "now")
    await until(world.job_pods, "the cleanup's pod is there")

    leader.freeze()
    await standby.becomes("acting")
    world.cluster.kubelet.release()
    leader.thaw()
    await leader.becomes("standby")

    await one_cleanup(world, name, directory)
    assert "The Lease is lost and the operator still acts" not in leader.log
    assert "Traceback" not in leader.log


async def test_a_leader_whose_lease_is_taken_stops_acting_and_comes_back_when_it_is_free(
    world: World, replicas: Replicas
) -> None:
    name = world.early_name()
    directory = await world.company(name, "old", thresholds=ROOM)
    alone = replicas.make()
    await alone.start()
    await world.scanned(name)
    await world.quiet()

    # A standby that may not watch the Lease reads it: by that the test sees time pass.
    unwatched = world.cluster.fail(403, path=r"/leases\?.*watch=true", times=None)
    await replicas.take_away("somebody-else")
    await alone.becomes("standby")
    writes = world.cluster.delay(0.0, method="PATCH", path="/baileystenants/", times=None)
    jobs = world.cluster.delay(0.0, method="POST", path="/jobs", times=None)
    looks = world.cluster.delay(0.0, method="GET", path="/leases/", times=None)
    try:
        await world.ask(name, "now")
        asked = writes.hits
        # The request of the test itself is met too; the operator's first look would come long before these.
        await until(lambda: looks.hits >= 3, "the standby looks at the Lease")
        assert (writes.hits - asked, jobs.hits) == (0, 0)
    finally:
        for fault in (writes, jobs, looks, unwatched):
            world.cluster.forgive(fault)
    await replicas.take_away(None)
    await alone.becomes("acting")

    await one_cleanup(world, name, directory)


async def test_a_leader_that_cannot_renew_has_stopped_before_the_standby_begins(
    world: World, replicas: Replicas
) -> None:
    leader, standby = await replicas.pair(duration="6s", renew="2s")
    holder = (await replicas.lease())["holderIdentity"]
    fault = world.cluster.fail(503, method="PATCH", path=f"{world.namespace}/leases/", times=None)
    try:
        await leader.becomes("standby")
        # Nobody has taken it yet.
        assert (await replicas.lease())["holderIdentity"] == holder
        assert await standby.state() == "standby"
    finally:
        world.cluster.forgive(fault)


async def test_both_outlive_a_restart_of_the_api_server(world: World, replicas: Replicas) -> None:
    name = world.early_name()
    directory = await world.company(name, "old", thresholds=ROOM)
    both = await replicas.pair()
    await world.scanned(name)
    await world.cluster.restart(keep_history=False)
    await world.ask(name, "now")

    await one_cleanup(world, name, directory)
    states = sorted([await each.state() for each in both])
    assert states == ["acting", "standby"]
    assert all(each.code is None and "Traceback" not in each.log for each in both)


async def test_two_that_both_believe_to_lead_do_one_cleanup(
    world: World, replicas: Replicas
) -> None:
    name = world.early_name()
    directory = await world.company(name, "old", thresholds=ROOM)
    alone: dict[str, object] = {"leaderElection": {"enabled": False}}
    both = [replicas.make(**alone), replicas.make(**alone)]
    for each in both:
        await each.start()
    for each in both:
        await each.becomes("acting")
    await world.scanned(name)
    await world.ask(name, "now")

    await one_cleanup(world, name, directory)
    # Only one has won the claim; the other may have picked up what it found claimed.
    assert sum("Cleanup started" in line for each in both for line in each.log.splitlines()) == 1
