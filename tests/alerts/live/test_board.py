"""Every query of the dashboard brings data when a Prometheus asks it of an operator at work."""

from __future__ import annotations

import re
from typing import Any

import pytest

from baileys_janitor.api.names import NOTIFY_ANNOTATION
from tests.alerts.board import Query, queries
from tests.alerts.live.conftest import Operator
from tests.alerts.live.prometheus import Prometheus
from tests.alerts.live.test_levels import DAY, EVERY_MINUTE, write_sessions
from tests.controller.keystores.stores import STORES, Stores
from tests.controller.live.test_job_faults import evict
from tests.controller.live.world import CLAIMS, TENANTS, World, until
from tests.controller.operations.world import Asked
from tests.controller.quiesce.bots import ALLOWED, bot, quiesce
from tests.controller.tenant_sets.sets import Sets
from tests.keystore import data

RARE = (
    "baileys_janitor_circuit_breaker_namespace_open",
    "baileys_session_credentials_copy_timestamp_seconds",
    "offset 1m",
    "baileys_janitor_shard_held",
)
"""Series that come while a namespace's cleanups are held, once a copy of creds.json is kept, and when a level has just
changed; and those of a fleet with several shards."""

BRIEF = (
    "baileys_janitor_workload_resume_overdue_seconds",
    "baileys_janitor_operation_age_seconds",
    "baileys_janitor_operations_active",
)
"""Series of operations that are not over: in this test's time none lasts."""

SCARCELY = "0 0 29 2 *"
BACKUP = {
    "schedule": SCARCELY,
    "encryption": "None",
    "repositories": [{"name": "eu", "url": "s3://none/here", "secretName": "none"}],
}
DONE = {"time": "2026-11-01T04:05:00Z", "triedTime": "2026-11-01T04:05:00Z", "seconds": 0.5}
BACKED_UP: dict[str, Any] = {
    "observedGeneration": 1,
    "backup": {
        "repositories": [
            {
                "name": "eu",
                **DONE,
                "failures": 9,
                "reason": "Forbidden",
                "message": "Refused.",
                "outcome": "Failed",
                "archive": "20261101T040500Z-0a1b2c3d.tar.gz",
                "archiveTime": DONE["time"],
                "files": 100,
                "bytes": 1000,
                "archives": 3,
                "drill": {**DONE, "failures": 1, "reason": "ArchiveDamaged"},
            }
        ]
    },
}
"""Backups of long ago that fail since: every metric of them has a series."""
STORE_BACKED_UP = {
    "backup": {
        **BACKED_UP["backup"],
        "sessions": {"count": 3, "backedUp": 1, "nothingToDo": 1, "failing": 1},
    },
}

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def shows(prometheus: Prometheus, query: Query, namespace: str) -> None:
    """Wait until a query brings data, with every label that its legend names."""
    text = query.given(namespace=namespace, tenant="acme", job=".*", __rate_interval="1m")
    if any(rare in text for rare in RARE):
        await prometheus.query(text)
        return
    found = await until(lambda: prometheus.query(text), f"data for {query}")
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(each["metric"].get(label) for each in found), query


async def test_no_panel_is_empty_once_a_fleet_has_lived_a_little(
    world: World,
    operator: Operator,
    prometheus: Prometheus,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
) -> None:
    # Nobody listens there: what cannot be told is a metric as well.
    monkeypatch.setenv("HOOK", "http://127.0.0.1:1/hook")
    told = {"channels": [{"name": "pager", "webhook": {"urlKey": "HOOK"}}]}
    directory = await world.company("acme", "healthy", companyId="962302", schedule=EVERY_MINUTE)
    await world.company("quiet", "stopped", schedule=EVERY_MINUTE)
    silence = {"metadata": {"annotations": {NOTIFY_ANNOTATION: "false"}}}
    await world.client.patch(TENANTS, world.namespace, "quiet", silence)
    await world.company("broken", "healthy")
    await world.edit("broken", volume={"path": "elsewhere"})
    await world.company("archived", "healthy", backup=BACKUP)
    await world.client.patch(
        TENANTS, world.namespace, "archived", {"status": BACKED_UP}, sub="status"
    )
    data.first_layout(url, data.company())
    stores = Stores(world.cluster, world.namespace)
    await stores.store("main", url, backup=BACKUP)
    status = {"status": STORE_BACKED_UP}
    await world.client.patch(STORES, world.namespace, "main", status, sub="status")
    # A set whose limit holds back what it finds, a workload that is stopped, and an operation that waits.
    asked = Asked(world.cluster, world.namespace)
    await world.claim("spare")
    label = {"metadata": {"labels": {"team": "bots"}}}
    await world.client.patch(CLAIMS, world.namespace, "spare", label)
    sets = Sets(world)
    chosen = {"claims": {"selector": {"matchLabels": {"team": "bots"}}}}
    await sets.make(source=chosen, confirm=True, limit=0)
    await bot(asked, tenant="stopped")
    allowed = {"tenantSets": {"enabled": True}, **ALLOWED}
    async with operator(knows=5, notifications=told, **allowed) as running:
        await world.scanned("acme")
        await quiesce(asked, tenant="stopped")
        await asked.over("stop")
        await asked.operate("waits", "nobody", "Clean")
        await asked.waits("waits", "TenantNotFound")
        for query in queries():
            if any(brief in query.expr for brief in BRIEF):
                await shows(prometheus, query, world.namespace)
        # It grows, is cleaned, and one of its Jobs is lost.
        write_sessions(directory, 20, age=20 * DAY)
        running.skip(DAY)
        await until(running.idle, "all are scanned once more")
        await world.ask("acme", "now")
        await world.cleaned("acme")
        await world.quiet()
        world.cluster.kubelet.hold()
        running.skip(61)
        await evict(world)
        world.cluster.kubelet.release()
        await prometheus.fires("BaileysTenantStalled", namespace=world.namespace)
        await stores.scanned("main")
        await stores.ask("main", "now")
        await stores.cleaned("main")
        await sets.told(found=1, waiting=1)
        for query in queries():
            if not any(brief in query.expr for brief in BRIEF):
                await shows(prometheus, query, world.namespace)
