"""One cluster for all live tests of a worker, a namespace for each test."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from baileys_janitor.api.generated.crd import crds
from sandbox import Cluster
from tests.controller.live.notified import Telling, settings
from tests.controller.live.operators import LocalOperator, Object, OperatorProcess, SkippingClock
from tests.controller.live.world import OPERATIONS, SETS, STORES, TENANTS, World, until
from tests.notify.receivers import Receiver

_NUMBERS = itertools.count(1)
DEFINITIONS = "apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A cluster with two nodes and the CRD."""
    async with Cluster(tmp_path_factory.mktemp("volumes"), nodes=2) as started:
        for definition in crds():
            await started.client.create(DEFINITIONS, "", definition)
        await until(lambda: started.client.select(TENANTS), "tenants are served")
        await until(lambda: started.client.select(STORES), "key stores are served")
        await until(lambda: started.client.select(OPERATIONS), "operations are served")
        await until(lambda: started.client.select(SETS), "sets are served")
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def world(cluster: Cluster) -> AsyncIterator[World]:
    """A namespace of the test's own; afterwards no protected file may have changed."""
    name = f"live-{next(_NUMBERS)}"
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    world = World(cluster, name)
    yield world
    if not cluster.real:
        cluster.forgive()
    cluster.kubelet.release()
    world.check_sessions()


@pytest.fixture
def kubeconfig(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    return cluster.kubeconfig


def configured(world: World, settings: dict[str, object]) -> Object:
    """A configuration without a daily cleanup and without copies of creds.json: none comes in between."""
    never = {"schedule": {"dailyCleanup": "Never"}, "credentialsCopies": {"keep": 0}}
    return {"watchNamespaces": [world.namespace], "defaults": never, **settings}


@pytest.fixture
def operator(world: World, kubeconfig: Path) -> Callable[..., LocalOperator]:
    """Makes an operator in this process for the test's namespace; give it configuration fields."""

    def make(
        clock: SkippingClock | None = None, knows: int = 0, **settings: object
    ) -> LocalOperator:
        return LocalOperator(configured(world, settings), clock, knows)

    return make


@pytest_asyncio.fixture(loop_scope="session")
async def process(
    world: World, kubeconfig: Path, tmp_path: Path
) -> AsyncIterator[Callable[..., OperatorProcess]]:
    """Makes operators as processes for the test's namespace; those that still run are killed in the end."""
    made: list[OperatorProcess] = []

    def make(*, anew: bool = False, **settings: object) -> OperatorProcess:
        configuration, directory = configured(world, settings), tmp_path / str(len(made))
        made.append(OperatorProcess(configuration, kubeconfig, directory, anew=anew))
        return made[-1]

    yield make
    for each in made:
        await each.kill()


@pytest.fixture
def sandbox_only(cluster: Cluster) -> None:
    """For what a real API server cannot be asked to do."""
    if cluster.real:
        pytest.skip("needs the sandbox's own API server")


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may make the operator meet what it calls unforeseen, or a handler raise."""
    caplog.set_level(logging.INFO, "janitor")
    yield
    records = caplog.get_records("call")
    met = [r.getMessage() for r in records if r.exc_info and r.name.startswith("janitor.")]
    met += [r.getMessage() for r in records if r.exc_info and r.name.startswith("kopf.objects")]
    assert not met, met


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A webhook's endpoint, whose URL is in the environment."""
    async with Receiver().served() as served:
        monkeypatch.setenv("HOOK", served.url)
        monkeypatch.setenv("NO_PROXY", "*")
        yield served


@pytest.fixture
def telling(world: World, kubeconfig: Path, receiver: Receiver) -> Telling:
    return Telling(settings(world.namespace), SkippingClock())
