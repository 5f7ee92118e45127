"""What an API server refuses of the spec of a pod, in a pod and in the template of a Job."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.support import Object

pytestmark = pytest.mark.asyncio(loop_scope="module")
PODS, JOBS = "v1/pods", "batch/v1/jobs"


def container(name: str = "main", **fields: Any) -> Object:
    return {"name": name, "image": "bot:1", **fields}


def mount(name: str, path: str = "/data") -> Object:
    return {"name": name, "mountPath": path}


def secret(**fields: Any) -> Object:
    return {"volumes": [{"name": "s", "secret": {"secretName": "store", **fields}}]}


def item(**fields: Any) -> Object:
    return secret(items=[{"key": "key", "path": "file", **fields}])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"containers": []}, "containers: Required value"),
        (
            {"initContainers": [container()]},
            'containers[0].name: Duplicate value: "main"',
        ),
        (
            {"containers": [container(), container("Main")]},
            'containers[1].name: Invalid value: "Main"',
        ),
        (
            {"initContainers": [container("fetch", volumeMounts=[mount("none")])]},
            'initContainers[0].volumeMounts[0].name: Not found: "none"',
        ),
        (
            {
                "containers": [container(volumeMounts=[mount("e"), mount("e")])],
                "volumes": [{"name": "e"}],
            },
            'containers[0].volumeMounts[1].mountPath: Invalid value: "/data": must be unique',
        ),
        (
            {"volumes": [{"name": "e"}, {"name": "e"}]},
            'volumes[1].name: Duplicate value: "e"',
        ),
        (
            {"volumes": [{"name": "e", "emptyDir": {}, "secret": {"secretName": "s"}}]},
            "volumes[0].secret: Forbidden: may not specify more than 1 volume type",
        ),
        (secret(secretName=""), "volumes[0].secret.secretName: Required value"),
        (secret(defaultMode=0o1000), "volumes[0].secret.defaultMode: Invalid value: 512"),
        (item(path="../out"), "items[0].path: Invalid value: \"../out\": must not contain '..'"),
        (item(path="/out"), 'items[0].path: Invalid value: "/out": must be a relative path'),
        (item(path="..data"), "items[0].path: Invalid value: \"..data\": must not start with '..'"),
        (item(mode=-1), "items[0].mode: Invalid value: -1"),
    ],
)
async def test_a_spec_that_is_wrong_is_refused_in_pods_and_jobs(
    cluster: Cluster, namespace: str, spec: Object, said: str
) -> None:
    spec = {"containers": [container()], "restartPolicy": "Never"} | spec
    with pytest.raises(ApiError) as failure:
        await cluster.client.create(PODS, namespace, {"metadata": {"name": "pod"}, "spec": spec})
    assert failure.value.status == 422
    assert said in failure.value.message
    job = {"metadata": {"name": "job"}, "spec": {"template": {"spec": spec}}}
    with pytest.raises(ApiError) as failure:
        await cluster.client.create(JOBS, namespace, job)
    assert failure.value.status == 422
    assert said in failure.value.message
    assert "spec.template.spec." in failure.value.message


async def test_what_is_left_out_of_volumes_is_filled_in(cluster: Cluster, namespace: str) -> None:
    volumes = [
        {"name": "nothing"},
        {"name": "secret", "secret": {"secretName": "s"}},
        {"name": "map", "configMap": {"name": "m", "defaultMode": 0o400}},
    ]
    spec = {"containers": [container()], "volumes": volumes}
    made = await cluster.client.create(PODS, namespace, {"metadata": {"name": "p"}, "spec": spec})
    sources = {volume["name"]: volume for volume in made["spec"]["volumes"]}
    assert sources["nothing"]["emptyDir"] == {}
    assert sources["secret"]["secret"]["defaultMode"] == 0o644
    assert sources["map"]["configMap"]["defaultMode"] == 0o400
