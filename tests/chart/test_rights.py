"""The operator is granted what it uses, and nothing besides: seen in a run in which every path is taken."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from sandbox import Cluster, kubeconfig
from tests.chart.recording import Asked, Proxy
from tests.chart.rendering import Object, operator_file, render
from tests.controller.live.conftest import cluster  # noqa: F401 - a fixture
from tests.controller.live.operators import LocalOperator
from tests.controller.live.world import CLAIMS, OPERATIONS, SETS, STORES, World, until
from tests.sandbox.workloads import workload

HOME, TENANTS = "rights-home", "rights-tenants"
SECRETS = "v1/secrets"
GRANTED: Object = {
    "config": {
        "operations": {"history": {"keep": 1}, "allowed": ["Clean", "Quiesce", "Resume"]},
        "networkPolicy": {"manage": True},
        "tenantSets": {"enabled": True},
        "pullSecrets": {"copy": True},
        "notifications": {"channels": [{"name": "hook", "webhook": {"urlKey": "HOOK"}}]},
    },
    "image": {"pullSecrets": ["registry"]},
    "quiesce": {"namespaces": ["rights-tenants"]},
}
"""Values that grant the most."""

Right = tuple[str, str, str]


def rights(objects: Iterable[Object], kind: str, namespace: str = "") -> set[Right]:
    """Group, resource and verb of every rule that the operator has by roles of a kind in a namespace."""
    bound = {
        each["roleRef"]["name"]
        for each in objects
        if each["kind"] == f"{kind}Binding" and each["metadata"].get("namespace", "") == namespace
    }
    return {
        (group, resource, verb)
        for each in objects
        if each["kind"] == kind and each["metadata"]["name"] in bound
        if each["metadata"].get("namespace", "") == namespace
        for rule in each["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest_asyncio.fixture(loop_scope="session")
async def world(cluster: Cluster) -> AsyncIterator[World]:  # noqa: F811 - the fixture
    for name in (HOME, TENANTS):
        await cluster.client.create("v1/namespaces", "", {"metadata": {"name": name}})
    world = World(cluster, TENANTS)
    yield world
    cluster.kubelet.release()
    world.check_sessions()


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(
    cluster: Cluster,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Proxy]:
    if cluster.real:
        pytest.skip("the proxy speaks plain HTTP, as the sandbox's own API server does")
    async with Proxy(cluster.url) as between:
        kubeconfig.write(tmp_path / "kubeconfig", between.url)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setenv("POD_NAME", "janitor-0")
        monkeypatch.setenv("POD_NAMESPACE", HOME)
        yield between


def once(spoiled: Asked, status: int) -> tuple[list[Asked], object]:
    """A `before` or `after` that spoils the first such request."""
    met: list[Asked] = []

    def spoil(wanted: Asked) -> int | None:
        if wanted == spoiled and not met:
            met.append(wanted)
            return status
        return None

    return met, spoil


async def _a_set_does_all(
    world: World, operator: LocalOperator, proxy: Proxy, spoiled: list[Asked]
) -> None:
    # A set creates tenants, gives them a new template, and deletes one whose claim is gone for a week.
    set_again = Asked("janitor.baileys.dev", "baileystenantsets", "get")
    await until(lambda: spoiled and set_again in proxy.seen, "a set is read again")
    await world.client.patch(SETS, TENANTS, "swarm", {"spec": {"template": {"cooldown": "1h"}}})
    edited = Asked("janitor.baileys.dev", "baileystenants", "patch")
    await until(lambda: edited in proxy.seen, "a tenant has the new template")
    await world.client.delete(CLAIMS, TENANTS, "swarm-b")

    async def missed() -> bool:
        operator.skip(61)
        await asyncio.sleep(0.5)
        found = await world.client.get(SETS, TENANTS, "swarm")
        return bool((found["status"].get("preview") or {}).get("gone") == 1)

    await until(missed, "the claim is missed")
    operator.skip(8 * 86_400)
    deleted = Asked("janitor.baileys.dev", "baileystenants", "delete")

    async def gone() -> bool:
        operator.skip(61)
        await asyncio.sleep(0.5)
        return deleted in proxy.seen

    await until(gone, "its tenant is deleted")


@pytest.mark.asyncio(loop_scope="session")
async def test_the_chart_grants_what_the_operator_uses_and_nothing_else(
    world: World, proxy: Proxy
) -> None:
    values = GRANTED
    configured = yaml.safe_load(operator_file(render(**values)))
    # Ports of this machine may be taken.
    configured["probes"] = configured["metrics"] = {"enabled": False}
    await world.client.create("v1/configmaps", HOME, record(render(**values)))
    secret = {"metadata": {"name": "registry"}, "data": {".dockerconfigjson": coded("{}")}}
    await world.client.create(SECRETS, HOME, secret)
    of_tenants, at_first = once(Asked("janitor.baileys.dev", "baileystenants/status", "patch"), 409)
    of_stores, then = once(Asked("janitor.baileys.dev", "baileyskeystores/status", "patch"), 409)
    of_operations, last = once(
        Asked("janitor.baileys.dev", "baileysoperations/status", "patch"), 409
    )
    going: list[str] = []

    def denied(wanted: Asked) -> int | None:
        """While a workload is to be let go, until it is asked whether that right went with its namespace."""
        if wanted == Asked("", "namespaces", "get"):
            going.clear()
        return 403 if wanted == Asked("apps", "deployments", "get") and going else None

    of_sets, least = once(Asked("janitor.baileys.dev", "baileystenantsets/status", "patch"), 409)
    spoils = (at_first, then, last, least, denied)
    proxy.before = lambda wanted: next(filter(None, (each(wanted) for each in spoils)), None)  # type: ignore[operator]
    lost, proxy.after = once(Asked("batch", "jobs", "create"), 500)  # type: ignore[assignment]

    await world.company("busy", "emergency")
    await world.claim("unbound", "standard-wffc")
    await world.tenant("unbound", "unbound")
    world.session(await world.claim("idle"), "healthy")
    await world.tenant("idle", "idle")
    # A pod that is not ready: is its node lost?
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    await world.claim("torn")
    torn = await world.workload("torn")
    await world.client.patch("v1/pods", TENANTS, torn, unready, sub="status", kind="strategic")
    await world.tenant("torn", "torn")
    world.session(await world.claim("watched"), "healthy")
    await world.tenant("watched", "watched", mode="Observe")
    store = {"spec": {"connection": {"secretName": "registry"}}, "metadata": {"name": "keys"}}
    await world.client.create(STORES, TENANTS, store)
    for name in ("swarm-a", "swarm-b"):
        await world.claim(name)
        labels = {"metadata": {"labels": {"team": "swarm"}}}
        await world.client.patch(CLAIMS, TENANTS, name, labels)
    swarm = {
        "source": {"claims": {"selector": {"matchLabels": {"team": "swarm"}}}},
        "template": {"suspend": True},
        "confirm": True,
        "whenGone": "Delete",
        "interval": "1m",
    }
    await world.client.create(SETS, TENANTS, {"metadata": {"name": "swarm"}, "spec": swarm})
    # The Job whose creation was answered with an error counts for nothing: another one is made, and it is deleted.
    async with LocalOperator(configured) as operator:
        await world.cleaned("busy")
        await world.scanned("idle")
        await until(lambda: world.condition("unbound", "Ready"), "the unbound claim is told of")
        node = Asked("", "nodes", "get")
        await until(lambda: node in proxy.seen, "the node is looked at")
        assert of_tenants
        assert lost
        # One is read again after a conflict, and the first makes room for the second.
        for name in ("one", "two"):
            asked = {"metadata": {"name": name}, "spec": {"tenant": "idle", "action": "Clean"}}
            await world.client.create(OPERATIONS, TENANTS, asked)
        await world.gone(OPERATIONS, "one")
        assert of_operations
        for kind in ("Deployment", "StatefulSet"):
            await stopped(world, kind, going)
        # What happens again counts up its Event.
        await world.scanned("watched")
        for token in ("one", "two"):
            await world.ask("watched", token)
            await until(lambda token=token: handled(world, "watched", token), "it is answered")
        series = Asked("events.k8s.io", "events", "patch")
        await until(lambda: series in proxy.seen, "an Event is patched")
        # A pull secret that has changed is copied again when its namespace is looked at again.
        await world.client.patch(
            SECRETS, HOME, "registry", {"data": {".dockerconfigjson": coded("{ }")}}
        )
        # And a Job whose pod does not start is asked about.
        world.cluster.kubelet.hold()
        operator.skip(3700)

        def warned() -> bool:
            return Asked("", "events", "list") in proxy.seen

        with operator.hurry(over_jobs=True):
            await until(warned, "the events of a pod that does not start are read")

        async def copied() -> bool:
            found = await world.client.get(SECRETS, TENANTS, "registry")
            return bool(found["data"] == {".dockerconfigjson": coded("{ }")})

        await until(copied, "the changed pull secret is copied")
        # The store's Job names a key that the Secret does not have.
        world.cluster.kubelet.release()
        read_again = Asked("janitor.baileys.dev", "baileyskeystores", "get")
        with operator.hurry(over_jobs=True):
            await until(lambda: of_stores and read_again in proxy.seen, "a store is read again")
        await _a_set_does_all(world, operator, proxy, of_sets)

    objects = render(**values)
    home, everywhere = rights(objects, "Role", "baileys-janitor"), rights(objects, "ClusterRole")
    named = rights(objects, "Role", TENANTS)
    used = {(each.group, each.resource, each.verb) for each in proxy.seen}
    forbidden = used - home - everywhere - named
    assert not forbidden, "the operator asks for what the chart does not grant"
    unused = (home | everywhere | named) - used
    assert not unused, "the chart grants what the operator never asks for"
    for each in proxy.seen:
        right = (each.group, each.resource, each.verb)
        if right not in everywhere:
            where = TENANTS if right in named else HOME
            assert each.namespace == where, f"{each} is granted in that namespace alone"


async def stopped(world: World, kind: str, going: list[str]) -> None:
    """Have a workload of the tenant `idle` stopped, and let its operation go, which `going` is told of."""
    name = f"stop-{kind.lower()}"
    resource = f"apps/v1/{kind.lower()}s"
    await world.client.create(resource, TENANTS, workload(name, claim="idle"))
    quiesce = {"method": "Scale", "workload": {"kind": kind, "name": name}}
    spec = {"tenant": "idle", "action": "Quiesce", "quiesce": quiesce}
    await world.client.create(OPERATIONS, TENANTS, {"metadata": {"name": name}, "spec": spec})

    async def scaled(replicas: int) -> bool:
        found = await world.client.get(resource, TENANTS, name)
        return bool(found["spec"]["replicas"] == replicas)

    await until(lambda: scaled(0), f"the {kind} is stopped")
    if kind == "Deployment":
        going.append(name)
    await world.client.delete(OPERATIONS, TENANTS, name)
    await until(lambda: scaled(1), f"the {kind} is started again")
    await world.gone(OPERATIONS, name)
    await world.client.delete(resource, TENANTS, name, propagationPolicy="Background")


def record(objects: list[Object]) -> Object:
    """What the chart makes for the operator to note in which notifications were sent."""
    (found,) = (
        each
        for each in objects
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].endswith("-notifications")
    )
    assert "data" not in found
    return {"metadata": {"name": found["metadata"]["name"]}}


async def handled(world: World, name: str, token: str) -> bool:
    """Whether a request for a cleanup was answered."""
    return (await world.status(name)).get("lastHandledRequest") == token


def coded(text: str) -> str:
    """Text as a Secret holds it."""
    return base64.b64encode(text.encode()).decode()


def test_listed_namespaces_grant_the_same_there_and_nothing_of_the_cluster() -> None:
    everywhere = rights(render(**GRANTED), "ClusterRole")
    listed = render(**GRANTED, watchNamespaces=["shop"])
    of_the_cluster = {
        ("storage.k8s.io", "volumeattachments", "list"),
        ("storage.k8s.io", "storageclasses", "get"),
        ("", "nodes", "get"),
        ("", "namespaces", "get"),
    }
    assert rights(listed, "Role", "shop") == everywhere - of_the_cluster
    assert rights(listed, "ClusterRole") == set()


def test_rights_that_nobody_asked_for_are_not_granted() -> None:
    least, most = rights(render(), "ClusterRole"), rights(render(**GRANTED), "ClusterRole")
    assert {resource for _, resource, _ in most - least} == {
        *("networkpolicies", "secrets", "namespaces"),
        *("baileystenants", "baileystenantsets", "baileystenantsets/status"),
    }


def test_workloads_are_stopped_in_the_named_namespaces_alone() -> None:
    quiesce = {"namespaces": ["shop"]}
    assert not {group for group, _, _ in rights(render(), "ClusterRole")} & {"apps"}
    more = rights(render(quiesce=quiesce), "ClusterRole") - rights(render(), "ClusterRole")
    assert more == {("", "namespaces", "get")}, (
        "whether a namespace is being deleted, of those that are named"
    )
    for values in ({}, {"watchNamespaces": ["shop", "support"]}):
        objects = render(quiesce=quiesce, **values)
        granted = {right for right in rights(objects, "Role", "shop") if right[0] == "apps"}
        assert granted == {
            ("apps", f"{kind}{sub}", verb)
            for kind in ("deployments", "statefulsets")
            for sub, verb in (("", "get"), ("/scale", "update"))
        }
        everywhere = rights(objects, "ClusterRole") | rights(objects, "Role", "support")
        assert not {right for right in everywhere if right[0] == "apps"}


def test_what_lets_a_namespace_go_is_granted_everywhere_only_if_that_is_asked_for() -> None:
    listed = {"watchNamespaces": ["shop"]}
    quiesce = {"namespaces": ["shop"]}
    assert not rights(render(quiesce=quiesce, **listed), "ClusterRole")
    more = {**quiesce, "clusterRole": True}
    assert rights(render(quiesce=more, **listed), "ClusterRole") == {
        ("janitor.baileys.dev", "baileysoperations", "get"),
        ("janitor.baileys.dev", "baileysoperations", "patch"),
        ("janitor.baileys.dev", "baileysoperations/status", "patch"),
        ("", "namespaces", "get"),
    }
    assert not rights(render(quiesce={"clusterRole": True}, **listed), "ClusterRole")
    plain = rights(render(quiesce=quiesce), "ClusterRole")
    assert rights(render(quiesce=more), "ClusterRole") == plain, "it has them already"


def test_operations_are_granted_apart_from_everything_else() -> None:
    roles = {
        each["metadata"]["name"].rpartition(".")[2]: each
        for each in render()
        if each["kind"] == "ClusterRole"
    }
    verbs = {
        name: {
            v for r in role["rules"] if "baileysoperations" in r["resources"] for v in r["verbs"]
        }
        for name, role in roles.items()
    }
    assert "create" in verbs["operations"]
    assert not [
        label for label in roles["operations"]["metadata"]["labels"] if "aggregate" in label
    ]
    assert verbs["edit"] == set()
    assert verbs["view"] == {"get", "list", "watch"}


def test_without_operations_no_right_on_them_is_granted() -> None:
    without = rights(render(config={"operations": {"enabled": False}}), "ClusterRole")
    gone = rights(render(), "ClusterRole") - without
    assert {resource for _, resource, _ in gone} == {
        "baileysoperations",
        "baileysoperations/status",
    }


def test_without_events_no_right_on_them_is_granted() -> None:
    without = rights(render(config={"events": {"enabled": False}}), "ClusterRole")
    assert rights(render(), "ClusterRole") - without == {
        ("events.k8s.io", "events", "create"),
        ("events.k8s.io", "events", "patch"),
    }


def test_who_notifies_nobody_keeps_no_record() -> None:
    least = rights(render(), "Role", "baileys-janitor")
    for values in (
        {"config": {"notifications": GRANTED["config"]["notifications"]}},
        {"env": [{"name": "NOTIFICATION_WEBHOOK", "value": "https://chat.example/hook"}]},
    ):
        assert rights(render(**values), "Role", "baileys-janitor") - least == {
            ("", "configmaps", "get"),
            ("", "configmaps", "patch"),
        }


NAMED = {"leases", "secrets", "configmaps"}
LEASE = "janitor-baileys-janitor"


def test_leases_records_and_secrets_are_granted_by_name_where_a_name_can_be_given() -> None:
    for role in render(**GRANTED):
        for rule in role.get("rules") or ():
            if set(rule["resources"]) & NAMED and rule["verbs"] != ["create"]:
                (name,) = rule["resourceNames"]
                assert name in {LEASE, f"{LEASE}-notifications", "registry"}
