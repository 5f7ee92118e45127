"""Rotations on request: the workload stops meanwhile, a pairing is due, and what ends that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backup.sessions import LONG_NAME, session_in
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import until
from tests.controller.operations.world import Asked
from tests.controller.quiesce.bots import conditions, held, replicas, runs_again
from tests.pairings import whole
from tests.sandbox.workloads import DEPLOYMENTS, running, workload
from tests.volume.directories import held as files

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Object = dict[str, Any]
Operator = Callable[..., LocalOperator]
ALLOWED = {"operations": {"allowed": ["Rotate", "Rollback", "Undo", "Clean"]}}
SCALE = {"method": "Scale", "workload": {"kind": "Deployment", "name": "bot"}}
CARRIED = "lid-mapping-250000000000123_reverse.json"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is watched for a minute, and what is stopped is looked at often."""
    for name in ("WATCH_SECONDS", "WATCH_AFTER_SECONDS"):
        monkeypatch.setattr(f"baileys_janitor.controller.operations.jobs.{name}", 0.0)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.WATCH_SECONDS", 0.3)
    monkeypatch.setattr("baileys_janitor.controller.quiesce.act.POLL_SECONDS", 0.3)


async def deployed(world: Asked) -> Path:
    """A tenant with a paired session that a Deployment uses."""
    directory = await world.claim("acme")
    session_in(directory)
    (directory / LONG_NAME).unlink()
    (directory / CARRIED).write_text('"250000000000123"')
    for each in (directory, *directory.iterdir()):
        each.chmod(0o777 if each.is_dir() else 0o666)
    await world.client.create(DEPLOYMENTS, world.namespace, workload(claim="acme"))
    await until(lambda: running(world.cluster, world.namespace, 1), "the bot runs")
    await world.tenant("acme", "acme", job={"runAsUser": 1000})
    return directory


async def awaiting(world: Asked, name: str) -> Object:
    """Wait until an operation waits for a pairing, and the tenant says so."""

    async def waits() -> Object | None:
        status = await world.answer(name)
        return status if status.get("phase") in ("AwaitingPairing", "Failed") else None

    status: Object = await until(waits, f"{name} waits for a pairing")
    assert status["phase"] == "AwaitingPairing", status
    await pairing_is(world, "True")
    return status


async def pairing_is(world: Asked, expected: str) -> None:
    """Wait until the tenant says whether a pairing is due."""

    async def said() -> bool:
        return conditions(await world.status("acme")).get("PairingNeeded", ("",))[0] == expected

    await until(said, f"PairingNeeded is {expected}")


async def test_a_rotation_waits_for_a_pairing_until_there_is_one_or_it_is_rolled_back(
    world: Asked, operator: Operator
) -> None:
    directory = await deployed(world)
    before = files(directory)
    async with operator(**ALLOWED) as first:
        await world.scanned("acme")
        await world.operate("look", "acme", "Rotate", dryRun=True)
        assert (await world.over("look"))["result"]["outcome"] == "DryRun"
        assert files(directory) == before
        # A scan that begins now would hold the volume against the workload that is started again.
        jobs = first.reconciler.cache.tenants[world.namespace, "acme"].jobs
        await until(lambda: not (jobs.rescan or jobs.scan), "no scan is due")

        await world.operate("anew", "acme", "Rotate", quiesce=SCALE)
        status = await awaiting(world, "anew")
        assert [(each["name"], each.get("outcome", "")) for each in status["steps"]] == [
            ("Quiesce", "Quiet"),
            ("Rotate", "Completed"),
            ("Resume", "Resumed"),
            ("Pair", ""),
        ]
        assert status["result"]["removed"] > 0
        assert status["result"]["fingerprint"]
        assert conditions(status)["AwaitingPairing"][0] == "True"
        assert "creds.json" not in files(directory)
        assert CARRIED in files(directory), "what holds for whoever is paired stays"
        await runs_again(world)
        assert not await held(world, "anew")
        # It keeps no other operation from its turn.
        await world.operate("tidy", "acme", "Clean")
        await world.over("tidy", "Failed")
        assert (await world.answer("anew"))["phase"] == "AwaitingPairing"

    async with operator(**ALLOWED) as second:
        await until(second.idle, "whoever comes after has looked")
        assert conditions(await world.status("acme"))["PairingNeeded"][0] == "True"
        await world.operate("away", "acme", "Rollback", quiesce=SCALE)
        back = await world.over("away")
        assert back["result"]["restored"] == status["result"]["removed"]
        assert files(directory) == before, "byte for byte"
        assert (await world.answer("anew"))["phase"] == "RolledBack"
        await pairing_is(world, "False")
        assert await replicas(world) == 1

        await world.operate("again", "acme", "Rotate", quiesce=SCALE)
        await awaiting(world, "again")
        (directory / "creds.json").write_bytes(whole("another"))
        with second.hurry():
            done = await world.over("again")
        assert done["result"]["outcome"] == "Paired"
        assert conditions(done)["AwaitingPairing"][0] == "False"
        await pairing_is(world, "False")
        await world.operate("late", "acme", "Rollback", quiesce=SCALE)
        assert "paired again" in (await world.over("late", "Failed"))["message"]
        await runs_again(world)
