"""Backups that are cut off in the middle: by a killed pod, by what users do meanwhile, by clocks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from baileys_janitor.backup.archive.encryption import generate
from tests.backup.servers import ENVIRON, Exchange, FaultyStore
from tests.backup.sessions import SECRET
from tests.controller.backups.backups import Backups, first_backups
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import PATIENCE, TENANTS, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]
EMPTY = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


class Held:
    """A store that takes what is put, and answers only once it is let go on."""

    def __init__(self, faulty: FaultyStore) -> None:
        self.faulty = faulty
        self.arrived = threading.Event()
        self.go_on = threading.Event()
        faulty.then = self._answer

    def _answer(self, exchange: Exchange) -> None:
        if exchange.method == "PUT":
            self.faulty.objects[exchange.path] = exchange.body
            self.arrived.set()
            self.go_on.wait(PATIENCE)
            exchange.answer(200, ETag='"opaque"')
        elif exchange.method == "GET" and exchange.path not in self.faulty.objects:
            exchange.answer(200, self._listing(), Content_Type="application/xml")
        else:
            exchange.serve()

    def _listing(self) -> bytes:
        found = "".join(
            f"<Contents><Key>{path.split('/', 2)[2]}</Key><Size>{len(data)}</Size>"
            "<LastModified>2026-11-28T09:35:00Z</LastModified><ETag>opaque</ETag></Contents>"
            for path, data in self.faulty.objects.items()
        )
        return EMPTY.replace(b"</ListBucketResult>", found.encode() + b"</ListBucketResult>")


async def in_the_middle(
    world: Backups, running: LocalOperator, faulty: FaultyStore, *names: str
) -> Held:
    """Begin the backup of tenants, up to where an archive has been put and nobody has said so."""
    held = Held(faulty)
    for name in names:
        await world.scanned(name)
    await until(running.idle, "the first looks are over")
    running.skip(60)
    await until(held.arrived.is_set, "an archive is on its way")
    return held


async def test_a_pod_that_is_killed_in_the_middle_loses_no_archive_and_counts_once(
    world: Backups, operator: Operator, faulty: FaultyStore
) -> None:
    await world.secrets()
    await world.bot("acme", backup={"repositories": [world.repository(endpoint=faulty.url)]})
    async with operator(knows=1) as running:
        held = await in_the_middle(world, running, faulty, "acme")
        (pod,) = await world.job_pods()
        world.cluster.kubelet.kill(world.namespace, pod["metadata"]["name"])
        held.go_on.set()
        failed = await world.failed("acme", "Interrupted")
        assert failed["failures"] == 1
        await until(running.idle, "the Job is over")
        with running.hurry():
            await world.backed_up("acme", "Unchanged")
        (known,) = world.known(running, "acme").archives
        assert len(known.held) == len(faulty.objects) == 1
        assert (await world.repositories("acme"))["moscow"].get("failures") is None


async def test_what_users_do_meanwhile_costs_the_others_nothing(
    world: Backups, operator: Operator, faulty: FaultyStore
) -> None:
    await world.secrets()
    names = ["acme", "gone", "made-anew", "suspended"]
    await world.bots(*names)
    for name in names:
        await world.edit(name, backup={"repositories": [world.repository(endpoint=faulty.url)]})
    async with operator(knows=4) as running:
        held = await in_the_middle(world, running, faulty, *names)
        for name in ("gone", "made-anew"):
            await world.client.delete(TENANTS, world.namespace, name)
            await world.gone(TENANTS, name)
        await world.tenant("made-anew", "made-anew", suspend=True)
        await world.edit("suspended", suspend=True)
        # The Job outlives every step of the clock.
        for step in (-7200.0, 7200.0, -60.0):
            running.clock.set(step)
        held.go_on.set()
        put = await world.backed_up("acme")
        assert put.get("failures") is None
        await world.backed_up("suspended")
        await until(running.idle, "all is over")
        assert world.known(running, "made-anew").archives == ()
        assert len(world.known(running, "acme").archives) == 1
        assert running.reconciler.backups.next_due() is not None


async def test_a_namespace_that_goes_away_in_the_middle_leaves_nothing_behind(
    world: Backups, operator: Operator, faulty: FaultyStore
) -> None:
    await world.secrets()
    await world.bot("acme", backup={"repositories": [world.repository(endpoint=faulty.url)]})
    async with operator(knows=1) as running:
        held = await in_the_middle(world, running, faulty, "acme")
        await world.client.delete("v1/namespaces", "", world.namespace)
        await until(lambda: not running.reconciler.cache.tenants, "the tenant is forgotten")
        held.go_on.set()
        with running.hurry(over_jobs=True):
            await until(lambda: not list(running.reconciler.backups.tracker), "so is its Job")
        assert running.reconciler.backups.next_due() is None


async def test_restorable_stays_false_until_a_drill_passes(
    world: Backups, operator: Operator
) -> None:
    await world.secret("store", **ENVIRON)
    await world.secret("reader", world.home, **ENVIRON)
    await world.secret("identity", world.home, identity=generate()[0])
    await world.bot("acme")
    async with operator(knows=1) as running:
        await first_backups(world, running, "acme")
        with running.hurry():
            assert (await world.drilled("acme"))["reason"] == "WrongIdentity"
        await until(running.idle, "the drill is over")
        assert (await world.condition("acme", "BackedUp"))["status"] == "True"
        assert (await world.condition("acme", "Restorable"))["reason"] == "DrillFailed"
        await world.client.patch(
            "v1/secrets", world.home, "identity", {"stringData": {"identity": SECRET}}
        )
        running.skip(3700)

        async def passed() -> bool:
            found = await world.condition("acme", "Restorable")
            return bool(found["reason"] == "DrillPassed")

        await until(passed, "a drill with the right identity passes")
