"""A cluster with tenants, and a real S3 server to back them up to."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio

from sandbox import Cluster
from tests.backup.conftest import faulty, moto_server
from tests.backup.servers import S3Server
from tests.controller.backups.backups import Backups
from tests.controller.live.conftest import cluster
from tests.controller.live.operators import LocalOperator, SkippingClock

__all__ = ["cluster", "faulty", "moto_server"]

_NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def world(
    cluster: Cluster, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Backups]:
    """A namespace of the test's own, with the operator's beside it."""
    number = next(_NUMBERS)
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    for name in (f"backups-{number}", f"home-{number}"):
        await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    monkeypatch.setenv("POD_NAMESPACE", f"home-{number}")
    found = Backups(cluster, f"backups-{number}", f"home-{number}", moto_server)
    yield found
    if not cluster.real:
        cluster.forgive()
    cluster.kubelet.release()
    found.check_sessions()


@pytest.fixture
def operator(world: Backups) -> Callable[..., LocalOperator]:
    """Makes an operator in this process for the test's namespace."""

    def make(
        clock: SkippingClock | None = None, knows: int = 0, **settings: object
    ) -> LocalOperator:
        return LocalOperator(world.configured(**settings), clock, knows)

    return make


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may make the operator meet what it calls unforeseen, or a handler raise."""
    caplog.set_level(logging.INFO, "janitor")
    yield
    met = [r.getMessage() for r in caplog.get_records("call") if r.exc_info]
    assert not met, met
