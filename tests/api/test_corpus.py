"""What the operator makes of the corpus of accepted and refused resources."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.config_file import load_config
from baileys_janitor.api.config.merge import InvalidTenant, effective
from baileys_janitor.api.spec import TenantSpec
from baileys_janitor.api.values.patterns import IN_WORDS
from tests.api.corpus_files import ACCEPTED, CORPUS, OPERATOR, REFUSED, ROOT, SCHEMA, expected

EXAMPLES = {
    f"{path.stem}-{number}": document
    for path in sorted((ROOT / "examples").glob("*.yaml"))
    for number, document in enumerate(yaml.safe_load_all(path.read_text()))
    if document.get("kind") == "BaileysTenant"
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_resource_gives_settings_to_work_with(name: str) -> None:
    found = effective(OperatorConfig(), ACCEPTED[name]["spec"], name)

    assert found.claim_name == ACCEPTED[name]["spec"]["volume"]["claimName"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_settings_to_work_with(name: str) -> None:
    effective(OperatorConfig(), EXAMPLES[name]["spec"], name)


def test_the_example_of_a_configuration_loads() -> None:
    config = load_config(ROOT / "examples" / "operator-config.yaml", {})

    found = effective(config, {"volume": {"claimName": "data"}}, "acme")
    assert found.times.time_zone == "America/Sao_Paulo"


@pytest.mark.parametrize("name", [n for n, r in REFUSED.items() if expected(r, OPERATOR)])
def test_a_refused_resource_is_refused_in_one_sentence_that_names_the_field(name: str) -> None:
    with pytest.raises(InvalidTenant) as refusal:
        effective(OperatorConfig(), REFUSED[name].get("spec"), name)

    message = refusal.value.message
    assert expected(REFUSED[name], OPERATOR) in message
    assert refusal.value.field in message
    assert message.startswith("spec.")
    assert message.endswith(".")
    assert "\n" not in message


@pytest.mark.parametrize("name", [n for n, r in REFUSED.items() if not expected(r, OPERATOR)])
def test_what_only_the_api_server_refuses_does_not_stop_the_operator(name: str) -> None:
    effective(OperatorConfig(), REFUSED[name]["spec"], name)


def test_every_refused_resource_says_who_refuses_it() -> None:
    silent = [n for n, r in REFUSED.items() if not (expected(r, SCHEMA) or expected(r, OPERATOR))]

    assert silent == []


def test_every_resource_is_named_after_its_file() -> None:
    for name, resource in (ACCEPTED | REFUSED).items():
        assert resource["metadata"]["name"] == name


def test_the_corpus_and_the_examples_are_there() -> None:
    assert len(list(CORPUS.glob("*/*.yaml"))) > 90
    assert len(EXAMPLES) >= 3


def test_every_form_that_a_text_must_have_is_told_in_words() -> None:
    patterns = re.findall(r'"pattern": "([^"]+)"', json.dumps(TenantSpec.model_json_schema()))
    known = {json.dumps(form)[1:-1] for form in IN_WORDS}

    assert patterns
    assert set(patterns) <= known
