"""Backups and drills where some namespaces are watched: they use what the chart grants, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sandbox import Cluster, kubeconfig
from tests.backup.conftest import moto_server
from tests.backup.servers import S3Server
from tests.backup.sessions import RECIPIENT
from tests.chart.recording import Asked, Proxy
from tests.chart.rendering import NAMESPACE, Object, operator_file, render
from tests.chart.test_rights import rights
from tests.controller.backups.backups import Backups
from tests.controller.live.conftest import cluster
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import until

__all__ = ["cluster", "moto_server"]

SHOP = "backup-rights"
OF_DRILLS = {
    ("batch", "jobs", "list"),
    ("batch", "jobs", "create"),
    ("batch", "jobs", "delete"),
    ("", "pods", "list"),
    ("", "events", "list"),
    ("networking.k8s.io", "networkpolicies", "get"),
    ("networking.k8s.io", "networkpolicies", "create"),
}


def values(world: Backups) -> Object:
    drill = {"identitySecretName": "identity", "readSecretNames": {"moscow": "reader"}}
    backup = {"recipients": [RECIPIENT], "repositories": [world.repository()]}
    config = {
        "backup": {"drill": drill},
        "dailyJitter": "0s",
        "defaults": {"backup": backup, "schedule": {"dailyCleanup": "Never"}},
        "networkPolicy": {"manage": True},
        "events": {"enabled": False},
        "keyStores": {"enabled": False},
        "operations": {"enabled": False},
    }
    return {"config": config, "watchNamespaces": [SHOP]}


@pytest.mark.asyncio(loop_scope="session")
async def test_backups_and_drills_use_what_is_granted_and_no_secret(
    cluster: Cluster,
    moto_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if cluster.real:
        pytest.skip("the proxy speaks plain HTTP, as the sandbox's own API server does")
    for name in (SHOP, NAMESPACE):
        await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    world = Backups(cluster, SHOP, NAMESPACE, moto_server)
    given = values(world)
    configured = yaml.safe_load(operator_file(render(**given)))
    configured["probes"] = configured["metrics"] = {"enabled": False}
    await world.secrets()
    await world.bot("acme")
    async with Proxy(cluster.url) as proxy:
        kubeconfig.write(tmp_path / "kubeconfig", proxy.url)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("POD_NAME", "janitor-0")
        monkeypatch.setenv("POD_NAMESPACE", NAMESPACE)
        async with LocalOperator(configured, knows=1) as running:
            await world.scanned("acme")
            running.skip(60)
            await world.backed_up("acme")
            # The drill's pod does not start, and is asked about; then it does.
            world.cluster.kubelet.hold()
            running.skip(60)
            await world.begun("drill", NAMESPACE)
            asked = (NAMESPACE, "", "events", "list")
            with running.hurry(over_jobs=True):
                await until(lambda: asked in proxy.places, "the events of its pod are read")
            world.cluster.kubelet.release()
            assert (await world.drilled("acme")).get("reason") is None
            gone = (NAMESPACE, "batch", "jobs", "delete")
            await until(lambda: gone in proxy.places, "its Job is deleted")

    objects = render(**given)
    home, there = rights(objects, "Role", NAMESPACE), rights(objects, "Role", SHOP)
    assert rights(objects, "ClusterRole") == set()
    at_home, in_shop = (
        {(group, resource, verb) for where, group, resource, verb in proxy.places if where == place}
        for place in (NAMESPACE, SHOP)
    )
    assert at_home <= home, (
        "the operator asks in its own namespace for what the chart does not grant"
    )
    assert in_shop <= there, (
        "the operator asks in a tenants' namespace for what the chart does not grant"
    )
    assert at_home >= OF_DRILLS, "the chart grants what drills never use"
    assert home - at_home <= {("coordination.k8s.io", "leases", "watch")}
    assert not any(each.resource == "secrets" for each in proxy.seen)
    assert Asked("", "secrets", "get") not in proxy.seen
    assert "secrets" not in {resource for _, resource, _ in home | there}
