"""A cluster that serves sets of tenants, and an operator that may create tenants."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.controller.live.conftest import (
    cluster,
    configured,
    kubeconfig,
    nothing_unforeseen,
    world,
)
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import World
from tests.controller.tenant_sets.sets import Sets

__all__ = ["cluster", "kubeconfig", "nothing_unforeseen", "world"]


@pytest.fixture
def sets(world: World) -> Sets:
    """The sets of the test's namespace."""
    return Sets(world)


@pytest.fixture
def operator(world: World, kubeconfig: object) -> Callable[..., LocalOperator]:
    """Makes an operator in this process for the test's namespace; give it configuration fields."""

    def make(clock: SkippingClock | None = None, **settings: object) -> LocalOperator:
        wanted = {"tenantSets": {"enabled": True}, **settings}
        return LocalOperator(configured(world, wanted), clock)

    return make
