"""Specs of key stores: what the API server refuses, what the operator refuses, and the sentences of both."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.api.keystores.merge import effective_store
from baileys_janitor.api.keystores.spec import KeyStoreSpec
from baileys_janitor.api.names import API_VERSION, STORE_KIND, STORE_PLURAL
from tests.api.rest import CRDS, Api, Refused

STORES = f"/apis/{API_VERSION}/namespaces/default/{STORE_PLURAL}"
CONNECTION = {"secretName": "whatsapp-db"}

ACCEPTED: dict[str, dict[str, Any]] = {
    "least": {},
    "whole": {
        "keys": {
            "preset": "NamedRows",
            "table": 'app."Session"',
            "columns": {"session": "sessionId", "updated": "", "zone": "Asia/Kolkata"},
            "updatedOnEveryWrite": True,
        },
        "credentials": {"row": "creds", "encoding": "JsonTextTwice"},
        "mode": "DryRun",
        "retention": {"sessionMaxAge": "45d", "senderKeyMaxAge": "1d"},
        "maxRemovals": {"percent": 100, "rows": 1},
        "schedule": {"scanInterval": "1h", "dailyCleanup": "30 4 * * 1-5", "timeZone": "UTC"},
        "schema": "janitor",
        "undoWindow": "0s",
        "limits": {"batch": 1, "pause": "0ms", "statementTimeout": "1ms", "duration": "10s"},
        "warnAbove": 1,
    },
    "no tables": {"undo": "None", "memory": "None"},
    "no daily cleanup": {"schedule": {"dailyCleanup": "Never"}},
    "counted": {"keys": {"preset": "SessionBlob"}, "mode": "Observe"},
}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no secret": ({"connection": {}}, "connection.secretName", "equired"),
    "secret in capitals": (
        {"connection": {"secretName": "DB"}},
        "connection.secretName",
        "lower-case",
    ),
    "key with a slash": (
        {"connection": {**CONNECTION, "key": "a/b"}},
        "connection.key",
        "give a key of a Secret",
    ),
    "preset": ({"keys": {"preset": "Mongo"}}, "keys.preset", "KeyTypeColumn"),
    "encoding": ({"credentials": {"encoding": "Blob"}}, "credentials.encoding", "JsonTextTwice"),
    "mode": ({"mode": "Delete"}, "mode", "DryRun"),
    "blob": ({"keys": {"preset": "SessionBlob"}}, "mode", "Observe"),
    "blob enforced": ({"keys": {"preset": "SessionBlob"}, "mode": "Enforce"}, "mode", "Observe"),
    "no archive": ({"undo": "None"}, "undo", "memory None, too"),
    "age": ({"retention": {"sessionMaxAge": "5m"}}, "retention.sessionMaxAge", "1h"),
    "percent": ({"maxRemovals": {"percent": 0}}, "maxRemovals.percent", "1"),
    "rows": ({"maxRemovals": {"rows": 5001}}, "maxRemovals.rows", "5000"),
    "interval": ({"schedule": {"scanInterval": "5s"}}, "schedule.scanInterval", "1m"),
    "cron": ({"schedule": {"dailyCleanup": "every night"}}, "schedule.dailyCleanup", "minute"),
    "a day that never comes": (
        {"schedule": {"dailyCleanup": "0 3 31 2 *"}},
        "schedule.dailyCleanup",
        "month",
    ),
    "zone": ({"schedule": {"timeZone": "Mars/Base"}}, "schedule.timeZone", "IANA"),
    "schema": ({"schema": "Janitor-1"}, "schema", "lower-case"),
    "window": ({"undoWindow": "31d"}, "undoWindow", "30d"),
    "batch": ({"limits": {"batch": 0}}, "limits.batch", "1"),
    "pause": ({"limits": {"pause": "1m"}}, "limits.pause", "50ms"),
    "no timeout": (
        {"limits": {"statementTimeout": "0s"}},
        "limits.statementTimeout",
        "1ms or more",
    ),
    "no wait": ({"limits": {"lockTimeout": "0ms"}}, "limits.lockTimeout", "1ms or more"),
    "duration": ({"limits": {"duration": "2h"}}, "limits.duration", "50m"),
    "warning": ({"warnAbove": 0}, "warnAbove", "1"),
}


def resource(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": STORE_KIND,
        "metadata": {"name": "main", "namespace": "default"},
        "spec": {"connection": CONNECTION, **spec},
    }


def stored(api: Api, spec: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = api.request("POST", f"{STORES}?fieldValidation=Strict", resource(spec))
    api.request("DELETE", f"{STORES}/main")
    return result


def test_the_definition_is_structural_and_within_the_cost_budget(api: Api) -> None:
    found = api.request("GET", f"{CRDS}/{STORE_PLURAL}.janitor.baileys.dev")

    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_spec_is_stored_as_it_was_written_and_gives_settings(
    api: Api, name: str
) -> None:
    written = resource(ACCEPTED[name])["spec"]

    assert stored(api, ACCEPTED[name])["spec"] == written
    assert effective_store(OperatorConfig(), written, "main").access.secret == "whatsapp-db"


@pytest.mark.parametrize("name", REFUSED)
def test_the_api_server_refuses_in_words_that_name_the_field(api: Api, name: str) -> None:
    spec, field, words = REFUSED[name]

    with pytest.raises(Refused) as refusal:
        stored(api, spec)

    assert refusal.value.code == 422
    assert field.rpartition(".")[2] in refusal.value.message
    assert words in refusal.value.message


@pytest.mark.parametrize("name", REFUSED)
def test_the_operator_refuses_in_one_sentence_that_names_the_field(name: str) -> None:
    spec, field, words = REFUSED[name]

    with pytest.raises(InvalidTenant) as refusal:
        effective_store(OperatorConfig(), {"connection": CONNECTION, **spec}, "main")

    assert refusal.value.field == f"spec.{field}"
    assert refusal.value.message.startswith(f"spec.{field}")
    assert words in refusal.value.message
    assert refusal.value.message.endswith(".")
    assert "\n" not in refusal.value.message


def test_the_ceiling_of_the_operator_holds() -> None:
    config = OperatorConfig.model_validate({"modeCeiling": "DryRun"})

    found = effective_store(config, {"connection": CONNECTION, "mode": "Enforce"}, "main")

    assert found.shared.mode == "DryRun"


FIELDS = sorted(field.alias or name for name, field in KeyStoreSpec.model_fields.items())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_whatever_stands_in_a_spec_is_used_or_refused_in_one_sentence(spec: dict[str, Any]) -> None:
    try:
        effective_store(OperatorConfig(), {"connection": CONNECTION, **spec}, "main")
    except InvalidTenant as refusal:
        told = refusal.message
        assert told.startswith("spec.")
        assert "\n" not in told
        assert len(told) < 1000
