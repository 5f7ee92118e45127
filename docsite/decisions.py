"""Writes the index of docs/decisions: `python -m docsite.decisions`.

With `--check` nothing is written, and the exit code is 1 if the index is not current.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final, NamedTuple

DIRECTORY: Final = Path(__file__).resolve().parent.parent / "docs" / "decisions"
TEMPLATE: Final = "template.md"
_MARK: Final = "<!-- The table is written by `make generate`. -->\n"
_NAME: Final = re.compile(r"(\d{4}-\d{2}-\d{2})-[a-z0-9-]+\.md")


class Decision(NamedTuple):
    """One page: when it was decided, its title, and its file's name."""

    date: str
    title: str
    name: str


def decisions(directory: Path = DIRECTORY) -> list[Decision]:
    """Return the decisions of a directory, the newest first.

    Raises:
        ValueError: a file's name has no date, or its first line is no heading.
    """
    found = []
    for path in directory.glob("*.md"):
        if path.name in (TEMPLATE, "README.md"):
            continue
        named = _NAME.fullmatch(path.name)
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        if named is None or not first.startswith("# "):
            raise ValueError(
                f"{path.name}: a decision is YYYY-MM-DD-name.md and begins with # and a title"
            )
        title = re.sub(r" \(\d{4}-\d{2}-\d{2}\)$", "", first.removeprefix("# ").strip())
        found.append(Decision(named[1], title, path.name))
    return sorted(found, key=lambda each: (each.date, each.name), reverse=True)


def with_table(page: str, found: list[Decision]) -> str:
    """Return the index with its table regenerated."""
    above = page.partition(_MARK)[0]
    rows = [f"| {each.date} | [{each.title}]({each.name}) |\n" for each in found]
    return f"{above}{_MARK}\n| decided | what |\n|---|---|\n{''.join(rows)}"


def main(arguments: list[str]) -> int:
    """Write the index, or check that it is current."""
    index = DIRECTORY / "README.md"
    page = index.read_text(encoding="utf-8")
    fresh = with_table(page, decisions())
    if "--check" not in arguments:
        index.write_text(fresh, encoding="utf-8")
    elif page != fresh:
        sys.stderr.write("docs/decisions/README.md is not current\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
