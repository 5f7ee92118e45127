"""Namespaces that are listed and cannot be looked after hold up none of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox import Cluster
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_listed_namespace_without_rights_is_left_out_until_it_has_them(
    world: World,
    operator: Callable[..., LocalOperator],
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("baileys_janitor.controller.kube.namespaces.LOOK_SECONDS", 0.2)
    gone = World(cluster, f"{world.namespace}-gone")
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": gone.namespace}})
    await world.company("acme", "healthy")
    await gone.company("acme", "healthy")
    # The roles of a namespace go with it.
    for group in ("/api/v1", "/apis/batch/v1", "/apis/janitor.baileys.dev/v1alpha1"):
        cluster.fail(403, path=f"{group}/namespaces/{gone.namespace}/", times=None, agent="OpenAPI")
    async with operator(watchNamespaces=[gone.namespace, world.namespace]) as running:
        await world.scanned("acme")
        assert f"Left out: {gone.namespace}." in caplog.text
        assert {namespace for namespace, _ in running.reconciler.cache.tenants} == {world.namespace}
        cluster.forgive()
        await until(lambda: len(running.reconciler.cache.tenants) == 2, "both are looked after")
        running.skip(60)
        await gone.scanned("acme")


async def test_where_no_listed_namespace_can_be_looked_after_none_is_left_out(
    world: World, operator: Callable[..., LocalOperator], cluster: Cluster
) -> None:
    await world.company("acme", "healthy")
    where = f"/namespaces/{world.namespace}/baileystenants"
    cluster.fail(403, path=where, times=2, agent="OpenAPI")
    async with operator(watchNamespaces=[world.namespace]) as running:
        await world.scanned("acme")
        assert {namespace for namespace, _ in running.reconciler.cache.tenants} == {world.namespace}
