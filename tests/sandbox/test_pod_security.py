"""Namespaces that enforce Pod Security: which pods they refuse, for every container and every kind of volume."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.jobs import JOBS, PODS, job, pod_of, reasons
from tests.sandbox.support import Kubectl, Object, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
LABEL = "pod-security.kubernetes.io/"
OWN: Object = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD: Object = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{"name": "main", "image": "bot:1", "securityContext": OWN}],
}
PLAIN: Object = {"name": "main", "image": "bot:1"}


async def label(cluster: Cluster, namespace: str, **levels: str) -> None:
    labels = {f"{LABEL}{mode}": level for mode, level in levels.items()}
    body = {"metadata": {"labels": labels}}
    await cluster.client.patch("v1/namespaces", "", namespace, body)


def pod(spec: Object) -> Object:
    return {"metadata": {"name": "pod"}, "spec": spec}


def changed(**fields: Any) -> Object:
    return copy.deepcopy(POD) | fields


def container(**context: Any) -> Object:
    return changed(
        containers=[{"name": "main", "image": "bot:1", "securityContext": {**OWN, **context}}]
    )


async def refusal(cluster: Cluster, namespace: str, spec: Object) -> str:
    with pytest.raises(ApiError) as refused:
        await cluster.client.create(PODS, namespace, pod(spec))
    assert refused.value.status == 403
    return refused.value.message


async def test_every_kind_of_volume_that_the_jobs_use_is_allowed(
    cluster: Cluster, namespace: str
) -> None:
    await label(cluster, namespace, enforce="restricted")
    volumes = [
        {"name": "a", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "b", "secret": {"secretName": "store"}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "sessions"}},
        {"name": "d", "projected": {"sources": []}},
        {"name": "e", "configMap": {"name": "map"}},
    ]
    await cluster.client.create(PODS, namespace, pod(changed(volumes=volumes)))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            changed(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
            'restricted volume types (volume "host" uses restricted volume type "hostPath")',
        ),
        (
            changed(initContainers=[{"name": "fetch", "image": "bot:1"}]),
            (
                'allowPrivilegeEscalation != false (container "fetch" must set '
                "securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "
                '"fetch" must set securityContext.capabilities.drop=["ALL"])'
            ),
        ),
        (
            container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}),
            (
                'unrestricted capabilities (container "main" must not include "NET_ADMIN" in '
                "securityContext.capabilities.add)"
            ),
        ),
        (
            container(runAsNonRoot=False),
            'runAsNonRoot != true (container "main" must not set securityContext.runAsNonRoot=false)',
        ),
        (container(runAsUser=0), 'runAsUser=0 (container "main" must not set runAsUser=0)'),
        (
            changed(securityContext={"runAsNonRoot": True}),
            (
                'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type '
                'to "RuntimeDefault" or "Localhost")'
            ),
        ),
        (
            container(seccompProfile={"type": "Unconfined"}),
            (
                'seccompProfile (container "main" must not set securityContext.seccompProfile.type to '
                '"Unconfined")'
            ),
        ),
        (changed(hostNetwork=True), "host namespaces (hostNetwork=true)"),
        (
            changed(securityContext={"seccompProfile": {"type": "RuntimeDefault"}}),
            'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true)',
        ),
    ],
)
async def test_what_is_not_restricted_is_refused(
    cluster: Cluster, namespace: str, spec: Object, said: str
) -> None:
    await label(cluster, namespace, enforce="restricted")
    message = await refusal(cluster, namespace, spec)
    assert message == f'pods "pod" is forbidden: violates PodSecurity "restricted:latest": {said}'


async def test_a_pod_without_any_context_is_refused_for_each_reason_in_order(
    cluster: Cluster, namespace: str
) -> None:
    await label(cluster, namespace, enforce="restricted")
    both = [{"name": name, "image": "bot:1"} for name in ("one", "two")]
    assert await refusal(cluster, namespace, {"containers": both}) == (
        'pods "pod" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation '
        '!= false (containers "one", "two" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (containers "one", "two" must set '
        'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or containers "one", '
        '"two" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers "one", '
        '"two" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )


async def test_the_baseline_forbids_the_host_and_privileges_alone(
    cluster: Cluster, namespace: str
) -> None:
    await label(cluster, namespace, enforce="baseline")
    await cluster.client.create(
        PODS, namespace, {"metadata": {"name": "plain"}, "spec": {"containers": [PLAIN]}}
    )
    privileged = container(privileged=True, allowPrivilegeEscalation=True)
    said = await refusal(cluster, namespace, privileged)
    assert 'privileged (container "main" must not set securityContext.privileged=true)' in said
    host = changed(volumes=[{"name": "host", "hostPath": {"path": "/"}}])
    assert 'hostPath volumes (volume "host")' in await refusal(cluster, namespace, host)


async def test_a_jobs_pod_that_is_refused_shows_in_an_event(
    cluster: Cluster, namespace: str
) -> None:
    await label(cluster, namespace, enforce="restricted")
    await cluster.client.create(JOBS, namespace, job(""))

    async def told() -> str:
        if "FailedCreate" not in await reasons(cluster, namespace, "run"):
            return ""
        found = await cluster.client.select("v1/events", namespace)
        return str(found["items"][0]["message"])

    assert 'violates PodSecurity "restricted:latest"' in await until(told)
    assert await pod_of(cluster, namespace) is None


async def test_a_namespace_may_only_warn(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    await label(cluster, namespace, warn="restricted")
    shown = await kubectl("create", "job", "run", "--image=bot:1")
    assert 'Warning: would violate PodSecurity "restricted:latest"' in shown.err
    assert 'container "run"' in shown.err
