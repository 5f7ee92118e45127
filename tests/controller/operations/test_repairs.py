"""Repairs on request: they wait for the bot to stop, are done once, are taken back, and name nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from baileys_janitor.api.operations.spec import OperationSpec
from baileys_janitor.api.operations.status import OperationStatus
from baileys_janitor.api.values.decoding import StatusReader
from baileys_janitor.controller.jobs import faults, tracker
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.repairs import answer_of
from baileys_janitor.job.repair.result import RepairResult
from baileys_janitor.job.repair.task import REPAIR
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import OPERATIONS, PODS, completed_runs, until
from tests.controller.operations.world import Asked
from tests.controller.quiesce.bots import runs_again
from tests.job.test_repair import RUN, results
from tests.sandbox.workloads import DEPLOYMENTS, running, workload
from tests.volume.directories import held
from tests.volume.test_repair import LID, PHONE, THEIRS, furnish

Object = dict[str, Any]
Operator = Callable[..., LocalOperator]
live = pytest.mark.asyncio(loop_scope="session")
ALLOWED = {"allowed": ["RepairContact", "Undo"]}
SECRETS = "v1/secrets"
ASKED = {"contactSecretName": "whom"}


async def session(world: Asked) -> Path:
    """A session with a contact under its number and its LID, and the Secret that names it."""
    directory = await world.claim("acme")
    furnish(directory)
    for path in (directory, *directory.iterdir()):
        path.chmod(0o777 if path.is_dir() else 0o666)
    await named(world, "+44 7700 900123")
    return directory


async def tenant(world: Asked) -> Path:
    """A tenant whose bot runs."""
    directory = await session(world)
    await world.workload("acme")
    await world.tenant("acme", "acme", mode="Observe")
    await world.scanned("acme")
    return directory


async def named(world: Asked, contact: str) -> None:
    """A Secret that names a contact."""
    data = {"contact": base64.b64encode(contact.encode()).decode()}
    body = {"metadata": {"name": "whom"}, "type": "Opaque", "data": data}
    await world.client.create(SECRETS, world.namespace, body)


async def stop(world: Asked) -> None:
    await world.client.delete(PODS, world.namespace, "bot-acme")
    await world.gone(PODS, "bot-acme")


async def everything(world: Asked) -> str:
    """What anybody can read of it in the cluster: operations, tenants, Jobs, pods and Events."""
    found: list[object] = [await world.jobs(), await world.job_pods(), await world.get("acme")]
    for kind in (OPERATIONS, "events.k8s.io/v1/events"):
        found += (await world.client.select(kind, world.namespace))["items"]
    return json.dumps(found)


@live
async def test_a_repair_waits_for_the_bot_to_stop_and_can_be_taken_back(
    world: Asked, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as operating:
        directory = await tenant(world)
        before = held(directory)
        await world.operate("look", "acme", "RepairContact", repairContact=ASKED, dryRun=True)
        looked = await world.over("look")
        assert looked["result"] == {"outcome": "DryRun", "removed": len(THEIRS)} | {
            "duration": looked["result"]["duration"]
        }
        assert held(directory) == before, "a dry run needs no bot to stop"
        await world.operate("mend", "acme", "RepairContact", repairContact=ASKED)
        await world.waits("mend", "ClaimInUse")
        assert held(directory) == before
        await stop(world)
        with operating.hurry():
            status = await world.over("mend")
        assert (status["result"]["outcome"], status["result"]["removed"]) == (
            "Completed",
            len(THEIRS),
        )
        assert completed_runs(directory) == [status["run"]]
        assert held(directory) == {n: data for n, data in before.items() if n not in THEIRS}
        seen = await everything(world)
        assert not any(each in seen for each in (PHONE, LID, "900123"))
        assert f"undo.run {status['run']}" in status["message"]
        await world.operate("back", "acme", "Undo", undo={"run": status["run"]})
        with operating.hurry():
            back = await world.over("back")
        assert back["result"]["restored"] == len(THEIRS)
        assert held(directory) == before


@live
@pytest.mark.usefixtures("sandbox_only")
async def test_a_workload_is_stopped_only_while_a_contact_is_repaired(
    world: Asked, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.WATCH_SECONDS", 0.3)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.POLL_SECONDS", 0.3)
    directory = await session(world)
    await world.client.create(DEPLOYMENTS, world.namespace, workload(claim="acme"))
    await until(lambda: running(world.cluster, world.namespace, 1), "the bot runs")
    await world.tenant("acme", "acme", job={"runAsUser": 1000})
    scale = {"method": "Scale", "workload": {"kind": "Deployment", "name": "bot"}}
    async with operator(operations=ALLOWED) as operating:
        await world.operate("mend", "acme", "RepairContact", repairContact=ASKED, quiesce=scale)
        with operating.hurry():
            status = await world.over("mend")
    assert [(each["name"], each["outcome"]) for each in status["steps"]] == [
        ("Quiesce", "Quiet"),
        ("RepairContact", "Completed"),
        ("Resume", "Resumed"),
    ]
    assert not THEIRS.keys() & held(directory).keys()
    assert "Start the workload" not in status["message"]
    await runs_again(world)


@live
async def test_a_repair_whose_pod_is_killed_is_done_once_all_the_same(
    world: Asked, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as operating:
        directory = await tenant(world)
        before = held(directory)
        await stop(world)
        await world.operate("mend", "acme", "RepairContact", repairContact=ASKED)

        async def killed() -> bool:
            for pod in await world.job_pods():
                if not pod["metadata"]["name"].startswith("janitor-repair"):
                    continue
                if faults.finished(pod) is not None:
                    return True
                name = pod["metadata"]["name"]
                world.cluster.kubelet.kill(world.namespace, name, "janitor")
            return False

        with operating.hurry():
            await until(killed, "its first pod is over")
            status = await world.over("mend")
        assert status["result"]["outcome"] == "Completed"
        assert len(completed_runs(directory)) == 1
        assert held(directory) == {n: data for n, data in before.items() if n not in THEIRS}


@live
async def test_what_names_nobody_is_said_with_the_secrets_name_and_no_more(
    world: Asked, operator: Operator
) -> None:
    async with operator(operations=ALLOWED) as operating:
        await tenant(world)
        await stop(world)
        nowhere = {"contactSecretName": "nowhere"}
        await world.operate("lost", "acme", "RepairContact", repairContact=nowhere)
        with operating.hurry():
            status = await world.over("lost", "Failed")
        assert status["conditions"][0]["reason"] == "ContactMissing"
        assert '"nowhere" is not in this namespace' in status["message"]
        assert len(status["steps"]) == 1


def test_no_policy_lets_its_job_into_the_network() -> None:
    reach = tracker.OBJECT_STORE_ACTIONS | tracker.STORE_ACTIONS | tracker.STORE_BACKUP_ACTIONS
    assert REPAIR not in reach


def operation() -> OperationRecord:
    spec = OperationSpec.model_validate(
        {"tenant": "acme", "action": "RepairContact", "repairContact": ASKED}
    )
    return OperationRecord("shop", "mend", "1", 0.0, 0.0, 1, "acme", spec, {"run": RUN})


@settings(max_examples=25)
@given(results)
def test_every_answer_fits_the_status(result: RepairResult) -> None:
    answer, _, message = answer_of(operation(), result)
    kept = {key: value for key, value in answer.items() if value is not None}
    assert StatusReader(OperationStatus).read({"result": kept})["result"] == kept
    assert message == " ".join(message.split())
