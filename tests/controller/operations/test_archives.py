"""Backups and drills on request, with a real S3 server: each is made now, and the answer says how it ended."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from sandbox import Cluster
from tests.backup.conftest import moto_server
from tests.backup.servers import S3Server
from tests.controller.backups.backups import Backups, first_backups
from tests.controller.live.operators import LocalOperator
from tests.controller.operations.world import Asked

__all__ = ["moto_server"]

pytestmark = pytest.mark.asyncio(loop_scope="session")
_NUMBERS = itertools.count(1)
Operator = Callable[..., LocalOperator]


class AskedBackups(Backups, Asked):
    """One namespace with tenants, and the operator's own, `home`."""


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    cluster: Cluster, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AskedBackups]:
    """A namespace of the test's own, with the operator's beside it."""
    number = next(_NUMBERS)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    tenants, home = f"archived-{number}", f"archived-home-{number}"
    for name in (tenants, home):
        await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    monkeypatch.setenv("POD_NAMESPACE", home)
    found = AskedBackups(cluster, tenants, home, moto_server)
    yield found
    if not cluster.real:
        cluster.forgive()
    cluster.kubelet.release()
    found.check_sessions()


@pytest.fixture
def operator(world: AskedBackups) -> Operator:
    """Makes an operator in this process for the test's namespace."""

    def make(**settings: object) -> LocalOperator:
        return LocalOperator(world.configured(**settings))

    return make


async def test_a_backup_and_a_drill_are_made_when_they_are_asked_for(
    world: AskedBackups, operator: Operator
) -> None:
    await world.secrets()
    await world.bot("acme")
    async with operator() as running:
        await first_backups(world, running, "acme")
        (world.directories["acme"] / "pre-key-77.json").write_text("{}")
        await world.operate("now", "acme", "Backup")
        status = await world.over("now")
        (repository,) = status["result"]["repositories"]
        assert (repository["name"], repository["outcome"]) == ("moscow", "Put")
        assert repository["archive"] == max(world.archives("acme"))
        assert len(world.archives("acme")) == 2
        await world.operate("again", "acme", "Backup")
        status = await world.over("again")
        assert status["result"]["repositories"][0]["outcome"] == "Unchanged"
        await world.operate("rehearse", "acme", "Drill")
        status = await world.over("rehearse")
        assert status["result"]["repositories"] == [
            {"name": "moscow", "outcome": "Passed", "archive": repository["archive"]}
        ]


async def test_a_backup_that_fails_says_why_in_each_repository(
    world: AskedBackups, operator: Operator
) -> None:
    await world.bot("acme")
    async with operator() as running:
        with running.hurry():
            await world.failed("acme", "SecretMissing")
        await world.operate("now", "acme", "Backup")
        with running.hurry():
            status = await world.over("now", "Failed")
        assert status["result"]["repositories"][0]["reason"] == "SecretMissing"
        assert "moscow" in status["message"]
        await world.operate("rehearse", "acme", "Drill")
        assert "archive" in (await world.over("rehearse", "Failed"))["message"]


async def test_without_repositories_there_is_no_backup(
    world: AskedBackups, operator: Operator
) -> None:
    await world.bot("acme")
    async with operator(defaults={}, backup={}):
        await world.operate("now", "acme", "Backup")
        failed = await world.over("now", "Failed")
        assert "spec.backup" in failed["message"]
