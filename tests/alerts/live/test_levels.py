"""A tenant goes through every level and back, and Prometheus tells of it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.alerts.live.conftest import Operator
from tests.alerts.live.prometheus import Prometheus
from tests.controller.live.world import TENANTS, World

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAY = 86_400
EVERY_MINUTE = {"scanInterval": "1m", "adaptive": False}
LEVELS = ("Warning", "Critical", "Emergency")


def write_sessions(directory: Path, count: int, age: float = 0.0) -> None:
    """Let so many contacts' sessions come, last written `age` seconds ago."""
    model = next(path for path in directory.glob("session-*.json"))
    begun = len(list(directory.glob("session-1999*.json")))
    for number in range(begun, begun + count):
        path = directory / f"session-1999555{number:04}.0.json"
        shutil.copy(model, path)
        os.utime(path, (time.time() - age,) * 2)


async def test_a_tenant_has_one_alert_at_a_time_on_its_way_through_all_levels(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company(
        "acme", "healthy", companyId="962302", mode="Observe", schedule=EVERY_MINUTE
    )
    tenant = {"namespace": world.namespace, "tenant": "acme", "company_id": "962302"}
    counted = (128, 153, 173, 183)
    async with operator() as running:
        await world.scanned("acme")
        await prometheus.scraped()
        before = ""
        for level, now, there in zip(LEVELS, counted[1:], counted, strict=False):
            write_sessions(directory, now - there, age=20 * DAY)
            running.skip(61)
            alert = await prometheus.fires(f"BaileysTenant{level}", **tenant)
            said = f"{world.namespace}/acme (company 962302): {now} files counted, {level}"
            assert alert["annotations"]["summary"] == said
            if before:
                await prometheus.ends(before, **tenant)
            before = f"BaileysTenant{level}"
        # Now the janitor may do something about it.
        await world.edit("acme", mode="Enforce")
        await world.cleaned("acme")
        for level in LEVELS:
            await prometheus.ends(f"BaileysTenant{level}", **tenant)
    assert not await prometheus.ever_fired("BaileysTenantThresholdUnreachable", **tenant)


async def test_where_no_cleanup_can_help_no_emergency_is_told(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    directory = await world.company("acme", "healthy", schedule=EVERY_MINUTE)
    write_sessions(directory, 100)
    tenant = {"namespace": world.namespace, "tenant": "acme"}
    async with operator():
        await world.scanned("acme")
        alert = await prometheus.fires("BaileysTenantThresholdUnreachable", **tenant)
        assert alert["labels"]["severity"] == "warning"
        level = f'baileys_session_level{{namespace="{world.namespace}",tenant="acme"}}'
        assert await prometheus.query(f"{level} == 3")
        limits = {"warning": 300, "critical": 310, "trigger": 320, "emergency": 330, "danger": 340}
        await world.edit("acme", thresholds=limits)
        await prometheus.ends("BaileysTenantThresholdUnreachable", **tenant)
    for level in LEVELS:
        assert not await prometheus.ever_fired(f"BaileysTenant{level}", **tenant)


async def test_the_alerts_of_a_deleted_tenant_end(
    world: World, operator: Operator, prometheus: Prometheus
) -> None:
    await world.company("acme", "emergency", mode="Observe")
    async with operator():
        tenant = {"namespace": world.namespace, "tenant": "acme"}
        await prometheus.fires("BaileysTenantEmergency", **tenant)
        await world.client.delete(TENANTS, world.namespace, "acme")
        await prometheus.ends("BaileysTenantEmergency", **tenant)
        of = f'{{namespace="{world.namespace}",__name__=~"baileys_.+"}}'
        assert not await prometheus.query(of)
