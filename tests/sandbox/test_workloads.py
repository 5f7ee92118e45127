"""Deployments and StatefulSets: pods by their templates, the scale subresource, and who has written what."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path

import pytest

from sandbox import Cluster
from sandbox.client import ApiError, Object, path
from tests.sandbox.jobs import CLAIMS, PODS, claim
from tests.sandbox.support import Kubectl, text, until
from tests.sandbox.workloads import (
    DEPLOYMENTS,
    STATEFULSETS,
    owners,
    pods_of,
    running,
    scale,
    scale_of,
    workload,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
WRITER = "import time; open('/data/alive', 'w').write('x'); time.sleep(3600)"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


async def refusal(call: Awaitable[object]) -> ApiError:
    with pytest.raises(ApiError) as failure:
        await call
    return failure.value


async def write(cluster: Cluster, namespace: str, replicas: int, manager: str) -> Object:
    """Patch the replicas of the workload itself."""
    url = path(DEPLOYMENTS, namespace, "bot")
    body = {"spec": {"replicas": replicas}}
    return await cluster.client.request("PATCH", url, body, MERGE, {"fieldManager": manager})


async def apply(cluster: Cluster, namespace: str, replicas: int, manager: str) -> Object:
    """Apply the replicas, whoever owns them."""
    url = path(DEPLOYMENTS, namespace, "bot")
    body = workload(replicas=replicas) | {"apiVersion": "apps/v1", "kind": "Deployment"}
    query = {"fieldManager": manager, "force": "true"}
    return await cluster.client.request("PATCH", url, body, APPLY, query)


async def test_a_deployments_pods_are_processes_on_its_claim(
    cluster: Cluster, namespace: str, volumes: Path
) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    await cluster.client.create(DEPLOYMENTS, namespace, workload(claim="sessions", code=WRITER))
    await until(lambda: running(cluster, namespace, 1))
    await until(lambda: (volumes / namespace / "sessions" / "alive").exists())
    (pod,) = await pods_of(cluster, namespace)
    owner = pod["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "ReplicaSet"
    assert owner["name"] == f"bot-{pod['metadata']['labels']['pod-template-hash']}"

    async def counted() -> bool:
        found = await cluster.client.get(DEPLOYMENTS, namespace, "bot")
        return bool(found["status"].get("readyReplicas") == 1)

    await until(counted)


async def test_kubectl_scales_waits_and_rolls_out(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    given = workload() | {"apiVersion": "apps/v1", "kind": "Deployment"}
    await kubectl("apply", "-f", "-", given=text(given))
    await kubectl("rollout", "status", "deployment/bot", "--timeout=120s")
    await kubectl("scale", "deployment/bot", "--replicas=3", "--current-replicas=1")
    await until(lambda: running(cluster, namespace, 3))
    await kubectl("scale", "deployment/bot", "--replicas=0")
    await kubectl("wait", "--for=delete", "pod", "-l", "app=bot", "--timeout=120s")
    assert not await pods_of(cluster, namespace)


async def test_what_was_killed_comes_back(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(DEPLOYMENTS, namespace, workload())
    await until(lambda: running(cluster, namespace, 1))
    (first,) = await pods_of(cluster, namespace)
    cluster.kubelet.kill(namespace, first["metadata"]["name"])

    async def another() -> bool:
        uids = [pod["metadata"]["uid"] for pod in await pods_of(cluster, namespace)]
        return first["metadata"]["uid"] not in uids and await running(cluster, namespace, 1)

    await until(another)


@pytest.mark.parametrize("kind", ["RollingUpdate", "Recreate"])
async def test_another_template_means_other_pods(
    cluster: Cluster, namespace: str, kind: str
) -> None:
    body = workload(replicas=2, strategy={"type": kind})
    await cluster.client.create(DEPLOYMENTS, namespace, body)
    await until(lambda: running(cluster, namespace, 2))
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "bot:2"
    await cluster.client.patch(
        DEPLOYMENTS, namespace, "bot", {"spec": {"template": body["spec"]["template"]}}
    )

    async def renewed() -> bool:
        found = await pods_of(cluster, namespace)
        images = {pod["spec"]["containers"][0]["image"] for pod in found}
        if kind == "Recreate":
            assert len(images) < 2, "an old and a new pod at once"
        return images == {"bot:2"} and await running(cluster, namespace, 2)

    await until(renewed)


async def test_pods_go_with_their_deployment(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(DEPLOYMENTS, namespace, workload())
    await until(lambda: running(cluster, namespace, 1))
    await cluster.client.delete(DEPLOYMENTS, namespace, "bot", propagationPolicy="Background")

    async def gone() -> bool:
        return not await pods_of(cluster, namespace)

    await until(gone)


async def test_a_stateful_sets_pods_have_numbers_and_claims(
    cluster: Cluster, namespace: str
) -> None:
    templates = [claim("data")]
    body = workload(replicas=2, serviceName="bot", volumeClaimTemplates=templates)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    await cluster.client.create(STATEFULSETS, namespace, body)
    await until(lambda: running(cluster, namespace, 2))
    mounted = {
        pod["metadata"]["name"]: volume["persistentVolumeClaim"]["claimName"]
        for pod in await pods_of(cluster, namespace)
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert mounted == {"bot-0": "data-bot-0", "bot-1": "data-bot-1"}
    url = path(STATEFULSETS, namespace, "bot", "scale")
    await cluster.client.request("PATCH", url, {"spec": {"replicas": 1}}, MERGE)
    await until(lambda: running(cluster, namespace, 1))
    assert [pod["metadata"]["name"] for pod in await pods_of(cluster, namespace)] == ["bot-0"]
    assert await cluster.client.get(CLAIMS, namespace, "data-bot-1")


async def test_a_scale_is_put_on_what_it_was_read_from(cluster: Cluster, namespace: str) -> None:
    client = cluster.client
    await client.create(DEPLOYMENTS, namespace, workload(replicas=0))
    found = await client.get(DEPLOYMENTS, namespace, "bot")
    read = await scale_of(client, namespace)
    assert read["kind"] == "Scale"
    assert read["metadata"]["uid"] == found["metadata"]["uid"]
    assert "managedFields" not in read["metadata"]
    assert read["status"]["selector"] == "app=bot"
    read["spec"]["replicas"] = 1
    stale = {**read, "metadata": {**read["metadata"], "resourceVersion": "1"}}
    assert (await refusal(scale(client, namespace, stale))).status == 409
    other = {**read, "metadata": {**read["metadata"], "uid": "0" * 8}}
    assert (await refusal(scale(client, namespace, other))).status == 409
    below = {**read, "spec": {"replicas": -1}}
    assert (await refusal(scale(client, namespace, below))).status == 422
    assert (await scale_of(client, namespace))["spec"] == {}
    unconditional = {"metadata": {"name": "bot"}, "spec": {"replicas": 2}}
    assert (await scale(client, namespace, unconditional))["spec"]["replicas"] == 2
    found = await client.get(DEPLOYMENTS, namespace, "bot")
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (2, 2)


async def test_who_wrote_the_replicas_is_told(cluster: Cluster, namespace: str) -> None:
    client = cluster.client
    await client.create(DEPLOYMENTS, namespace, workload(replicas=2))
    read = await scale_of(client, namespace)
    await scale(client, namespace, {**read, "spec": {"replicas": 1}}, "janitor")
    found = await client.get(DEPLOYMENTS, namespace, "bot")
    assert owners(found) == {("janitor", "Update", "scale")}
    assert len(found["metadata"]["managedFields"]) > 1, "the creator owns the rest"
    # Who writes what is there owns nothing; who changes it takes it over.
    assert owners(await write(cluster, namespace, 1, "keda")) == {("janitor", "Update", "scale")}
    assert owners(await write(cluster, namespace, 2, "keda")) == {("keda", "Update", "")}


async def test_nobody_owns_the_replicas_that_a_scale_has_set_to_zero(
    cluster: Cluster, namespace: str
) -> None:
    client = cluster.client
    await client.create(DEPLOYMENTS, namespace, workload(replicas=2))
    read = await scale_of(client, namespace)
    answer = await scale(client, namespace, {**read, "spec": {"replicas": 0}}, "janitor")
    assert answer["spec"] == {}
    assert owners(await client.get(DEPLOYMENTS, namespace, "bot")) == set()
    assert owners(await write(cluster, namespace, 0, "keda")) == set()
    up = {"metadata": {"name": "bot"}, "spec": {"replicas": 2}}
    assert (await scale(client, namespace, up, "janitor"))["spec"] == {"replicas": 2}
    assert owners(await client.get(DEPLOYMENTS, namespace, "bot")) == set(), (
        "a scale takes from an owner"
    )
    await write(cluster, namespace, 1, "keda")
    assert owners(await write(cluster, namespace, 0, "keda")) == {("keda", "Update", "")}


async def test_who_applies_the_replicas_shares_or_takes_them(
    cluster: Cluster, namespace: str
) -> None:
    git = ("git", "Apply", "")
    assert owners(await apply(cluster, namespace, 2, "git")) == {git}
    read = await scale_of(cluster.client, namespace)
    await scale(cluster.client, namespace, {**read, "spec": {"replicas": 1}}, "janitor")
    found = await cluster.client.get(DEPLOYMENTS, namespace, "bot")
    assert owners(found) == {("janitor", "Update", "scale")}
    found = await apply(cluster, namespace, 1, "git")
    assert owners(found) == {("janitor", "Update", "scale"), git}
    assert owners(await apply(cluster, namespace, 2, "git")) == {git}


async def test_what_contradicts_itself_is_refused(cluster: Cluster, namespace: str) -> None:
    body = workload()
    body["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    error = await refusal(cluster.client.create(DEPLOYMENTS, namespace, body))
    assert error.status == 422
    assert "does not match template" in error.message


async def test_nobody_hears_from_a_lost_node(
    cluster: Cluster, namespace: str, volumes: Path
) -> None:
    await cluster.client.create(CLAIMS, namespace, claim("sessions"))
    beats = "import time\nwhile True:\n open('/data/beat', 'w').write(str(time.time()))\n time.sleep(.05)"
    await cluster.client.create(DEPLOYMENTS, namespace, workload(claim="sessions", code=beats))
    await until(lambda: running(cluster, namespace, 1))
    (pod,) = await pods_of(cluster, namespace)
    node, beat = pod["spec"]["nodeName"], volumes / namespace / "sessions" / "beat"
    await until(beat.exists)
    await cluster.kubelet.lose(node)
    try:
        await cluster.client.delete(PODS, namespace, pod["metadata"]["name"])
        # Whatever runs there goes on to write, and its pod stays.
        before = beat.stat().st_mtime_ns
        await until(lambda: beat.stat().st_mtime_ns > before)
        left = await cluster.client.get(PODS, namespace, pod["metadata"]["name"])
        assert left["metadata"]["deletionTimestamp"]
        assert left["status"]["phase"] == "Running"
    finally:
        await cluster.kubelet.find_again(node)

    async def forgotten() -> bool:
        names = [each["metadata"]["name"] for each in await pods_of(cluster, namespace)]
        return pod["metadata"]["name"] not in names

    await until(forgotten)
