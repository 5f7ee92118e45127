"""What an API server makes of the definition and of the corpus."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from baileys_janitor.api.names import API_VERSION, KIND, PLURAL
from baileys_janitor.api.values import decoding
from tests.api.corpus_files import ACCEPTED, REFUSED, SCHEMA, expected
from tests.api.rest import CRDS, Api, Refused
from tests.api.statuses import FULL_STATUS

TENANTS = f"/apis/{API_VERSION}/namespaces/default/{PLURAL}"
STRICT = "?fieldValidation=Strict"


def stored(api: Api, resource: dict[str, Any]) -> dict[str, Any]:
    """The resource as the server keeps it; gone again afterwards."""
    result: dict[str, Any] = api.request("POST", TENANTS + STRICT, resource)
    api.request("DELETE", f"{TENANTS}/{resource['metadata']['name']}")
    return result


def tenant(name: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"volume": {"claimName": "data"}},
    }


def test_the_definition_is_structural_and_within_the_cost_budget(api: Api) -> None:
    found = api.request("GET", f"{CRDS}/{PLURAL}.janitor.baileys.dev")

    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_resource_is_stored_as_it_was_written(api: Api, name: str) -> None:
    assert stored(api, ACCEPTED[name])["spec"] == ACCEPTED[name]["spec"]


@pytest.mark.parametrize("name", [n for n, r in REFUSED.items() if expected(r, SCHEMA)])
def test_a_refused_resource_is_refused_with_a_message_that_names_the_field(
    api: Api, name: str
) -> None:
    with pytest.raises(Refused) as refusal:
        stored(api, REFUSED[name])

    assert refusal.value.code in (400, 422)
    assert expected(REFUSED[name], SCHEMA) in refusal.value.message


@pytest.mark.parametrize("name", [n for n, r in REFUSED.items() if not expected(r, SCHEMA)])
def test_what_only_the_operator_can_judge_is_stored(api: Api, name: str) -> None:
    assert stored(api, REFUSED[name])["spec"] == REFUSED[name]["spec"]


def test_a_new_resource_has_a_status_that_says_nobody_has_looked(api: Api) -> None:
    assert stored(api, tenant("new"))["status"] == {"observedGeneration": -1}


def test_nothing_is_defaulted_into_a_spec(api: Api) -> None:
    bare = tenant("bare")
    bare["spec"] |= {"thresholds": {}, "retention": {}, "schedule": {}, "job": {"resources": {}}}

    assert stored(api, bare)["spec"] == bare["spec"]


def test_a_whole_status_comes_back_as_it_was_written(api: Api) -> None:
    created = api.request("POST", TENANTS, tenant("whole-status"))
    wire = decoding.status(FULL_STATUS)

    created["status"] = wire
    found = api.request("PUT", f"{TENANTS}/whole-status/status{STRICT}", created)

    assert found["status"] == wire == FULL_STATUS
    api.request("DELETE", f"{TENANTS}/whole-status")


def test_a_column_of_what_lies_ahead_is_text(api: Api) -> None:
    created = api.request("POST", TENANTS, tenant("columns"))
    created["status"] = FULL_STATUS
    api.request("PUT", f"{TENANTS}/columns/status", created)

    table = api.request("GET", f"{TENANTS}/columns", accept=TABLE)
    names = [column["name"].upper() for column in table["columnDefinitions"]]
    row = dict(zip(names, table["rows"][0]["cells"], strict=True))

    narrow = [c["name"].upper() for c in table["columnDefinitions"] if not c["priority"]]
    assert " ".join(narrow) == "NAME LEVEL FILES LIMIT ATTENTION CLEANED READY"
    wide = "AGE AS-OF SINCE REMOVED REASON CLAIM NEXT BACKED-UP RESTORABLE"
    assert " ".join(names[len(narrow) :]) == wide
    assert row["ATTENTION"] == "ThresholdUnreachable"
    assert row["FILES"] == 176
    assert row["NEXT"] == "2126-11-22T12:00:00Z"
    assert (row["READY"], row["REASON"], row["CLAIM"]) == ("True", "Observing", "data")
    api.request("DELETE", f"{TENANTS}/columns")


def test_tenants_are_selected_by_level_attention_and_claim(api: Api) -> None:
    for name, level in (("calm", "Healthy"), ("full", "Critical"), ("fuller", "Critical")):
        created = api.request("POST", TENANTS, tenant(name))
        created["status"] = FULL_STATUS | {"level": level}
        api.request("PUT", f"{TENANTS}/{name}/status", created)

    def names(selector: str) -> list[str]:
        found = api.request("GET", f"{TENANTS}?fieldSelector={quote(selector)}")
        return [each["metadata"]["name"] for each in found["items"]]

    assert names("status.level=Critical") == ["full", "fuller"]
    assert names("status.level!=Critical,spec.volume.claimName=data") == ["calm"]
    assert names("status.attention=ThresholdUnreachable,status.level=Healthy") == ["calm"]
    assert names("spec.volume.claimName=other") == []
    with pytest.raises(Refused, match="not supported"):
        names("status.lastScanTime=now")
    for name in ("calm", "full", "fuller"):
        api.request("DELETE", f"{TENANTS}/{name}")


TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
