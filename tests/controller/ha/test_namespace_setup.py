"""What a namespace gets before the first Job in it, and what is left alone."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from baileys_janitor.controller.jobs import namespace_setup
from baileys_janitor.controller.jobs.manifest import ACTION_LABEL, SELECTOR
from baileys_janitor.controller.jobs.namespace_setup import NamespaceSetup
from baileys_janitor.controller.jobs.placement import OWN_LABEL, OWN_VALUE
from baileys_janitor.controller.kube.client import Kube
from tests.controller.live.operators import LocalOperator, SkippingClock
from tests.controller.live.world import World

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.usefixtures("sandbox_only"),
]
Object = dict[str, Any]
POLICIES, SECRETS = "networking.k8s.io/v1/networkpolicies", "v1/secrets"


@pytest_asyncio.fixture(loop_scope="session")
async def kube(kubeconfig: Path) -> AsyncIterator[Kube]:
    connected = await Kube.connect()
    yield connected
    await connected.close()


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock()


async def names(world: World, resource: str) -> list[str]:
    found = await world.client.select(resource, world.namespace)
    return [item["metadata"]["name"] for item in found["items"]]


async def make_secret(world: World, namespace: str, name: str, **data: str) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    body = {"metadata": {"name": name}, "type": "Opaque", "data": encoded}
    await world.client.create(SECRETS, namespace, body)


async def content(world: World, name: str) -> dict[str, str]:
    found = await world.client.get(SECRETS, world.namespace, name)
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


@pytest_asyncio.fixture(loop_scope="session")
async def home(world: World) -> str:
    """The operator's own namespace."""
    name = f"{world.namespace}-home"
    await world.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    return name


async def test_jobs_are_denied_all_traffic_before_the_first_of_them(
    world: World, operator: Callable[..., LocalOperator]
) -> None:
    await world.company("acme", "healthy")
    made = world.cluster.fail(
        500, method="POST", path=f"{world.namespace}/networkpolicies", times=1
    )
    async with operator(networkPolicy={"manage": True}):
        await world.scanned("acme")
    policy = await world.client.get(POLICIES, world.namespace, namespace_setup.POLICY)
    assert made.hits == 1
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not policy["spec"].get("ingress")
    assert not policy["spec"].get("egress")


async def test_the_policy_selects_the_pods_of_the_jobs_and_not_the_operators() -> None:
    selector = namespace_setup.network_policy("here")["spec"]["podSelector"]

    # What Helm labels the operator's own pod with is the same; the action tells a Job's pod.
    assert selector["matchLabels"] == {OWN_LABEL: OWN_VALUE}
    assert selector["matchExpressions"] == [{"key": ACTION_LABEL, "operator": "Exists"}]
    assert f"{OWN_LABEL}={OWN_VALUE},{ACTION_LABEL}" == SELECTOR


async def test_without_the_grant_nothing_is_made(
    world: World, operator: Callable[..., LocalOperator]
) -> None:
    await world.company("acme", "healthy")
    async with operator():
        await world.scanned("acme")
    assert await names(world, POLICIES) == []


async def test_a_namespace_is_asked_about_rarely_and_a_deleted_policy_comes_back(
    world: World, kube: Kube, clock: SkippingClock
) -> None:
    setup = NamespaceSetup(kube, clock, policy=True)
    looks = world.cluster.delay(
        0.0, method="GET", path=f"{world.namespace}/networkpolicies", times=None
    )
    for _ in range(3):
        await setup.prepare(world.namespace)
    assert looks.hits == 1
    await world.client.delete(POLICIES, world.namespace, namespace_setup.POLICY)
    clock.skip(namespace_setup.CHECK_AGAIN_SECONDS + 1)

    await setup.prepare(world.namespace)

    assert await names(world, POLICIES) == [namespace_setup.POLICY]


async def test_a_policy_that_somebody_has_changed_is_left_alone(
    world: World, kube: Kube, clock: SkippingClock
) -> None:
    changed = namespace_setup.network_policy(world.namespace)
    changed["spec"]["egress"] = [{"ports": [{"port": 53}]}]
    await world.client.create(POLICIES, world.namespace, changed)

    await NamespaceSetup(kube, clock, policy=True).prepare(world.namespace)

    found = await world.client.get(POLICIES, world.namespace, namespace_setup.POLICY)
    assert found["spec"]["egress"] == changed["spec"]["egress"]


async def test_where_it_is_forbidden_jobs_run_after_one_warning(
    world: World,
    operator: Callable[..., LocalOperator],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await world.company("acme", "old")
    world.cluster.fail(403, path="/networkpolicies", times=None)
    async with operator(networkPolicy={"manage": True}):
        await world.scanned("acme")
        await world.cleaned("acme")
    warned = [r.getMessage() for r in caplog.records if "NetworkPolicies" in r.getMessage()]
    assert len(warned) == 1
    assert "403" in warned[0]


async def test_pull_secrets_are_copied_and_kept_current(
    world: World, kube: Kube, clock: SkippingClock, home: str
) -> None:
    await make_secret(world, home, "pull", one="1", two="2")
    setup = NamespaceSetup(kube, clock, policy=False, secrets=["pull"], home=home)
    await setup.prepare(world.namespace)
    assert await content(world, "pull") == {"one": "1", "two": "2"}
    await world.client.delete(SECRETS, home, "pull")
    await make_secret(world, home, "pull", one="new", three="3")
    clock.skip(namespace_setup.CHECK_AGAIN_SECONDS + 1)

    await setup.prepare(world.namespace)

    assert await content(world, "pull") == {"one": "new", "three": "3"}


async def test_a_secret_of_the_same_name_that_is_anothers_is_left_and_not_shown(
    world: World,
    kube: Kube,
    clock: SkippingClock,
    home: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await make_secret(world, home, "pull", key="swordfish")
    await make_secret(world, world.namespace, "pull", key="mine")
    caplog.set_level(logging.DEBUG)

    await NamespaceSetup(kube, clock, policy=False, secrets=["pull"], home=home).prepare(
        world.namespace
    )

    assert await content(world, "pull") == {"key": "mine"}
    assert "is another's" in caplog.text
    assert base64.b64encode(b"swordfish").decode() not in caplog.text


async def test_a_pull_secret_that_is_missing_at_home_is_said(
    world: World,
    kube: Kube,
    clock: SkippingClock,
    home: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await NamespaceSetup(kube, clock, policy=False, secrets=["gone"], home=home).prepare(
        world.namespace
    )

    assert await names(world, SECRETS) == []
    assert "gone is not in the operator's namespace" in caplog.text


async def test_the_operators_own_namespace_keeps_its_secret(
    world: World, kube: Kube, clock: SkippingClock, home: str
) -> None:
    await make_secret(world, home, "pull", key="1")

    await NamespaceSetup(kube, clock, policy=False, secrets=["pull"], home=home).prepare(home)

    found = await world.client.get(SECRETS, home, "pull")
    assert "labels" not in found["metadata"]
