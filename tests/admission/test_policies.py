"""The chart's admission policies let the operator do its work, and nothing else pass."""

from __future__ import annotations

import pytest

from baileys_janitor.api.operations.spec import ACTIONS, BY_DEFAULT
from tests.admission.cases import ALL, Request
from tests.admission.operation_cases import OPERATIONS
from tests.admission.policies import rendered, said
from tests.chart.rendering import render


@pytest.mark.parametrize("request_", (ALL | OPERATIONS).values(), ids=ALL | OPERATIONS)
def test_what_passes_and_what_does_not(request_: Request) -> None:
    messages = said(rendered(), request_)
    if request_.refused:
        assert any(request_.refused in each for each in messages)
    else:
        assert list(messages) == []


def test_every_action_is_granted_by_one_of_the_charts_roles() -> None:
    granted = {
        each["metadata"]["name"].rpartition(".")[2]: set(each["rules"][0]["verbs"])
        for each in render()
        if each["kind"] == "ClusterRole" and each["metadata"]["name"].endswith("operations")
    }
    verbs = {action.lower() for action in ACTIONS}
    assert verbs <= granted["all-operations"]
    assert granted["operations"] & verbs == {action.lower() for action in BY_DEFAULT}
