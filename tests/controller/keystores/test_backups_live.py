"""Backups and drills of key stores in a cluster: a real database, a real S3 server, and pods that are processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from baileys_janitor.backup.names import tenant_of
from baileys_janitor.backup.stores.repository import open_repository
from baileys_janitor.keystore.job.back_up import place_of
from baileys_janitor.keystore.job.backup_result import BackedUp, Tally, encode
from baileys_janitor.status.changes import JobEnded
from tests.backup.servers import ENVIRON, REGION, S3Server
from tests.backup.sessions import RECIPIENT, SECRET
from tests.controller.keystores.stores import Stores
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import until
from tests.keystore.backups import keep_in_first_layout, paired
from tests.keystore.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
Object = dict[str, Any]
Operator = Callable[..., LocalOperator]
NAMES = ("acme", "bravo", "charlie")


class World:
    """A namespace with a key store, the operator's own beside it, and a bucket."""

    def __init__(self, stores: Stores, home: str, server: S3Server) -> None:
        self.stores = stores
        self.home = home
        self.server = server
        self.bucket = server.bucket()

    def configured(self, **more: object) -> Object:
        """A configuration that backs the fleet up every hour, and drills the store main."""
        backup = {
            "recipients": [RECIPIENT],
            "repositories": [self.repository()],
            "schedule": "0 * * * *",
        }
        drill = {
            "identitySecretName": "identity",
            "readSecretNames": {"moscow": "reader"},
            "databaseSecretNames": {f"{self.stores.namespace}/main": "scratch"},
        }
        return {
            "dailyJitter": "0s",
            "defaults": {"backup": backup},
            "backup": {"drill": drill},
            **more,
        }

    def repository(self, **more: str) -> Object:
        return {
            "name": "moscow",
            "url": f"s3://{self.bucket}/prod",
            "endpoint": self.server.url,
            "region": REGION,
            "secretName": "store",
            **more,
        }

    async def secrets(self, scratch: str = "") -> None:
        """All that backups and drills need."""
        await self.stores.secret("store", **ENVIRON)
        home = Stores(self.stores.cluster, self.home)
        await home.secret("reader", **ENVIRON)
        await home.secret("identity", identity=SECRET)
        if scratch:
            await home.secret("scratch", url=scratch)

    def archives(self, session: str) -> list[str]:
        """The names of a session's archives. Requests have a loop of their own, so they are made in a thread."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._archives, session).result()

    def _archives(self, session: str) -> list[str]:
        repository = open_repository(
            f"s3://{self.bucket}/prod",
            endpoint=self.server.url,
            region=REGION,
            environ=ENVIRON,
        )
        tenant = f"main.keystore.{tenant_of(session)}"
        found = repository.list(self.stores.namespace, tenant).archives
        return [str(each.path.name) for each in found]

    async def backup(self, name: str = "main") -> Object:
        found: Object = (await self.stores.status(name)).get("backup") or {}
        return found

    async def repositories(self) -> dict[str, Object]:
        found = (await self.backup()).get("repositories") or ()
        return {each["name"]: each for each in found}

    async def ended(self, name: str = "moscow", **wanted: object) -> Object:
        """Wait until a repository's status has these values."""

        async def done() -> Object | None:
            found = (await self.repositories()).get(name) or {}
            return found if {**found, **wanted} == found else None

        found: Object = await until(done, f"{name} has {wanted}")
        return found

    async def drilled(self) -> Object:
        """Wait until a drill has ended."""

        async def done() -> Object | None:
            drill = ((await self.repositories()).get("moscow") or {}).get("drill") or {}
            return drill if drill.get("triedTime") else None

        found: Object = await until(done, "a drill has ended")
        return found

    async def pods(self) -> list[str]:
        """The names of the pods of backups that run."""
        found = await self.stores.client.select("v1/pods", self.stores.namespace)
        return [
            each["metadata"]["name"]
            for each in found["items"]
            if _action(each) == "keys-backup" and each["status"].get("phase") == "Running"
        ]

    async def condition(self, kind: str, reason: str) -> Object:
        """Wait until a condition has a reason."""

        async def said() -> Object | None:
            found = await self.stores.condition("main", kind)
            return found if found.get("reason") == reason else None

        found: Object = await until(said, f"{kind} has the reason {reason}")
        return found


