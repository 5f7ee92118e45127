"""Find words that are not plain: `python -m docsite.words` names each with the plain one and exits with 1.

Reads the pages, and of Python the docstrings and comments. docsite/words.tsv has the words. Code in backquotes or in
blocks, links' addresses and CONTRIBUTING's table of examples are not prose. Standard library only.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WORDS = Path(__file__).with_name("words.tsv")
PYTHON = ("operator", "charts", "docsite", "krew", "release", "sandbox", "benchmarks")
_EXAMPLES = "| instead of | write |"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_CODE = re.compile(r"`[^`\n]*`|\]\([^)\n]*\)|https?://\S+")


class Found(NamedTuple):
    """A word that is not plain, on a line counted from 1."""

    line: int
    word: str
    plain: str


def vocabulary(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a list: a regular expression, and what to write instead."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, plain) for word, _, plain in (line.partition("\t") for line in lines)]


class Linter:
    """Looks for the words of a vocabulary, all at once."""

    def __init__(self, words: list[tuple[str, str]]) -> None:
        self._plain = [plain for _, plain in words]
        groups = "|".join(f"({_ungrouped(word)})" for word, _ in words)
        # A dot that belongs to a word is its end already.
        self._pattern = re.compile(rf"\b(?:{groups})(?:(?<=\.)|\b)", re.IGNORECASE)

    def page(self, text: str) -> list[Found]:
        """Return what is found in a page of Markdown."""
        return list(self._in(list(enumerate(_without_blocks(text), 1))))

    def python(self, text: str) -> list[Found]:
        """Return what is found in docstrings and comments. Parses only where a word is anywhere in the text."""
        if not self._pattern.search(text):
            return []
        return list(self._in(sorted(_prose(text).items())))

    def _in(self, lines: list[tuple[int, str]]) -> Iterator[Found]:
        for number, line in lines:
            for match in self._pattern.finditer(_CODE.sub("`", line)):
                assert match.lastindex is not None
                yield Found(number, match[0], self._plain[match.lastindex - 1])


def _ungrouped(word: str) -> str:
    """Return the expression without numbered groups, so that a group's number is that of its word."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", word)


def _without_blocks(text: str) -> Iterator[str]:
    """Yield a page's lines, empty where they are code or examples of what not to write."""
    fenced = examples = False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        examples = (examples or line == _EXAMPLES) and line.startswith("|")
        fenced ^= fence
        yield "" if fenced or fence or examples else line


def _prose(text: str) -> dict[int, str]:
    """Return the lines of docstrings and comments by their numbers."""
    found = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, _DOCUMENTED) and (said := ast.get_docstring(node, clean=False)):
            found |= enumerate(said.split("\n"), node.body[0].lineno)
    return found


def main() -> int:
    """Print every word that is not plain; return 1 if there is any."""
    linter = Linter(vocabulary(WORDS.read_text()))
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    found = [(path, each) for path in pages for each in linter.page(path.read_text())]
    for directory in PYTHON:
        for path in (ROOT / directory).rglob("*.py"):
            found += [(path, each) for each in linter.python(path.read_text())]
    for path, each in sorted(found):
        sys.stdout.write(
            f"{path.relative_to(ROOT)}:{each.line}: {each.word!r}: write {each.plain}\n"
        )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
