"""The linter of words looks at prose alone, and knows its own list."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docsite import words
from docsite.words import WORDS, Linter, vocabulary

LINTER = Linter([("bears?( the)?", "has"), (r"e\.g\.", "such as"), ("fares?", "state")])
FENCED = "```sh\nit bears this\n```\n\n`bears` [a](bears.md) https://bears.example\n"
EXAMPLES = "| instead of | write |\n|---|---|\n| it bears | it has |\n\n"


def found(text: str) -> list[tuple[int, str, str]]:
    return [tuple(each) for each in LINTER.python(text)]


def test_words_of_a_page_are_named_with_their_lines_and_the_plain_ones() -> None:
    page = "A Job\nbears the name, e.g. of\nhow it Fares\n"
    assert LINTER.page(page) == [
        (2, "bears the", "has"),
        (2, "e.g.", "such as"),
        (3, "Fares", "state"),
    ]


@pytest.mark.parametrize("page", [FENCED, EXAMPLES, "welfare, bearskin\n"])
def test_code_and_examples_of_a_page_are_no_prose(page: str) -> None:
    assert LINTER.page(page) == []


def test_what_follows_code_and_examples_is_prose_again() -> None:
    assert LINTER.page(FENCED + "it bears\n")[0].line == 6
    assert LINTER.page(EXAMPLES + "it bears\n")[0].line == 5


def test_docstrings_and_comments_are_prose_and_other_strings_are_not() -> None:
    text = (
        '"""First line.\n\nThis bears."""\nbears = "it bears"  # it bears\n\n\n'
        'def f():\n    """Return `bears`, and\n    fare."""\n'
    )
    assert found(text) == [(3, "bears", "has"), (4, "bears", "has"), (9, "fare", "state")]


def test_the_list_has_expressions_and_plain_words_that_it_does_not_forbid() -> None:
    pairs = vocabulary(WORDS.read_text())
    linter = Linter(pairs)
    assert len(pairs) > 15
    for word, plain in pairs:
        assert re.compile(word)
        assert plain
        assert linter.page(plain) == []


def test_a_word_in_a_checkout_ends_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(words, "ROOT", tmp_path)
    (tmp_path / "operator").mkdir()
    (tmp_path / "README.md").write_text("Plain.\n")
    assert words.main() == 0
    (tmp_path / "operator" / "a.py").write_text("# the heart of it\n")
    assert words.main() == 1
    assert capsys.readouterr().out.startswith("operator/a.py:1: 'heart': write ")