@pytest_asyncio.fixture(loop_scope="session")
async def world(stores: Stores, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> World:
    home = stores.namespace.replace("stores-", "home-of-")
    await stores.client.create("v1/namespaces", "", {"metadata": {"name": home}})
    monkeypatch.setenv("POD_NAMESPACE", home)
    return World(stores, home, moto_server)


@pytest.fixture
def operator(world: World) -> Operator:
    def make(clock: SkippingClock | None = None, **more: object) -> LocalOperator:
        settings = {"watchNamespaces": [world.stores.namespace], **world.configured(**more)}
        return LocalOperator(settings, clock)

    return make


@pytest.fixture
def scratch(server: Server) -> Iterator[str]:
    """A database with empty tables, for drills alone."""
    name = f"scratch{os.urandom(4).hex()}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    keep_in_first_layout(server.database(name))
    yield server.database(name)
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def filled(url: str) -> str:
    keep_in_first_layout(url, *(paired(name, old=0, days=2) for name in NAMES))
    return url


async def test_a_store_is_backed_up_and_drilled_elsewhere(
    world: World, operator: Operator, filled: str, scratch: str
) -> None:
    await world.secrets(scratch)
    await world.stores.store("main", filled)
    async with operator() as running:
        with running.hurry():
            put = await world.ended(outcome="Put")
            drill = await world.drilled()
        assert [len(world.archives(name)) for name in NAMES] == [1, 1, 1]
        assert put["archives"] == 3
        assert (await world.backup())["sessions"] == {
            "count": 3, "backedUp": 3, "nothingToDo": 0, "failing": 0,
        }  # fmt: skip
        assert (drill.get("reason"), drill["sessions"]) == (None, 3)
        said = await world.condition("BackedUp", "UpToDate")
        assert said["message"].startswith("3 of 3 sessions are backed up as of")
        said = await world.condition("Restorable", "DrillPassed")
        assert said["message"].startswith("3 of 3 sessions were restored in a rehearsal")
        await world.stores.quiet()
        await Stores(world.stores.cluster, world.home).quiet()


async def test_an_unchanged_store_puts_nothing_and_a_long_outage_is_caught_up_on_once(
    world: World, operator: Operator, filled: str
) -> None:
    await world.secrets()
    await world.stores.store("main", filled)
    ended: list[object] = []
    async with operator() as running:
        with running.hurry():
            await world.ended(outcome="Put")
        await world.stores.quiet()
        running.stores.bus.subscribe(ended.append)
        for _ in range(2):
            before = _backups(ended)
            running.skip(30 * 3600)
            await until(lambda count=before: _backups(ended) > count, "it is backed up again")
            await world.stores.quiet()
            assert _backups(ended) == before + 1
    assert [len(world.archives(name)) for name in NAMES] == [1, 1, 1]


async def test_what_was_forgotten_in_the_namespace_is_named_and_mended(
    world: World, operator: Operator, filled: str
) -> None:
    await world.stores.store("main", filled)
    async with operator() as running:
        with running.hurry():
            failed = await world.ended(reason="SecretMissing")
        assert f"The Secret store in the namespace {world.stores.namespace}" in failed["message"]
        assert failed["message"].startswith("3 of 3 sessions:")
        await world.secrets()
        running.skip(3600)
        # An hour passes in six seconds where the one that was skipped is not when the next backup is due.
        with running.hurry(600):
            await world.ended(outcome="Put")
        said = await world.condition("Restorable", "DrillFailed")
        assert "The Secret scratch in the namespace" in said["message"]


async def test_a_session_that_is_broken_is_counted_and_the_others_are_kept(
    world: World, operator: Operator, filled: str
) -> None:
    await world.secrets()
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute(
            "UPDATE whatsapp_auth SET creds = creds - 'noiseKey' WHERE company_id = 'bravo'"
        )
        connection.execute("INSERT INTO whatsapp_auth VALUES ('new', '{}')")
    await world.stores.store("main", filled)
    async with operator() as running:
        with running.hurry():
            failed = await world.ended(reason="CredentialsIncomplete")
        assert (await world.backup())["sessions"] == {
            "count": 4, "backedUp": 2, "nothingToDo": 1, "failing": 1,
        }  # fmt: skip
        assert "1 of 4 sessions" in failed["message"]
        assert failed["time"]
        assert (await world.condition("BackedUp", "Failing"))["status"] == "False"
        assert (await world.stores.condition("main", "Ready"))["status"] == "True"

        async def told() -> bool:
            return any(e["reason"] == "BackupFailing" for e in await world.stores.events("main"))

        await until(told, "an Event says so")
    assert world.archives("acme")
    assert not world.archives("bravo")


async def test_a_job_that_is_killed_costs_one_session_and_the_next_goes_on(
    world: World, operator: Operator, filled: str
) -> None:
    await world.secrets()
    await world.stores.store("main", filled, limits={"lockTimeout": "60s"})
    middle = sorted(NAMES, key=place_of)[1]
    async with operator() as running:
        with running.hurry():
            await world.ended(outcome="Put")
        await world.stores.quiet()
        with psycopg.connect(filled) as locking:
            locking.execute("UPDATE whatsapp_keys SET value = '{}'")
            locking.commit()
            # What is remembered of one session is held, so the Job gets stuck there.
            held = "SELECT FROM baileys_janitor.backups WHERE session = %s FOR UPDATE"
            locking.execute(held, (middle,))
            running.skip(3600)
            await until(lambda: _waits(filled), "the Job waits for the lock")
            await until(
                lambda: len(world.archives(sorted(NAMES, key=place_of)[0])) == 2, "one is put"
            )
            (pod,) = await world.pods()
            world.stores.cluster.kubelet.kill(world.stores.namespace, pod)
            failed = await world.ended(reason="Interrupted")
        assert failed["message"].startswith("1 of 3 sessions:")
        assert (await world.backup())["sessions"]["failing"] == 1
        with running.hurry():
            await world.ended(outcome="Put")
    assert [len(world.archives(name)) for name in NAMES] == [2, 2, 2]


async def test_an_operator_that_starts_makes_the_job_of_an_earlier_one_anew(
    world: World, operator: Operator, filled: str
) -> None:
    await world.secrets()
    await world.stores.store("main", filled)

    async def backup_jobs() -> list[str]:
        jobs = await world.stores.jobs()
        return [job["metadata"]["uid"] for job in jobs if _action(job) == "keys-backup"]

    clock = SkippingClock()
    async with operator(clock) as running:
        await world.stores.scanned("main")
        await world.stores.quiet()
        world.stores.cluster.kubelet.hold()
        running.skip(60)
        (first,) = await until(backup_jobs, "the Job is made")
    async with operator(clock) as running:

        async def anew() -> bool:
            return first not in await backup_jobs()

        await until(anew, "the Job of the earlier operator is gone")
        world.stores.cluster.kubelet.release()
        with running.hurry():
            await world.ended(outcome="Put")
        await world.stores.quiet()
    assert [len(world.archives(name)) for name in NAMES] == [1, 1, 1]


async def test_a_store_that_is_suspended_or_has_no_backups_is_left_alone(
    world: World, operator: Operator, filled: str
) -> None:
    await world.secrets()
    await world.stores.store("main", filled, suspend=True)
    async with operator() as running:
        running.skip(7200)
        await world.stores.ready("main", "Suspended")
        await world.stores.edit("main", suspend=False, backup={"schedule": "Never"})
        await world.stores.scanned("main")
        running.skip(7200)
        await until(running.idle, "nothing is under way")
        assert not world.archives("acme")
        await world.stores.edit("main", backup={"schedule": "0 * * * *"})
        running.skip(3600)
        with running.hurry():
            await world.ended(outcome="Put")


async def test_a_result_that_lies_changes_no_more_than_a_status(
    world: World, operator: Operator, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a Job of an hour with a wrong clock brings is no success, and what is no result a failure."""
    await world.secrets()
    await world.stores.store("main", filled)
    lies = iter([_document(time=1), b"baileys-janitor-keys-backup/1 keys-backup 0\n{}", None])
    from baileys_janitor.controller.keystores import backup_results

    truth = backup_results.backup_result.decode

    def lying(text: str | bytes) -> object:
        lie = next(lies, None)
        return truth(text if lie is None else lie)

    monkeypatch.setattr(backup_results.backup_result, "decode", lying)
    async with operator() as running:
        with running.hurry():
            await world.ended(reason="ClockWrong", failures=1)
        running.skip(7200)
        with running.hurry():
            await world.ended(failures=2)
        running.skip(7200)
        with running.hurry():
            await world.ended(outcome="Unchanged")


def _document(time: int) -> bytes:
    return encode(BackedUp(time=time, sessions=3, done=3, repositories=[Tally(put=3)]))


def _waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        ).fetchone()
    return found is not None and found[0] > 0


def _backups(ended: list[object]) -> int:
    return sum(isinstance(each, JobEnded) and each.action == "keys-backup" for each in ended)


def _action(job: Object) -> str:
    return str(job["metadata"]["labels"]["janitor.baileys.dev/action"])
