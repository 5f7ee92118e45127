"""One cluster for all live tests of a worker, a namespace for each test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import Cluster
from tests.controller.live.conftest import cluster, configured, sandbox_only
from tests.controller.live.operators import LocalOperator, OperatorProcess, SkippingClock
from tests.controller.operations.world import Asked

__all__ = ["cluster", "sandbox_only"]

_NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="session")
async def world(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asked]:
    """A namespace of the test's own; afterwards no protected file may have changed."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    name = f"asked-{next(_NUMBERS)}"
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    world = Asked(cluster, name)
    yield world
    if not cluster.real:
        cluster.forgive()
    cluster.kubelet.release()
    world.check_sessions()


@pytest.fixture
def operator(world: Asked) -> Callable[..., LocalOperator]:
    """Makes an operator in this process for the test's namespace; give it configuration fields."""

    def make(clock: SkippingClock | None = None, **settings: object) -> LocalOperator:
        return LocalOperator(configured(world, settings), clock)

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def process(world: Asked, tmp_path: Path) -> AsyncIterator[Callable[..., OperatorProcess]]:
    """Makes operators as processes for the test's namespace; those that still run are killed in the end."""
    made: list[OperatorProcess] = []

    def make(**settings: object) -> OperatorProcess:
        where = tmp_path / str(len(made))
        made.append(OperatorProcess(configured(world, settings), world.cluster.kubeconfig, where))
        return made[-1]

    yield make
    for each in made:
        await each.kill()


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may make the operator meet what it calls unforeseen, or a handler raise."""
    caplog.set_level(logging.INFO, "janitor")
    yield
    records = caplog.get_records("call")
    met = [r.getMessage() for r in records if r.exc_info and r.name.startswith("janitor.")]
    assert not met, met
