from __future__ import annotations

import itertools
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import Cluster
from sandbox.tools import kubectl_path
from tests.sandbox.support import DEFINITION, Kubectl, until

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("volumes")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(volumes: Path) -> AsyncIterator[Cluster]:
    """A cluster with two nodes; `baileys-janitor` is Python itself in it."""
    async with Cluster(volumes, nodes=2, command_prefix=[sys.executable]) as started:
        await started.client.create(
            "apiextensions.k8s.io/v1/customresourcedefinitions", "", DEFINITION
        )
        await until(lambda: started.client.select("example.dev/v1/things"))
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def namespace(cluster: Cluster) -> str:
    """A namespace of the test's own."""
    name = f"test-{next(_NUMBERS)}"
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    return name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kubectl keeps what it has discovered."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str, home: Path) -> Kubectl:
    if kubectl_path() is None:
        pytest.skip("no kubectl: `make tools` unpacks one")
    return Kubectl(cluster.kubeconfig, namespace, home)


@pytest.fixture
def sandbox_only(cluster: Cluster) -> None:
    """For what a real API server cannot be asked to do."""
    if cluster.real:
        pytest.skip("needs the sandbox's own API server")
