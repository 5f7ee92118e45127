"""What a definition makes of its objects: defaults, pruning, refusals."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox import Cluster
from sandbox.client import ApiError
from tests.sandbox.support import DEFINITION, Kubectl, Object, text, thing, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
NO_RULES = "some validation rules were not checked because the object was invalid"
THINGS = "example.dev/v1/things"
CRDS = "apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"claim": None}, "spec.claim: Required value"),
        ({"mode": "C"}, 'spec.mode: Unsupported value: "C": supported values: "A", "B"'),
        ({"claim": "abcdefghijk"}, "spec.claim: Too long: may not be more than 10 bytes"),
        (
            {"claim": "A1"},
            "spec.claim: Invalid value: \"A1\": spec.claim in body should match '^[a-z]+$'",
        ),
        (
            {"claim": 5},
            (
                'spec.claim: Invalid value: "integer": spec.claim in body must be of type string: '
                '"integer"'
            ),
        ),
        (
            {"low": 0},
            "spec.low: Invalid value: 0: spec.low in body should be greater than or equal to 1",
        ),
        (
            {"high": 101},
            "spec.high: Invalid value: 101: spec.high in body should be less than or equal to 100",
        ),
        ({"tags": ["a", "b", "c", "d"]}, "spec.tags: Too many: 4: must have at most 3 items"),
        ({"tags": ["toolong"]}, "spec.tags[0]: Too long: may not be more than 5 bytes"),
        ({"low": 9, "high": 3}, "spec: Invalid value: low must be below high"),
    ],
)
async def test_what_is_not_valid_is_refused_in_the_api_servers_words(
    kubectl: Kubectl, spec: dict[str, Any], said: str
) -> None:
    value = thing(**spec)
    value["spec"] = {k: v for k, v in value["spec"].items() if v is not None}
    refused = await kubectl("create", "-f", "-", given=text(value), fails=True)
    assert refused.err.startswith('The Thing "acme" is invalid: ')
    words = refused.err.partition(": ")[2].strip()
    # After some kinds of error no rule is asked, which is said as well.
    assert [line.removeprefix("* ") for line in words.splitlines() if NO_RULES not in line] == [
        said
    ]
    blocking = ("Required", "Unsupported", "Too long", "Too many", "must be of type")
    assert (NO_RULES in words) is any(word in said for word in blocking)


async def test_all_that_is_wrong_is_said_at_once(kubectl: Kubectl) -> None:
    refused = await kubectl("create", "-f", "-", given=text(thing(mode="C", low=0)), fails=True)
    header, *causes = refused.err.strip().splitlines()
    assert header == 'The Thing "acme" is invalid: '
    assert sorted(cause for cause in causes if NO_RULES not in cause) == [
        "* spec.low: Invalid value: 0: spec.low in body should be greater than or equal to 1",
        '* spec.mode: Unsupported value: "C": supported values: "A", "B"',
    ]


async def test_a_rule_may_compare_with_what_was(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(THINGS, namespace, thing("one"))
    value = thing("fixed")
    value["spec"]["name"] = "first"
    await cluster.client.create(THINGS, namespace, value)
    with pytest.raises(ApiError) as refused:
        await cluster.client.patch(THINGS, namespace, "fixed", {"spec": {"name": "second"}})
    assert refused.value.status == 422
    assert 'spec.name: Invalid value: "second": name is immutable' in refused.value.message


async def test_unknown_fields_are_pruned_unless_the_writer_is_strict(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    created = await cluster.client.create(THINGS, namespace, thing("loose", bogus=1))
    assert "bogus" not in created["spec"]
    strict = await kubectl("create", "-f", "-", given=text(thing("tight", bogus=1)), fails=True)
    assert 'strict decoding error: unknown field "spec.bogus"' in strict.err
    refused = await kubectl("apply", "-f", "-", given=text(thing("loose", bogus=1)), fails=True)
    assert "The request is invalid: patch: Invalid value: " in refused.err
    assert 'strict decoding error: unknown field "spec.bogus"' in refused.err
    warned = await kubectl(
        "create", "--validate=warn", "-f", "-", given=text(thing("warned", bogus=1))
    )
    assert 'unknown field "spec.bogus"' in warned.err


async def test_defaults_are_stored(cluster: Cluster, namespace: str) -> None:
    created = await cluster.client.create(THINGS, namespace, thing())
    assert created["spec"]["mode"] == "A"
    assert created["status"] == {"observedGeneration": -1}


async def test_status_is_written_through_its_subresource_alone(
    cluster: Cluster, namespace: str
) -> None:
    value = thing() | {"status": {"level": "Smuggled"}}
    created = await cluster.client.create(THINGS, namespace, value)
    assert created["status"] == {"observedGeneration": -1}
    body: Object = {"status": {"level": "Smuggled"}, "spec": {"mode": "B"}}
    patched = await cluster.client.patch(THINGS, namespace, "acme", body)
    assert patched["status"] == {"observedGeneration": -1}
    assert patched["metadata"]["generation"] == 2
    body = {
        "status": {"level": "Healthy"},
        "spec": {"mode": "A"},
        "metadata": {"labels": {"a": "b"}},
    }
    patched = await cluster.client.patch(THINGS, namespace, "acme", body, sub="status")
    assert patched["status"]["level"] == "Healthy"
    assert patched["spec"]["mode"] == "B"
    assert "labels" not in patched["metadata"]
    assert patched["metadata"]["generation"] == 2


async def test_a_status_is_validated_too(cluster: Cluster, namespace: str) -> None:
    await cluster.client.create(THINGS, namespace, thing())
    body = {"status": {"last": "yesterday"}}
    with pytest.raises(ApiError) as refused:
        await cluster.client.patch(THINGS, namespace, "acme", body, sub="status")
    assert "status.last" in refused.value.message
    assert "must be of type date-time" in refused.value.message


async def test_what_was_valid_once_may_stay(cluster: Cluster, namespace: str) -> None:
    definition = copy.deepcopy(DEFINITION)
    definition["metadata"]["name"] = "olds.example.dev"
    definition["spec"]["names"] = {"plural": "olds", "kind": "Old"}
    await cluster.client.create(CRDS, "", definition)
    await until(lambda: cluster.client.select("example.dev/v1/olds"))
    olds = "example.dev/v1/olds"
    await cluster.client.create(olds, namespace, {**thing(high=90), "kind": "Old"})
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["high"]["maximum"] = 10
    body = {"spec": {"versions": definition["spec"]["versions"]}}
    await cluster.client.patch(CRDS, "", "olds.example.dev", body)

    async def tightened() -> bool:
        try:
            await cluster.client.create(olds, namespace, {**thing("new", high=90), "kind": "Old"})
        except ApiError as error:
            return error.status == 422
        await cluster.client.delete(olds, namespace, "new")
        return False

    await until(tightened)
    patched = await cluster.client.patch(olds, namespace, "acme", {"spec": {"mode": "B"}})
    assert patched["spec"]["high"] == 90
    await cluster.client.delete(CRDS, "", "olds.example.dev")


async def test_deleting_a_definition_deletes_its_objects(
    cluster: Cluster, namespace: str, kubectl: Kubectl
) -> None:
    definition = copy.deepcopy(DEFINITION)
    definition["metadata"]["name"] = "briefs.example.dev"
    definition["spec"]["names"] = {"plural": "briefs", "kind": "Brief"}
    await kubectl("apply", "-f", "-", given=text(definition))
    await kubectl("wait", "--for=condition=Established", "crd/briefs.example.dev")
    await until(lambda: cluster.client.select("example.dev/v1/briefs"))
    await cluster.client.create("example.dev/v1/briefs", namespace, {**thing(), "kind": "Brief"})
    await kubectl("delete", "crd", "briefs.example.dev", "--timeout=120s")
    with pytest.raises(ApiError) as gone:
        await cluster.client.select("example.dev/v1/briefs")
    assert gone.value.status == 404


async def test_a_definition_that_cannot_be_served_is_refused(cluster: Cluster) -> None:
    definition = copy.deepcopy(DEFINITION)
    definition["metadata"]["name"] = "wrong.example.dev"
    with pytest.raises(ApiError) as refused:
        await cluster.client.create(CRDS, "", definition)
    assert 'must be spec.names.plural+"."+spec.group' in refused.value.message
