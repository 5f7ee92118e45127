"""Every reason code is explained, here and on the page for operators."""

from __future__ import annotations

from pathlib import Path

import pytest

from baileys_janitor.policy import reasons

RULES = Path(__file__).parents[2] / "docs" / "rules.md"


@pytest.mark.parametrize("code", sorted(reasons.EXPLANATIONS))
def test_a_code_is_a_word_with_a_sentence(code: str) -> None:
    assert code.isalpha()
    assert code[0].isupper()
    assert reasons.explain(code).endswith(".")


@pytest.mark.parametrize("code", sorted(reasons.EXPLANATIONS))
def test_the_page_for_operators_explains_each_code(code: str) -> None:
    assert f"| `{code}` | {reasons.explain(code)} |" in RULES.read_text()


def test_an_unknown_code_explains_itself() -> None:
    assert reasons.explain("SomethingNew") == "SomethingNew"


def test_no_code_has_two_meanings() -> None:
    parts = (reasons.REMOVED, reasons.KEPT, reasons.REFUSED)
    assert sum(map(len, parts)) == len(reasons.EXPLANATIONS)
