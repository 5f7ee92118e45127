"""The spec of a set of tenants: what is refused, by the API server's rules and by the operator's."""

from __future__ import annotations

from typing import Any

import pytest

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.controller.tenant_sets.record import effective_set

DIRECTORIES: dict[str, Any] = {"directories": {"claimName": "bots"}}


def claims(**labels: str) -> dict[str, Any]:
    return {"claims": {"selector": {"matchLabels": labels}}}


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
