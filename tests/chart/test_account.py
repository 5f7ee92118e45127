"""The operator as its own account: held to the chart's rights, beside namespaces that enforce "restricted"."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import yaml

from sandbox import Cluster, kubeconfig
from sandbox.client import ApiError, Client
from sandbox.server.access import Access, Attempt, User
from tests.chart.rendering import Object, operator_file, render
from tests.controller.live.conftest import cluster  # noqa: F401 - a fixture
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import World

HOME, TENANTS = "baileys-janitor", "account-tenants"
RESTRICTED = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
RBAC = "rbac.authorization.k8s.io/v1"
KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


async def install(client: Client, objects: list[Object]) -> str:
    """Make the accounts and rights among objects; return the name of the operator's account."""
    for each in objects:
        if each["kind"] in KINDS:
            group = "v1" if each["kind"] == "ServiceAccount" else RBAC
            namespace = each["metadata"].get("namespace", "")
            await client.create(f"{group}/{each['kind'].lower()}s", namespace, each)
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    return str(deployment["spec"]["template"]["spec"]["serviceAccountName"])


@pytest_asyncio.fixture(loop_scope="session")
async def world(cluster: Cluster) -> AsyncIterator[World]:  # noqa: F811 - the fixture
    for name in (HOME, TENANTS):
        await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    world = World(cluster, TENANTS)
    yield world
    world.check_sessions()


@pytest.mark.asyncio(loop_scope="session")
async def test_the_operator_cleans_as_its_account_and_reads_no_secret(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    if world.cluster.real:
        pytest.skip("whom a request is from shows in the sandbox's own API server")
    objects = render()
    name = await install(world.client, objects)
    path = await world.cluster.account(HOME, name)
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("POD_NAME", "janitor-0")
    monkeypatch.setenv("POD_NAMESPACE", HOME)
    configured = yaml.safe_load(operator_file(objects))
    # Ports of this machine may be taken.
    configured["probes"] = configured["metrics"] = {"enabled": False}
    asked: set[tuple[str, str]] = set()
    refused: list[str] = []

    def check(self: Access, user: User, attempt: Attempt) -> None:
        asked.add((user.name, attempt.resource))
        if not self.allows(user, attempt):
            refused.append(f"{attempt.verb} {attempt.resource}")
        original(self, user, attempt)

    original = Access.check
    monkeypatch.setattr(Access, "check", check)
    await world.company("busy", "emergency")
    await world.client.patch("v1/namespaces", "", TENANTS, RESTRICTED)
    async with LocalOperator(configured):
        await world.cleaned("busy")
    me = f"system:serviceaccount:{HOME}:{name}"
    assert (me, "jobs") in asked
    assert {user for user, _ in asked} == {me}
    assert refused == []
    assert "secrets" not in {resource for _, resource in asked}
    async with Client(kubeconfig.read(path)) as client:
        for namespace in ("", HOME, TENANTS):
            with pytest.raises(ApiError, match="cannot list resource"):
                await client.select("v1/secrets", namespace)
