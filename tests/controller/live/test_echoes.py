"""What the watch shows of a write before its answer is there."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.controller.clock import WallClock
from baileys_janitor.controller.crash_handler import CrashHandler
from baileys_janitor.controller.kube.client import ApiError
from baileys_janitor.controller.status import writer
from baileys_janitor.controller.status.writer import REFUSED_SECONDS, StatusWriter
from baileys_janitor.controller.tenants.cache import TenantCache
from baileys_janitor.schedule.context import Intervals
from baileys_janitor.status import advice
from baileys_janitor.status.changes import Change, ChangeBus, CleanupStarted
from baileys_janitor.status.compose import StatusContext
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
NOW = 1_795_000_000.75


def resource(version: int, status: Object) -> Object:
    meta = {"name": "acme", "namespace": "shop", "uid": "1", "resourceVersion": str(version)}
    spec = {"volume": {"claimName": "acme"}}
    return {"metadata": {**meta, "generation": 1}, "spec": spec, "status": status}


class EarlyWatch:
    """An API server whose watch is faster than its answers."""

    def __init__(self, fleet: TenantCache) -> None:
        self._cache = fleet
        self.foreign: Object = {}

    async def patch(self, _: str, body: Object) -> Object:
        written = resource(11, {**body["status"], **self.foreign})
        self._cache.observe(written, NOW)
        return resource(11, body["status"])


@pytest.fixture
def fleet() -> TenantCache:
    return TenantCache(OperatorConfig())


@pytest.fixture
def tenant(fleet: TenantCache) -> TenantRecord:
    found = fleet.observe(resource(10, {"observedGeneration": -1}), NOW)
    found.scan.last_scan = NOW
    found.cleanup.run = {"id": "a", "reason": "Requested", "startTime": "2026-11-22T00:00:00Z"}
    return found


def store(
    fleet: TenantCache, kube: EarlyWatch | OldDefinition, bus: ChangeBus | None = None
) -> StatusWriter:
    config = OperatorConfig()
    context = StatusContext(NOW, Intervals(0.0, 86_400.0, 3600.0), None, advice.Limits.of(config))
    clock, bus = WallClock(), bus or ChangeBus()
    return StatusWriter(
        kube,  # type: ignore[arg-type]
        fleet,
        clock,
        writer.tenants(lambda tenant, now: context),
        1800.0,
        bus,
        CrashHandler(clock, bus),
    )


async def test_the_echo_of_a_write_does_not_make_the_operator_forget_what_it_knows(
    fleet: TenantCache, tenant: TenantRecord
) -> None:
    assert await store(fleet, EarlyWatch(fleet)).write(tenant, force=True)
    assert tenant.scan.last_scan == NOW
    assert tenant.run is not None
    assert tenant.run["id"] == "a"
    assert tenant.stored.sending is None


async def test_what_another_operator_writes_meanwhile_is_taken_in(
    fleet: TenantCache, tenant: TenantRecord
) -> None:
    kube = EarlyWatch(fleet)
    kube.foreign = {"run": {"id": "b", "reason": "Daily", "startTime": "2026-11-22T00:00:00Z"}}
    await store(fleet, kube).write(tenant, force=True)
    assert tenant.run is not None
    assert tenant.run["id"] == "b"


async def test_what_a_write_tells_is_told_though_the_watch_has_shown_it_first(
    fleet: TenantCache, tenant: TenantRecord
) -> None:
    told: list[Change] = []
    bus = ChangeBus()
    bus.subscribe(told.append)
    assert await store(fleet, EarlyWatch(fleet), bus).write(tenant, force=True)
    assert [news.run for news in told if isinstance(news, CleanupStarted)] == ["a"]


class OldDefinition:
    """An API server whose CRD does not know some fields: it drops them without a word."""

    def __init__(self, *unknown: str) -> None:
        self._unknown = unknown
        self.version = 10
        self.writes = 0

    async def patch(self, _: str, body: Object) -> Object:
        self.version += 1
        self.writes += 1
        kept = {key: value for key, value in body["status"].items() if key not in self._unknown}
        return resource(self.version, kept)


@pytest.mark.parametrize("unknown", ["level", "conditions", "run"])
async def test_what_an_older_crd_does_not_keep_is_not_written_again_and_again(
    fleet: TenantCache, tenant: TenantRecord, unknown: str
) -> None:
    kube = OldDefinition(unknown)
    writing = store(fleet, kube)
    assert await writing.write(tenant, force=True)
    for _ in range(5):
        if writing.is_due(tenant):
            await writing.write(tenant)
    assert kube.writes == 1

    # What is new since is written all the same.
    tenant.backoff.fault = Fault("ClaimMissing", "There is no claim.", stalled=True)
    assert writing.is_due(tenant)


async def test_a_status_that_the_crd_refuses_is_not_tried_every_few_seconds(
    fleet: TenantCache, tenant: TenantRecord
) -> None:
    class Refusing(OldDefinition):
        async def patch(self, _: str, body: Object) -> Object:
            raise ApiError(422, "Invalid", "status.level: Unsupported value")

    before = WallClock().now()
    assert not await store(fleet, Refusing()).write(tenant, force=True)
    assert tenant.backoff.retry_at >= before + REFUSED_SECONDS
