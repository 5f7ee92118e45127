"""Secrets, as an API server keeps them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.support import Kubectl, Object, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRETS, MAPS = "v1/secrets", "v1/configmaps"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(name: str = "store", **fields: Any) -> Object:
    return {"metadata": {"name": name}, **fields}


async def refused(cluster: Cluster, namespace: str, body: Object, kind: str = SECRETS) -> ApiError:
    with pytest.raises(ApiError) as failure:
        await cluster.client.create(kind, namespace, body)
    return failure.value


async def unchanged(cluster: Cluster, namespace: str, patch: Object, name: str = "store") -> str:
    """What is said of a patch that is refused."""
    before = await cluster.client.get(SECRETS, namespace, name)
    with pytest.raises(ApiError) as failure:
        await cluster.client.patch(SECRETS, namespace, name, patch)
    assert await cluster.client.get(SECRETS, namespace, name) == before
    assert failure.value.status == 422
    return failure.value.message


async def test_plain_text_is_stored_encoded_and_wins_over_data(
    cluster: Cluster, namespace: str
) -> None:
    body = secret(data={"a": encoded("old"), "b": encoded("kept")}, stringData={"a": "new"})
    made = await cluster.client.create(SECRETS, namespace, body)
    assert made["type"] == "Opaque"
    assert made["data"] == {"a": encoded("new"), "b": encoded("kept")}
    assert "stringData" not in made
    patch = {"stringData": {"c": "more"}}
    changed = await cluster.client.patch(SECRETS, namespace, "store", patch)
    assert changed["data"] == made["data"] | {"c": encoded("more")}
    removed = await cluster.client.patch(SECRETS, namespace, "store", {"data": {"a": None}})
    assert set(removed["data"]) == {"b", "c"}


async def test_the_type_of_a_secret_stays(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(SECRETS, namespace, secret())
    said = await unchanged(cluster, namespace, {"type": "example.com/other"})
    assert 'type: Invalid value: "example.com/other": field is immutable' in said


async def test_a_secret_that_is_immutable_keeps_its_data(cluster: Cluster, namespace: str) -> None:
    body = secret(stringData={"key": "value"}, immutable=True)
    await cluster.client.create(SECRETS, namespace, body)
    for patch, field in (
        ({"stringData": {"key": "other"}}, "data"),
        ({"immutable": False}, "immutable"),
        ({"immutable": None}, "immutable"),
    ):
        said = await unchanged(cluster, namespace, patch)
        assert f"{field}: Forbidden: field is immutable when `immutable` is set" in said
    await cluster.client.patch(SECRETS, namespace, "store", {"metadata": {"labels": {"a": "b"}}})
    await cluster.client.delete(SECRETS, namespace, "store")
    await cluster.client.create(SECRETS, namespace, secret(stringData={"key": "other"}))


async def test_a_secret_holds_a_mebibyte(cluster: Cluster, namespace: str) -> None:
    full = {"a": encoded("x" * (1 << 19)), "b": encoded("x" * (1 << 19))}
    await cluster.client.create(SECRETS, namespace, secret("full", data=full))
    failure = await refused(cluster, namespace, secret(data={**full, "c": encoded("x")}))
    assert failure.status == 422
    assert "data: Too long: may not be more than 1048576 bytes" in failure.message


@pytest.mark.parametrize("key", ["a/b", "..data", "..", ".", "", "a b", "x" * 254])
async def test_a_key_can_be_a_file_name(cluster: Cluster, namespace: str, key: str) -> None:
    failure = await refused(cluster, namespace, secret(data={key: encoded("x")}))
    assert failure.status == 422
    assert f"data[{key}]: Invalid value" in failure.message


async def test_data_is_base64(cluster: Cluster, namespace: str) -> None:
    failure = await refused(cluster, namespace, secret(data={"key": "no base64!"}))
    assert failure.status == 400
    assert "illegal base64 data" in failure.message


async def test_a_secret_of_a_known_type_has_its_keys(cluster: Cluster, namespace: str) -> None:
    body = secret(type="kubernetes.io/tls", stringData={"tls.crt": "x"})
    assert "data[tls.key]: Required value" in (await refused(cluster, namespace, body)).message


async def test_a_config_map_that_is_immutable_keeps_its_data(
    cluster: Cluster, namespace: str
) -> None:
    body = {"metadata": {"name": "fixed"}, "data": {"a": "b"}, "immutable": True}
    await cluster.client.create(MAPS, namespace, body)
    with pytest.raises(ApiError) as failure:
        await cluster.client.patch(MAPS, namespace, "fixed", {"data": {"a": "c"}})
    assert "data: Forbidden: field is immutable when `immutable` is set" in failure.value.message


async def test_kubectl_makes_edits_and_shows_secrets(kubectl: Kubectl) -> None:
    await kubectl("create", "secret", "generic", "store", "--from-literal=key=value")
    shown = await kubectl("get", "secret", "store", "-o", "jsonpath={.data.key} {.type}")
    assert shown.out == f"{encoded('value')} Opaque"
    await kubectl("patch", "secret", "store", "-p", '{"stringData": {"key": "other"}}')
    described = await kubectl("describe", "secret", "store")
    assert "key:  5 bytes" in described.out
    assert "other" not in described.out

    async def listed() -> bool:
        return (await kubectl("get", "secrets")).rows[1][:3] == ["store", "Opaque", "1"]

    await until(listed)
    await kubectl("delete", "secret", "store")
