"""What the watch shows of a write before its answer is there."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.config import OperatorConfig
from baileys_janitor.controller import advice
from baileys_janitor.controller.clock import WallClock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.fleet import Fleet
from baileys_janitor.controller.news import Wire
from baileys_janitor.controller.status import Surroundings
from baileys_janitor.controller.store import Store
from baileys_janitor.controller.tenant import Tenant

Object = dict[str, Any]
NOW = 1_795_000_000.75


def resource(version: int, status: Object) -> Object:
    meta = {"name": "acme", "namespace": "shop", "uid": "1", "resourceVersion": str(version)}
    spec = {"volume": {"claimName": "acme"}}
    return {"metadata": {**meta, "generation": 1}, "spec": spec, "status": status}


class EarlyWatch:
    """An API server whose watch is faster than its answers."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.foreign: Object = {}

    async def patch(self, _: str, body: Object) -> Object:
        written = resource(11, {**body["status"], **self.foreign})
        self._fleet.observe(written, NOW)
        return resource(11, body["status"])


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(OperatorConfig())


@pytest.fixture
def tenant(fleet: Fleet) -> Tenant:
    found = fleet.observe(resource(10, {"observedGeneration": -1}), NOW)
    found.last_scan = NOW
    found.run = {"id": "a", "reason": "Requested", "startTime": "2026-11-22T00:00:00Z"}
    return found


def store(fleet: Fleet, kube: EarlyWatch) -> Store:
    config = OperatorConfig()
    around = Surroundings(NOW, 0.0, None, advice.Limits.of(config))
    clock, wire = WallClock(), Wire()
    return Store(
        kube,  # type: ignore[arg-type]
        fleet,
        clock,
        lambda tenant, now: around,
        1800.0,
        wire,
        CrashHandler(clock, wire),
    )


async def test_the_echo_of_a_write_does_not_make_the_operator_forget_what_it_knows(
    fleet: Fleet, tenant: Tenant
) -> None:
    assert await store(fleet, EarlyWatch(fleet)).write(tenant, force=True)
    assert tenant.last_scan == NOW
    assert tenant.run is not None
    assert tenant.run["id"] == "a"
    assert tenant.sending is None


async def test_what_another_operator_writes_meanwhile_is_taken_in(
    fleet: Fleet, tenant: Tenant
) -> None:
    kube = EarlyWatch(fleet)
    kube.foreign = {"run": {"id": "b", "reason": "Daily", "startTime": "2026-11-22T00:00:00Z"}}
    await store(fleet, kube).write(tenant, force=True)
    assert tenant.run is not None
    assert tenant.run["id"] == "b"
