"""An operation that stops its workload, is backed up first, and starts it again whatever happens; S3 is real."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.backup.servers import ENVIRON
from tests.backup.sessions import LONG_NAME, SECRET
from tests.controller.backups.backups import first_backups
from tests.controller.live.operators import LocalOperator, OperatorProcess
from tests.controller.live.world import OPERATIONS, until
from tests.controller.operations.conftest import process
from tests.controller.operations.test_archives import AskedBackups, Operator, operator, world
from tests.controller.operations.world import OVER
from tests.controller.quiesce.bots import conditions, gone, held, replicas, runs_again
from tests.sandbox.workloads import DEPLOYMENTS, running, workload
from tests.volume.directories import held as files

__all__ = ["moto_server", "operator", "process", "world"]

from tests.backup.conftest import moto_server

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Object = dict[str, Any]
ALLOWED = {"allowed": ["Restore", "Undo", "Resume"]}
RESTORE = {"repository": "moscow", "identitySecretName": "recovery"}
SCALE = {"method": "Scale", "workload": {"kind": "Deployment", "name": "bot"}}


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stopped is looked at often, so that no test waits for that."""
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.WATCH_SECONDS", 0.3)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.POLL_SECONDS", 0.3)


async def deployed(world: AskedBackups) -> None:
    """A tenant whose session a Deployment uses, and all Secrets."""
    await world.secrets()
    await world.secret("recovery", identity=SECRET)
    await world.session_of("acme")
    body = workload(claim="acme")
    await world.client.create(DEPLOYMENTS, world.namespace, body)
    await until(lambda: running(world.cluster, world.namespace, 1), "the bot runs")
    await world.tenant("acme", "acme", job={"runAsUser": 1000})


async def lost(world: AskedBackups, running: LocalOperator) -> None:
    """The same, backed up, and its session is gone."""
    await deployed(world)
    await first_backups(world, running, "acme")
    lose(world)


def lose(world: AskedBackups) -> None:
    for name in files(world.directories["acme"]):
        (world.directories["acme"] / name).unlink()


def steps(status: Object) -> list[tuple[str, str]]:
    return [(each["name"], each.get("outcome", "")) for each in status["steps"]]


