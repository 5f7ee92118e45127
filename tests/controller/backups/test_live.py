"""Backups and drills in a cluster, with a real S3 server: made, unchanged, and in trouble."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from baileys_janitor.backup.archive.encryption import generate
from baileys_janitor.status.changes import JobEnded
from tests.backup.servers import ENVIRON, Exchange, FaultyStore, free_port
from tests.controller.backups.backups import SECRETS, Backups, first_backups
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import TENANTS, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
Operator = Callable[..., LocalOperator]


async def test_a_tenant_is_backed_up_and_drilled(world: Backups, operator: Operator) -> None:
    await world.secrets()
    await world.bot("acme")
    async with operator() as running:
        (put,) = await first_backups(world, running, "acme")
        assert [put["archive"]] == world.archives("acme")
        assert put["archives"] == 1
        with running.hurry():
            drill = await world.drilled("acme")
        assert drill.get("reason") is None
        assert drill["archive"] == put["archive"]
        assert drill["files"] > 5
        await world.quiet()


async def test_a_secret_that_is_missing_is_named_with_its_namespace(
    world: Backups, operator: Operator
) -> None:
    await world.bot("acme")
    async with operator() as running:
        with running.hurry():
            failed = await world.failed("acme", "SecretMissing")
        assert failed["message"] == (
            f"The Secret store in the namespace {world.namespace} does not exist, or lacks what the store needs: "
            "give it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
        said = await world.condition("acme", "BackedUp")
        assert (said["status"], said["reason"]) == ("False", "SecretMissing")
        assert failed["message"] in said["message"]
        await world.secrets()
        with running.hurry():
            await world.backed_up("acme")


@pytest.mark.parametrize(
    ("missing", "reason", "said"),
    [
        ("reader", "SecretMissing", "does not exist, or lacks what the store needs: give it AWS"),
        ("identity", "IdentityUnreadable", "does not exist, or contains no identity: put the age"),
    ],
)
async def test_a_secret_that_drills_miss_is_named_with_the_operators_namespace(
    missing: str, reason: str, said: str, world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.client.delete(SECRETS, world.home, missing)
    await world.bot("acme")
    async with operator() as running:
        await first_backups(world, running, "acme")
        with running.hurry():
            drill = await world.drilled("acme")
    assert drill["reason"] == reason
    assert f"The Secret {missing} in the namespace {world.home} {said}" in drill["message"]


async def test_an_unchanged_session_is_put_once_and_a_changed_one_again(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme")
    async with operator() as running:
        (first,) = await first_backups(world, running, "acme")
        running.skip(3600)
        await world.unchanged(running, "acme")
        assert world.archives("acme") == [first["archive"]]
        (world.directories["acme"] / "pre-key-77.json").write_text("{}")
        running.skip(3600)

        async def anew() -> bool:
            found = (await world.repositories("acme"))["moscow"]
            return bool(found["archive"] != first["archive"])

        await until(anew, "the changed session is put")
        assert len(world.archives("acme")) == 2
        running.skip(8 * 86_400)
        await until(lambda: len(world.archives("acme")) == 3, "the old archive is made anew")


@pytest.mark.parametrize(("damaged", "reason"), [(False, "NoArchive"), (True, "ArchiveDamaged")])
async def test_an_archive_that_a_drill_finds_lost_is_put_anew(
    damaged: bool, reason: str, world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme", backup={"drill": {"schedule": "30 * * * *"}})
    async with operator() as running:
        (first,) = await first_backups(world, running, "acme")
        with running.hurry():
            await world.drilled("acme")
        await until(running.idle, "the first drill is over")
        world.lose("acme", damaged=damaged)

        async def found_lost() -> bool:
            found = (await world.repositories("acme"))["moscow"]
            return bool(found["drill"].get("reason") == reason)

        async def anew() -> bool:
            found = (await world.repositories("acme"))["moscow"]
            return bool(found["archive"] != first["archive"] and found["outcome"] == "Put")

        running.skip(3600)
        await until(found_lost, "a drill finds it lost")
        await until(running.idle, "the drill is over")
        running.skip(3600)
        await until(anew, "a new archive is put of a session that has not changed")
        await until(running.idle, "the backup is over")
        there = world.archives("acme")
        running.skip(3600)
        await world.unchanged(running, "acme")
        assert world.archives("acme") == there, "it is put once"


async def test_an_operator_that_starts_again_puts_nothing_twice(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme")
    clock = SkippingClock()
    async with operator(clock) as running:
        await first_backups(world, running, "acme")
    async with operator(clock) as running:
        running.skip(3600)
        await world.unchanged(running, "acme")
    assert len(world.archives("acme")) == 1


async def test_tenants_of_one_node_share_a_job(world: Backups, operator: Operator) -> None:
    await world.secrets()
    names = ["acme-0", "acme-1", "acme-3", "acme-2"]
    await world.bots(*names)
    (world.directories["acme-2"] / "creds.json").write_text("{")
    ended: list[object] = []
    async with operator(knows=4) as running:
        running.reconciler.bus.subscribe(ended.append)
        # A tenant is backed up once it has a status: all have one before time passes.
        for name in names:
            await until(lambda name=name: world.status(name), f"{name} has a status")
        await first_backups(world, running, *names[:-1])
        await world.failed("acme-2", "CredentialsCorrupt")
    jobs = [each for each in ended if isinstance(each, JobEnded) and each.action == "backup"]
    assert [each.members for each in jobs] == [4]


async def test_repositories_are_independent(world: Backups, operator: Operator) -> None:
    await world.secrets()
    closed = world.repository(
        name="closed", url="s3://elsewhere/prod", endpoint=f"http://127.0.0.1:{free_port()}"
    )
    await world.bot("acme", backup={"repositories": [world.repository(), closed]})
    async with operator() as running:
        await first_backups(world, running, "acme")
        failed = await world.failed("acme", "Unreachable", "closed")
        assert failed["failures"] == 1
        assert "archive" not in failed


async def test_a_store_that_forbids_is_said_and_a_new_spec_is_tried_at_once(
    world: Backups, operator: Operator, faulty: FaultyStore
) -> None:
    faulty.then = lambda exchange: exchange.error(403, "AccessDenied")
    await world.secrets()
    forbids = world.repository(endpoint=faulty.url)
    await world.bot("acme", backup={"repositories": [forbids]})
    async with operator() as running:
        with running.hurry():
            await world.failed("acme", "Forbidden")
        await world.edit("acme", backup={"repositories": [world.repository()]})
        await world.backed_up("acme")


@pytest.mark.parametrize(
    ("retention", "reason"), [({}, "ReadForbidden"), ({"by": "Bucket", "bucketDays": 30}, None)]
)
async def test_put_only_credentials_count_no_archives_and_leave_them_to_the_store(
    retention: dict[str, object],
    reason: str | None,
    world: Backups,
    operator: Operator,
    faulty: FaultyStore,
) -> None:
    faulty.then = lambda exchange: (
        exchange.error(403, "AccessDenied") if exchange.method == "GET" else exchange.serve()
    )
    await world.secrets()
    store = world.repository(endpoint=faulty.url)
    await world.bot("acme", backup={"repositories": [store], "retention": retention})
    async with operator() as running:
        with running.hurry():
            first = await world.backed_up("acme")
        await until(running.idle, "the first backup is over")
        (world.directories["acme"] / "pre-key-77.json").write_text("{}")
        # It is not asked for its archives again within a day: what was learned counts on.
        running.skip(3600)

        async def anew() -> dict[str, object] | None:
            found = (await world.repositories("acme"))["moscow"]
            return found if found["archive"] != first["archive"] else None

        second = await until(anew, "the changed session is put")
    for found in (first, second):
        assert "archives" not in found
        assert found.get("retentionReason") == reason


async def test_a_store_that_was_dead_for_a_day_gets_one_archive(
    world: Backups, operator: Operator, faulty: FaultyStore
) -> None:
    faulty.then = lambda exchange: exchange.answer(500)
    await world.secrets()
    await world.bot("acme", backup={"repositories": [world.repository(endpoint=faulty.url)]})
    async with operator() as running:
        with running.hurry():
            await world.failed("acme", "ServerError")
        await until(running.idle, "the first attempt is over")
        for attempts in range(2, 6):
            running.skip(6 * 3600)
            await world.tried("acme", attempts)
            await until(running.idle, "the attempt is over")
        faulty.then = _well
        running.skip(3600)
        await world.backed_up("acme")
        await until(running.idle, "all is over")
        assert len(faulty.objects) == 1


async def test_a_secret_that_is_replaced_counts_from_the_next_backup_on(
    world: Backups, operator: Operator
) -> None:
    await world.secret("store", AWS_ACCESS_KEY_ID="only-half-of-it")
    await world.bot("acme")
    async with operator() as running:
        with running.hurry():
            await world.failed("acme", "SecretMissing")
        await world.client.patch(
            "v1/secrets", world.namespace, "store", {"stringData": dict(ENVIRON)}
        )
        with running.hurry():
            await world.backed_up("acme")


async def test_an_archive_that_nothing_opens_fails_its_drill(
    world: Backups, operator: Operator
) -> None:
    await world.secret("store", **ENVIRON)
    await world.secret("reader", world.home, **ENVIRON)
    await world.secret("identity", world.home, identity=generate()[0])
    await world.bot("acme")
    async with operator() as running:
        await first_backups(world, running, "acme")
        with running.hurry():
            drill = await world.drilled("acme")
        assert drill["reason"] == "WrongIdentity"
        assert (await world.condition("acme", "Restorable"))["status"] == "False"


async def test_a_suspended_tenant_is_left_alone_and_a_deleted_one_forgotten(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    for name in ("acme", "gone", "still"):
        await world.bot(name)
    await world.edit("still", suspend=True)
    async with operator() as running:
        await until(lambda: len(running.reconciler.cache.tenants) == 3, "they are known")
        await world.client.delete(TENANTS, world.namespace, "gone")
        await world.gone(TENANTS, "gone")
        await first_backups(world, running, "acme")
        await until(running.idle, "all is over")
        assert not world.archives("still")
        assert not world.archives("gone")


async def test_pods_of_backups_hold_what_they_need_alone(
    world: Backups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme")
    async with operator() as running:
        await world.scanned("acme")
        world.cluster.kubelet.hold()
        running.skip(60)

        async def backup() -> object:
            found = [job for job in await world.jobs() if _action(job) == "backup"]
            return found[0] if found else None

        job = await until(backup, "the Job is made")
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["command"][:2] == ["baileys-janitor", "backup-job"]
        assert all(mount["readOnly"] for mount in container["volumeMounts"])
        sources = [sorted(set(volume) - {"name"})[0] for volume in pod["volumes"]]
        assert sources == ["persistentVolumeClaim", "secret"]
        assert ENVIRON["AWS_SECRET_ACCESS_KEY"] not in str(job)
        world.cluster.kubelet.release()
        await world.backed_up("acme")


def _well(exchange: Exchange) -> None:
    """Answer as a store that has come back, and is empty."""
    if exchange.method == "GET" and exchange.path not in exchange.store.objects:
        told = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        exchange.answer(200, told, Content_Type="application/xml")
    else:
        exchange.serve()


def _action(job: dict[str, dict[str, dict[str, str]]]) -> str:
    return job["metadata"]["labels"]["janitor.baileys.dev/action"]
