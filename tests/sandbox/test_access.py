"""ServiceAccounts have the rights that RBAC gives them, and no others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from sandbox import Cluster, kubeconfig
from sandbox.client import ApiError, Client
from tests.sandbox.jobs import JOBS, finished, job, pod_of, terminated
from tests.sandbox.support import Kubectl, Object, thing, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
RBAC = "rbac.authorization.k8s.io/v1"
SECRETS, MAPS = "v1/secrets", "v1/configmaps"


def rule(resource: str, *verbs: str, group: str = "", **more: Any) -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


async def grant(
    cluster: Cluster,
    namespace: str,
    *rules: Object,
    clusterwide: bool = False,
    name: str = "worker",
) -> None:
    """Binds rules to a ServiceAccount, which is made when it is not there."""
    kind, where = ("ClusterRole", "") if clusterwide else ("Role", namespace)
    role = f"{namespace}-{name}"
    plural = f"{RBAC}/{kind.lower()}s"
    await cluster.client.create(plural, where, {"metadata": {"name": role}, "rules": list(rules)})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    reference = {"apiGroup": RBAC.partition("/")[0], "kind": kind, "name": role}
    binding = {"metadata": {"name": role}, "roleRef": reference, "subjects": [subject]}
    await cluster.client.create(f"{RBAC}/{kind.lower()}bindings", where, binding)


@asynccontextmanager
async def acting(cluster: Cluster, namespace: str, name: str = "worker") -> AsyncIterator[Client]:
    """A client with the token of a ServiceAccount."""
    await cluster.client.create("v1/serviceaccounts", namespace, {"metadata": {"name": name}})
    path = await cluster.account(namespace, name)
    async with Client(kubeconfig.read(path)) as client:
        yield client


async def refused(call: Any) -> str:
    with pytest.raises(ApiError) as failure:
        await call
    assert (failure.value.status, failure.value.reason) == (403, "Forbidden")
    return failure.value.message


async def test_an_account_may_do_nothing_until_a_role_is_bound_to_it(
    cluster: Cluster, namespace: str
) -> None:
    who = f'User "system:serviceaccount:{namespace}:worker"'
    async with acting(cluster, namespace) as client:
        assert await refused(client.select(SECRETS, namespace)) == (
            f'secrets is forbidden: {who} cannot list resource "secrets" in API group "" in the '
            f'namespace "{namespace}"'
        )
        assert await refused(client.get(SECRETS, namespace, "store")) == (
            f'secrets "store" is forbidden: {who} cannot get resource "secrets" in API group "" in '
            f'the namespace "{namespace}"'
        )
        assert await refused(client.select("v1/nodes")) == (
            f'nodes is forbidden: {who} cannot list resource "nodes" in API group "" at the cluster '
            "scope"
        )
        await grant(cluster, namespace, rule("secrets", "get", "list"))
        await until(lambda: client.select(SECRETS, namespace))
        await refused(client.delete(SECRETS, namespace, "store"))
        await refused(client.select(SECRETS))
        await refused(client.select(SECRETS, "default"))


async def test_a_cluster_role_that_is_bound_clusterwide_holds_everywhere(
    cluster: Cluster, namespace: str
) -> None:
    await grant(cluster, namespace, rule("configmaps", "*"), clusterwide=True)
    async with acting(cluster, namespace) as client:
        await until(lambda: client.select(MAPS))
        await client.create(MAPS, namespace, {"metadata": {"name": "map"}})
        await client.delete(MAPS, namespace, "map")
        await refused(client.select(SECRETS))


async def test_a_subresource_is_a_right_of_its_own(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create("example.dev/v1/things", namespace, thing())
    rights = rule("things/status", "patch", group="example.dev")
    await grant(cluster, namespace, rights)
    async with acting(cluster, namespace) as client:
        things = "example.dev/v1/things"
        level = {"status": {"level": "x"}}
        await until(lambda: client.patch(things, namespace, "acme", level, sub="status"))
        said = await refused(client.patch(things, namespace, "acme", {"spec": {"mode": "B"}}))
        assert 'cannot patch resource "things" in API group "example.dev"' in said


async def test_a_right_may_be_for_one_name(cluster: Cluster, namespace: str) -> None:
    for name in ("own", "other"):
        await cluster.client.create(SECRETS, namespace, {"metadata": {"name": name}})
    rights = rule("secrets", "get", "list", "create", resourceNames=["own"])
    await grant(cluster, namespace, rights)
    async with acting(cluster, namespace) as client:
        await until(lambda: client.get(SECRETS, namespace, "own"))
        await refused(client.get(SECRETS, namespace, "other"))
        await refused(client.select(SECRETS, namespace))
        await client.select(SECRETS, namespace, fieldSelector="metadata.name=own")
        await refused(client.create(SECRETS, namespace, {"metadata": {"name": "own"}}))


async def test_a_token_that_nobody_issued_is_nobodys(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create("v1/serviceaccounts", namespace, {"metadata": {"name": "worker"}})
    path = await cluster.account(namespace, "worker")
    path.write_text(path.read_text().replace("token: ", "token: sandbox-account-x"))
    async with Client(kubeconfig.read(path)) as client:
        with pytest.raises(ApiError) as failure:
            await client.select(SECRETS, namespace)
    assert failure.value.status == 401


async def test_there_is_no_token_for_an_account_that_is_not_there(
    cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(ApiError) as failure:
        await cluster.account(namespace, "nobody")
    assert failure.value.status == 404


async def test_kubectl_acts_as_an_account(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    who = f"system:serviceaccount:{namespace}:worker"
    rights = rule("secrets", "list"), rule("configmaps", "create", "patch", "get")
    await grant(cluster, namespace, *rights)

    async def may(*words: str) -> str:
        asked = await kubectl.start("auth", "can-i", *words, "--as", who)
        return (await asked.communicate())[0].decode().strip()

    async def granted() -> bool:
        return await may("list", "secrets") == "yes"

    await until(granted)
    assert await may("delete", "secrets") == "no"
    await kubectl("get", "secrets", "--as", who)
    said = (await kubectl("get", "pods", "--as", who, fails=True)).err
    assert f'Error from server (Forbidden): pods is forbidden: User "{who}" cannot list' in said
    listed = await kubectl("auth", "can-i", "--list", "--as", who)
    assert ["secrets", "[]", "[]", "[list]"] in listed.rows
    asked = await kubectl(
        "auth", "whoami", "--as", who, "-o", "jsonpath={.status.userInfo.username}"
    )
    assert asked.out == who


async def test_kubectl_makes_a_token(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    await kubectl("create", "serviceaccount", "worker")
    token = (await kubectl("create", "token", "worker")).out.strip()
    admin = kubeconfig.read(cluster.kubeconfig)
    async with Client(replace(admin, token=token)) as client:
        said = await refused(client.select(SECRETS, namespace))
    assert f"system:serviceaccount:{namespace}:worker" in said


async def test_an_apply_that_makes_an_object_is_a_creation(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    who = f"system:serviceaccount:{namespace}:worker"
    await grant(cluster, namespace, rule("configmaps", "get", "patch"))
    body = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}}'
    words = ("apply", "--server-side", "-f", "-", "--as", who)
    said = await kubectl(*words, given=body, fails=True)
    assert "cannot create resource" in said.err
    await cluster.client.create(MAPS, namespace, {"metadata": {"name": "map"}})
    await kubectl(*words, given=body)


READ = (
    "import json, os\n"
    "found = {name: open('/var/run/secrets/kubernetes.io/serviceaccount/' + name).read()\n"
    "         for name in ('token', 'namespace')}\n"
    "open('/dev/termination-log', 'w').write(json.dumps(found))"
)


@pytest.mark.usefixtures("sandbox_only")
async def test_a_pod_has_the_token_of_its_account(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create("v1/serviceaccounts", namespace, {"metadata": {"name": "worker"}})
    await grant(cluster, namespace, rule("configmaps", "list"))
    await cluster.client.create(JOBS, namespace, job(READ, pod={"serviceAccountName": "worker"}))
    await finished(cluster, namespace)
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    found = json.loads(terminated(pod)["message"])
    assert found["namespace"] == namespace
    admin = kubeconfig.read(cluster.kubeconfig)
    async with Client(replace(admin, token=found["token"])) as client:
        await client.select(MAPS, namespace)
        await refused(client.select(SECRETS, namespace))


@pytest.mark.usefixtures("sandbox_only")
async def test_a_pod_may_want_no_token(cluster: Cluster, namespace: str) -> None:
    body = job(READ, pod={"automountServiceAccountToken": False})
    await cluster.client.create(JOBS, namespace, body)
    assert "Failed" in (await finished(cluster, namespace))["conditions"]
    pod = await pod_of(cluster, namespace)
    assert pod is not None
    assert "volumes" not in pod["spec"]
    assert pod["spec"]["serviceAccountName"] == "default"


@pytest.mark.usefixtures("sandbox_only")
async def test_a_pod_of_an_account_that_is_not_there_is_refused(
    cluster: Cluster, namespace: str
) -> None:
    spec = {"serviceAccountName": "nobody", "containers": [{"name": "main", "image": "bot:1"}]}
    said = await refused(
        cluster.client.create("v1/pods", namespace, {"metadata": {"name": "pod"}, "spec": spec})
    )
    assert f'error looking up service account {namespace}/nobody: serviceaccount "nobody"' in said
