"""An operator in the sandbox, and a Prometheus that watches it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.alerts.live.prometheus import Prometheus
from tests.controller.ha.conftest import free_port
from tests.controller.live.conftest import (  # noqa: F401 - fixtures
    cluster,
    configured,
    kubeconfig,
    nothing_unforeseen,
    world,
)
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import World
from tests.keystore.conftest import server, templates, url  # noqa: F401 - fixtures

Operator = Callable[..., LocalOperator]


@pytest.fixture(scope="session")
def port() -> int:
    """Where every test's operator serves its metrics."""
    return free_port()


@pytest.fixture
def operator(
    world: World,  # noqa: F811 - the fixture
    kubeconfig: Path,  # noqa: F811 - the fixture
    port: int,
) -> Operator:
    """Makes operators that serve metrics."""

    def make(
        clock: SkippingClock | None = None, knows: int = 0, **settings: object
    ) -> LocalOperator:
        metrics = {"enabled": True, "address": "127.0.0.1", "port": port}
        return LocalOperator(configured(world, {"metrics": metrics, **settings}), clock, knows)

    return make


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def prometheus(
    tmp_path_factory: pytest.TempPathFactory, port: int
) -> AsyncIterator[Prometheus]:
    """One for all tests: it waits for five seconds before it scrapes anything. Tests differ by namespace."""
    async with Prometheus(tmp_path_factory.mktemp("prometheus"), port, free_port()) as started:
        yield started
