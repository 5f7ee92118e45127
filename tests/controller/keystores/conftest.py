"""A cluster that serves key stores, and a real PostgreSQL."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import Cluster
from tests.backup.conftest import faulty, moto_server
from tests.controller.keystores.stores import Stores
from tests.controller.live.conftest import cluster
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.keystore.conftest import server, templates, url

__all__ = ["cluster", "faulty", "moto_server", "server", "templates", "url"]

_NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def stores(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stores]:
    """A namespace of the test's own."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    name = f"stores-{next(_NUMBERS)}"
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    yield Stores(cluster, name)
    if not cluster.real:
        cluster.forgive()
    cluster.kubelet.release()


@pytest.fixture
def operator(stores: Stores) -> Callable[..., LocalOperator]:
    """Makes an operator in this process for the test's namespace; give it configuration fields."""

    def make(clock: SkippingClock | None = None, **settings: object) -> LocalOperator:
        return LocalOperator({"watchNamespaces": [stores.namespace], **settings}, clock)

    return make


@pytest.fixture
def kubeconfig(cluster: Cluster) -> Path:
    return cluster.kubeconfig


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may make the operator meet what it calls unforeseen, or a handler raise."""
    caplog.set_level(logging.INFO, "janitor")
    yield
    met = [r.getMessage() for r in caplog.get_records("call") if r.exc_info]
    assert not met, met
