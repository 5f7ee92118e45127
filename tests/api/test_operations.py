"""Specs of operations: what an API server takes, what it refuses and in which words, and that none ever changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from baileys_janitor.api.names import API_VERSION, OPERATION_KIND, OPERATION_PLURAL
from baileys_janitor.api.operations.spec import ACTIONS
from baileys_janitor.controller.operations.record import read
from tests.api.rest import CRDS, Api, Refused

Object = dict[str, Any]
OPERATIONS = f"/apis/{API_VERSION}/namespaces/default/{OPERATION_PLURAL}"
NEEDED: dict[str, Object] = {
    "Restore": {"restore": {"repository": "moscow"}},
    "RepairContact": {"repairContact": {"contactSecretName": "whom"}},
}
"""What an action needs besides itself."""

ACCEPTED: dict[str, Object] = {
    **{action: {"action": action, **NEEDED.get(action, {})} for action in ACTIONS},
    "dry run": {"action": "Clean", "dryRun": True},
    "by the emergency rules": {"action": "Clean", "clean": {"emergency": True}},
    "a run": {"action": "Undo", "undo": {"run": "20261128-030000-abcdef"}},
    "no dry run": {"action": "Undo", "dryRun": False},
    "a restore that stops its workload": {
        "action": "Restore",
        **NEEDED["Restore"],
        "quiesce": {"method": "Scale", "workload": {"kind": "Deployment", "name": "bot"}},
    },
}
REFUSED: dict[str, tuple[Object, str, str]] = {
    "no action": ({}, "action", "equired"),
    "unknown action": ({"action": "Delete"}, "action", "Clean"),
    "no tenant": ({"action": "Clean", "tenant": None}, "tenant", "equired"),
    "tenant in capitals": ({"action": "Clean", "tenant": "Acme"}, "tenant", "lower-case"),
    "tenant like an option": ({"action": "Clean", "tenant": "-x"}, "tenant", "lower-case"),
    "tenant elsewhere": ({"action": "Clean", "tenant": "shop/acme"}, "tenant", "lower-case"),
    "escapes in a tenant": ({"action": "Clean", "tenant": "\x1b[2Jacme"}, "tenant", "lower-case"),
    "dry undo": ({"action": "Undo", "dryRun": True}, "spec", "dryRun is for"),
    "a cleanup that stops": ({"action": "Clean", "quiesce": {}}, "spec", "quiesce is for"),
    "a dry run that stops": (
        {"action": "Restore", **NEEDED["Restore"], "dryRun": True, "quiesce": {}},
        "spec",
        "a dry run stops nothing",
    ),
    "undo in a cleanup": ({"action": "Clean", "undo": {}}, "spec", "undo is for"),
    "cleanup in an undo": ({"action": "Undo", "clean": {}}, "spec", "clean is for"),
    "a repair of nobody": ({"action": "RepairContact"}, "spec", "repairContact is for"),
    "a repair in a cleanup": (
        {"action": "Clean", "repairContact": {"contactSecretName": "whom"}},
        "spec",
        "repairContact is for",
    ),
    "a number in a repair": (
        {
            "action": "RepairContact",
            "repairContact": {"contactSecretName": "+44 7700 900123"},
        },
        "contactSecretName",
        "lower-case",
    ),
    "a run that is none": ({"action": "Undo", "undo": {"run": "../x"}}, "run", "lower-case"),
    "a long run": ({"action": "Undo", "undo": {"run": "a" * 33}}, "run", "32"),
}


def resource(spec: Object) -> Object:
    wanted = {"tenant": "acme"} | spec
    return {
        "apiVersion": API_VERSION,
        "kind": OPERATION_KIND,
        "metadata": {"generateName": "test-"},
        "spec": {name: value for name, value in wanted.items() if value is not None},
    }


def stored(api: Api, spec: Object) -> Object:
    found: Object = api.request("POST", OPERATIONS, resource(spec))
    api.request("DELETE", f"{OPERATIONS}/{found['metadata']['name']}")
    return found


def test_the_definition_is_structural_and_within_the_cost_budget(api: Api) -> None:
    found = api.request("GET", f"{CRDS}/{OPERATION_PLURAL}.janitor.baileys.dev")

    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_spec_is_stored_as_it_was_written_and_understood(api: Api, name: str) -> None:
    found = stored(api, ACCEPTED[name])

    assert found["spec"] == resource(ACCEPTED[name])["spec"]
    assert read(found, 0.0).action == ACCEPTED[name]["action"]


@pytest.mark.parametrize("name", REFUSED)
def test_the_api_server_refuses_in_words_that_name_the_field(api: Api, name: str) -> None:
    spec, field, words = REFUSED[name]

    with pytest.raises(Refused) as refusal:
        stored(api, spec)

    assert refusal.value.code == 422
    assert field in refusal.value.message
    assert words in refusal.value.message


def test_operations_are_selected_by_tenant_action_and_phase(api: Api) -> None:
    made = {}
    for tenant, action, phase in (
        ("acme", "Clean", "Failed"),
        ("acme", "Undo", "Working"),
        ("other", "Clean", "Failed"),
    ):
        found = api.request("POST", OPERATIONS, resource({"action": action, "tenant": tenant}))
        url = f"{OPERATIONS}/{found['metadata']['name']}"
        api.request("PUT", f"{url}/status", found | {"status": {"phase": phase}})
        made[found["metadata"]["name"]] = (tenant, action)

    def chosen(selector: str) -> list[tuple[str, str]]:
        found = api.request("GET", f"{OPERATIONS}?fieldSelector={quote(selector)}")
        return sorted(made[each["metadata"]["name"]] for each in found["items"])

    assert chosen("status.phase=Failed") == [("acme", "Clean"), ("other", "Clean")]
    assert chosen("spec.tenant=acme,spec.action=Undo,status.phase!=Failed") == [("acme", "Undo")]
    for name in made:
        api.request("DELETE", f"{OPERATIONS}/{name}")


def test_no_spec_ever_changes(api: Api) -> None:
    found = api.request("POST", OPERATIONS, resource({"action": "Clean"}))
    url = f"{OPERATIONS}/{found['metadata']['name']}"
    labelled = found | {"metadata": found["metadata"] | {"labels": {"team": "shop"}}}

    changed = api.request("PUT", url, labelled)
    with pytest.raises(Refused) as refusal:
        api.request("PUT", url, changed | {"spec": changed["spec"] | {"dryRun": True}})

    assert "create another operation" in refusal.value.message
    api.request("DELETE", url)
