"""The chart's admission policies let the operator do its work, and nothing else pass."""

from __future__ import annotations

import pytest

from tests.admission.cases import ALL, Request
from tests.admission.policies import rendered, said


@pytest.mark.parametrize("request_", ALL.values(), ids=ALL)
def test_what_passes_and_what_does_not(request_: Request) -> None:
    messages = said(rendered(), request_)
    if request_.refused:
        assert any(request_.refused in each for each in messages)
    else:
        assert list(messages) == []