async def test_a_workload_is_stopped_only_while_its_session_is_backed_up_and_restored(
    world: AskedBackups, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WATCH_SECONDS", "WATCH_AFTER_SECONDS"):
        monkeypatch.setattr(f"baileys_janitor.controller.backups.restore_jobs.{name}", 0)
    async with operator(operations=ALLOWED) as operating:
        await deployed(world)
        await first_backups(world, operating, "acme")
        (archive,) = world.archives("acme")
        directory = world.directories["acme"]
        (directory / LONG_NAME).unlink()
        (directory / "pre-key-77.json").write_text("{}")
        before = files(directory)

        await world.edit("acme", backup={"beforeOperations": "Required"})
        await world.client.delete("v1/secrets", world.namespace, "store")
        asked = {**RESTORE, "identitySecretName": "recovery"}
        await world.operate("kept", "acme", "Restore", restore=asked, quiesce=SCALE)
        with operating.hurry():
            status = await over_with_one_replica(world, "kept", "Failed")
        assert conditions(status)["Failed"] == ("True", "BackupFailed")
        assert "beforeOperations: Preferred" in status["message"]
        assert steps(status) == [
            ("Quiesce", "Quiet"),
            ("Backup", "BackupFailed"),
            ("Resume", "Resumed"),
        ]
        assert status["result"]["repositories"][0]["reason"] == "SecretMissing"
        assert files(directory) == before

        await world.secret("store", **ENVIRON)
        await world.operate("back", "acme", "Restore", restore=RESTORE, quiesce=SCALE)
        with operating.hurry():
            status = await over_with_one_replica(world, "back", "Completed")
        assert steps(status) == [
            ("Quiesce", "Quiet"),
            ("Backup", "Put"),
            ("Restore", "Completed"),
            ("Resume", "Resumed"),
        ]
        (repository,) = status["result"]["repositories"]
        assert repository["archive"] != archive == status["result"]["archive"]
        assert (directory / LONG_NAME).exists(), "the latest archive is the one before its own"
        assert status["quiesce"]["outcome"] == "Resumed"
        assert conditions(status)["Complete"] == ("True", "Completed")
        assert not await held(world, "back")

        lose(world)
        asked = {**RESTORE, "identitySecretName": "nowhere"}
        await world.operate("not", "acme", "Restore", restore=asked, quiesce=SCALE)
        with operating.hurry():
            status = await over_with_one_replica(world, "not", "Failed")
        assert conditions(status)["Failed"] == ("True", "IdentityUnreadable")
        assert "nowhere" in status["message"]
        # There is no session that the backup could have missed.
        assert steps(status)[1:] == [
            ("Backup", "CredentialsAbsent"),
            ("Restore", "IdentityUnreadable"),
            ("Resume", "Resumed"),
        ]
        await runs_again(world)


async def over_with_one_replica(world: AskedBackups, name: str, phase: str) -> Object:
    """Wait until an operation is over; by then its workload has what it had."""
    counts: list[int] = []

    async def over() -> bool:
        ended = (await world.answer(name)).get("phase") in OVER
        counts.append(await replicas(world) if ended else -1)
        return ended

    await until(over, f"the operation {name} is over")
    assert counts[-1] == 1, "it is over once the workload runs"
    return await world.over(name, phase)


async def test_an_operation_that_is_deleted_ends_its_job_before_the_workload_runs(
    world: AskedBackups, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as operating:
        await lost(world, operating)
        await world.edit("acme", backup={"beforeOperations": "Never"})
        left = world.directories["acme"] / LONG_NAME
        # What is in use is watched for a minute before anything is put back.
        left.write_text("{}")
        await world.operate("back", "acme", "Restore", restore=RESTORE, quiesce=SCALE)

        async def at_work() -> bool:
            return any(pod["status"]["phase"] == "Running" for pod in await world.job_pods())

        await world.begun("restore")
        await until(at_work, "its pod runs")
        await world.client.delete(OPERATIONS, world.namespace, "back")
        together: list[bool] = []

        async def ended() -> bool:
            jobs = [
                p
                for p in await world.job_pods()
                if p["metadata"]["name"].startswith("janitor-restore")
            ]
            together.append(bool(jobs) and await replicas(world) > 0)
            return await gone(world, "back")

        await until(ended, "the operation goes")
        assert not any(together)
        await runs_again(world)
        assert set(files(world.directories["acme"])) == {LONG_NAME}


Step = tuple[str, str, int, int]
"""Method, path and how many times it was met when the operator is killed; refused with a status, or carried out."""
STATUS, JOB, SCALING = r"baileysoperations/back/status", "/jobs", "/deployments/bot/scale"
KILLED: dict[str, Step] = {"while the Job is made": ("POST", JOB, 1, 0)}
if os.environ.get("ALL_CHECKS"):
    KILLED |= {
        f"at {path} {number}, {'refused' if refused else 'carried out'}": (
            method,
            path,
            number,
            refused,
        )
        for method, path, most in (
            ("PATCH", STATUS, 11),
            ("PATCH", r"baileysoperations/back(\?|$)", 3),
            ("PUT", SCALING, 2),
            ("POST", JOB, 2),
        )
        for number in range(1, most + 1)
        for refused in (0, 500)
    }


@pytest.mark.parametrize("at", KILLED.values(), ids=KILLED)
async def test_an_operator_that_is_killed_is_followed_by_one_that_goes_on(
    world: AskedBackups,
    process: Callable[..., OperatorProcess],
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    at: Step,
) -> None:
    # What is not answered here is never carried out later than that.
    for module in ("act", "manager"):
        monkeypatch.setattr(f"baileys_janitor.controller.quiesce.{module}.LATE_SECONDS", 1.0)
    async with operator(operations=ALLOWED) as operating:
        await lost(world, operating)
    if not os.environ.get("ALL_CHECKS"):
        await world.edit("acme", backup={"beforeOperations": "Never"})
    settings = world.configured(operations=ALLOWED)
    first = process(**{key: value for key, value in settings.items() if key != "watchNamespaces"})
    method, path, number, refused = at
    where = f"/namespaces/{world.namespace}.*{path}"
    for _ in range(number - 1):
        world.cluster.fail(0, method=method, path=where)
    fault = world.cluster.fail(refused, method=method, path=where, delay=0.3)
    await first.start()
    await world.operate("back", "acme", "Restore", restore=RESTORE, quiesce=SCALE)
    await until(lambda: fault.hits, f"{method} {path}", 120)
    await first.kill()
    world.cluster.forgive(fault)
    async with operator(operations=ALLOWED) as second:
        with second.hurry(10):
            status = await world.over("back")
    assert status["result"]["outcome"] == "Completed"
    assert "creds.json" in files(world.directories["acme"])
    assert status["quiesce"]["outcome"] == "Resumed"
    assert not await held(world, "back")
    await runs_again(world)
