"""Restores on request, with a real S3 server: what they wait for, how they end, and that they can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.backup.restore_job.result import RestoreResult
from baileys_janitor.controller.jobs import faults
from baileys_janitor.controller.operations.restores import answer_of
from tests.backup.conftest import moto_server
from tests.backup.sessions import SECRET
from tests.backup.test_restore_result import results
from tests.controller.backups.backups import first_backups
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import PODS, until
from tests.controller.operations.test_archives import AskedBackups, Operator, operator, world
from tests.volume.directories import held

__all__ = ["moto_server", "operator", "world"]

Object = dict[str, Any]
live = pytest.mark.asyncio(loop_scope="session")
ALLOWED = {"allowed": ["Restore", "Undo"]}
RESTORE = {"repository": "moscow", "identitySecretName": "recovery"}


async def lost(world: AskedBackups, running: LocalOperator) -> dict[str, bytes]:
    """A tenant that is backed up, and whose session is gone while its bot runs; what it was."""
    await world.secrets()
    await world.secret("recovery", identity=SECRET)
    await world.bot("acme")
    await first_backups(world, running, "acme")
    before = held(world.directories["acme"])
    for name in before:
        (world.directories["acme"] / name).unlink()
    return before


async def stop(world: AskedBackups) -> None:
    """Stop the bot."""
    await world.client.delete(PODS, world.namespace, "bot-acme")
    await world.gone(PODS, "bot-acme")


async def remembered(world: AskedBackups) -> Object | None:
    """What the tenant's status keeps of the last restore."""
    return (await world.status("acme")).get("lastRestore")


@live
async def test_a_restore_waits_for_the_bot_to_stop_and_can_be_taken_back(
    world: AskedBackups, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as running:
        before = await lost(world, running)
        await world.operate("back", "acme", "Restore", restore=RESTORE)
        await world.waits("back", "ClaimInUse")
        tenant = running.reconciler.cache.tenants[world.namespace, "acme"]
        await until(lambda: tenant.jobs.operation is None, "what is due for the tenant may go on")
        await stop(world)
        with running.hurry():
            status = await world.over("back")
        result = status["result"]
        there = held(world.directories["acme"])
        assert (result["outcome"], result["restored"]) == ("Completed", len(there))
        assert sum(result["restoredByKind"].values()) == len(there)
        assert there.keys() < before.keys()
        assert [result["archive"]] == world.archives("acme")
        assert "send one" in status["message"]
        last = await until(lambda: remembered(world), "the tenant's status has it")
        assert (last["run"], last["mode"], last["outcome"]) == (status["run"], "Safe", "Completed")
        await world.operate("away", "acme", "Undo", undo={"run": status["run"]})
        with running.hurry():
            await world.over("away")
        assert held(world.directories["acme"]) == {}


@live
async def test_what_is_wrong_with_the_key_is_said_once_and_not_tried_again(
    world: AskedBackups, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as running:
        await lost(world, running)
        await stop(world)
        asked = {**RESTORE, "identitySecretName": "nowhere"}
        await world.operate("keyless", "acme", "Restore", restore=asked)
        with running.hurry():
            status = await world.over("keyless", "Failed")
        assert status["conditions"][0]["reason"] == "IdentityUnreadable"
        assert "nowhere" in status["message"]
        assert [each["name"] for each in status["steps"]] == ["Backup", "Restore"]
        await world.operate("where", "acme", "Restore", restore={"repository": "nowhere"})
        assert "moscow" in (await world.over("where", "Failed"))["message"]


@live
async def test_a_restore_whose_pod_is_killed_is_made_again(
    world: AskedBackups, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as running:
        await lost(world, running)
        await stop(world)
        await world.operate("back", "acme", "Restore", restore=RESTORE)

        async def killed() -> bool:
            for pod in (await world.client.select(PODS, world.namespace))["items"]:
                name = pod["metadata"]["name"]
                if not name.startswith("janitor-restore"):
                    continue
                if faults.finished(pod) is not None:
                    return True
                world.cluster.kubelet.kill(world.namespace, name, "fetch")
            return False

        with running.hurry():
            await until(killed, "its first pod is over")
            status = await world.over("back")
        assert status["result"]["outcome"] == "Completed"
        assert "creds.json" in held(world.directories["acme"])


@live
async def test_restores_must_be_allowed_by_the_configuration(
    world: AskedBackups, operator: Operator
) -> None:
    await world.bot("acme")
    async with operator():
        await world.operate("back", "acme", "Restore", restore=RESTORE)
        status = await world.over("back", "Failed")
        assert status["conditions"][0]["reason"] == "NotAllowed"


@given(results)
def test_every_answer_fits_the_status(result: RestoreResult) -> None:
    answer, _, message = answer_of(result)
    kept = {key: value for key, value in answer.items() if value is not None}
    assert StatusReader(OperationStatus).read({"result": kept})["result"] == kept
    assert message == " ".join(message.split())
