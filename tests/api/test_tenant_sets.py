"""The spec of a set of tenants: what is refused, by the API server's rules and by the operator's."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.api.names import API_VERSION, SET_KIND, SET_PLURAL
from baileys_janitor.api.tenant_sets.spec import Claims
from baileys_janitor.controller.tenant_sets.record import effective_set
from tests.api.rest import Api, Refused

DIRECTORIES: dict[str, Any] = {"directories": {"claimName": "bots"}}


def claims(**labels: str) -> dict[str, Any]:
    return {"claims": {"selector": {"matchLabels": labels}}}


def expressions(*listed: dict[str, Any], **labels: str) -> dict[str, Any]:
    both = {"matchLabels": labels} if labels else {}
    return {"claims": {"selector": {**both, "matchExpressions": list(listed)}}}


def test_labels_and_expressions_become_one_query() -> None:
    source = expressions(
        {"key": "tier", "operator": "In", "values": ["gold", "silver"]},
        {"key": "team", "operator": "NotIn", "values": ["web"]},
        {"key": "example.dev/session", "operator": "Exists"},
        {"key": "example.dev/retired", "operator": "DoesNotExist"},
        app="bot",
    )

    found = effective_set(OperatorConfig(), {"source": source}).source

    assert isinstance(found, Claims)
    assert found.selector.query() == (
        "app=bot,tier in (gold,silver),team notin (web),example.dev/session,!example.dev/retired"
    )


def test_what_is_left_unset_is_careful() -> None:
    found = effective_set(OperatorConfig(), {"source": DIRECTORIES})

    assert not found.wanted.confirmed
    assert not found.wanted.deletes
    assert (found.wanted.limit, found.wanted.new_per_day, found.interval) == (500, 50, 300)
    assert found.template == {}


def test_a_template_is_a_tenants_spec_and_another_one_has_another_hash() -> None:
    template = {"mode": "DryRun", "retention": {"sessionMaxAge": "7d"}}

    found = effective_set(OperatorConfig(), {"source": DIRECTORIES, "template": template})
    other = effective_set(OperatorConfig(), {"source": DIRECTORIES})

    assert found.template == template
    assert found.wanted.template != other.wanted.template
    assert found.shared.mode == "DryRun"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({}, "spec.source"),
        ({"source": {}}, "spec.source: give one of directories and claims."),
        ({"source": {**DIRECTORIES, **claims(a="b")}}, "give one of directories and claims."),
        ({"source": {"directories": {"claimName": "B"}}}, "spec.source.directories.claimName"),
        ({"source": {"directories": {"claimName": "b", "path": "../x"}}}, "remove"),
        ({"source": claims(a="b,c!=d")}, "has a label that no claim can have"),
        ({"source": claims(**{"a=b,c": "d"})}, "has a label that no claim can have"),
        ({"source": {"claims": {"selector": {}}}}, "chooses nothing: give matchLabels"),
        ({"source": {"claims": {"selector": {"matchLabels": {}}}}}, "is empty: give at least 1."),
        ({"source": expressions({"key": "a", "operator": "In"})}, "has no values: In and NotIn"),
        (
            {"source": expressions({"key": "a", "operator": "Exists", "values": ["b"]})},
            "has values, which are for In and NotIn",
        ),
        (
            {"source": expressions({"key": "a", "operator": "In", "values": ["b),x"]})},
            "has a label that no claim can have",
        ),
        (
            {"source": expressions({"key": "-a", "operator": "Exists"})},
            "has a label that no claim can have",
        ),
        ({"source": expressions({"key": "a", "operator": "Gt"})}, "choose 'In'"),
        ({"source": {"directories": {"claimName": "b", "pattern": "../*"}}}, 'remove ".."'),
        ({"source": DIRECTORIES, "limit": 1001}, "spec.limit"),
        ({"source": DIRECTORIES, "interval": "5s"}, "spec.interval"),
        ({"source": DIRECTORIES, "whenGone": "Purge"}, "spec.whenGone"),
        (
            {"source": DIRECTORIES, "template": {"thresholds": {"warning": 172}}},
            "spec.template.thresholds",
        ),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidTenant) as refused:
        effective_set(OperatorConfig(), spec)

    assert sentence in refused.value.message


SETS = f"/apis/{API_VERSION}/namespaces/default/{SET_PLURAL}"


def stored(api: Api, source: dict[str, Any]) -> dict[str, Any]:
    body = {"apiVersion": API_VERSION, "kind": SET_KIND, "spec": {"source": source}}
    named = body | {"metadata": {"generateName": "test-"}}
    found: dict[str, Any] = api.request("POST", f"{SETS}?fieldValidation=Strict", named)
    api.request("DELETE", f"{SETS}/{found['metadata']['name']}")
    return found


def test_the_api_server_takes_a_selector_of_claims_and_refuses_one_that_chooses_nothing(
    api: Api,
) -> None:
    wanted = expressions({"key": "tier", "operator": "In", "values": ["gold"]})
    assert stored(api, wanted)["spec"]["source"] == wanted
    for wrong, words in (
        ({"claims": {"selector": {}}}, "matchLabels, matchExpressions or both"),
        (expressions({"key": "a", "operator": "In"}), "values belongs to the operators"),
    ):
        with pytest.raises(Refused, match=words):
            stored(api, wrong)
