"""Collects the pages of the website: `python -m docsite.stage DIR [--ref v0.1.0]`.

Pages are written for readers in the repository, and their links start there. The website has docs/, and a few pages
from outside of it. So links are rewritten: to a page of the site if there is one, else to the repository. The output
is plain Markdown, for any generator.
"""

from __future__ import annotations

import argparse
import posixpath
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
REPOSITORY: Final = "https://github.com/baileys-janitor/baileys-janitor"
FROM_OUTSIDE: Final = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "charts/baileys-janitor/README.md": "chart.md",
}
"""Pages outside docs/, by their path in the repository, and their names on the site."""
_HOME: Final = {"README.md": "index.md"}
"""Links to the README lead to the home page, which is a separate page of the site."""
_LINK: Final = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_CODE: Final = re.compile(
    r"^( *)(```+).*?^\1\2`*$|(`+)(?!`).+?(?<!`)\3(?!`)", re.MULTILINE | re.DOTALL
)
_ITEM: Final = re.compile(r"(?:[-*]|\d+\.) +(?=\S)")
_INDENT: Final = 4
"""The indentation that Python-Markdown requires for a list's content; GitHub accepts the width of the marker."""


class BrokenLink(Exception):  # noqa: N818 - what it is
    """A link to a file that does not exist."""


def sources(root: Path = ROOT) -> dict[str, str]:
    """Return each file of the site by its path in the repository, with its path on the site."""
    below = root / "docs"
    files = [
        path.relative_to(root).as_posix() for path in sorted(below.rglob("*")) if path.is_file()
    ]
    return {name: name.removeprefix("docs/") for name in files} | FROM_OUTSIDE


def links(text: str) -> Iterator[str]:
    """Yield the targets of a page's links and images, except those in code."""
    for part, is_code in _parts(text):
        if not is_code:
            yield from _LINK.findall(part)


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    end = 0
    for code in _CODE.finditer(text):
        yield text[end : code.start()], False
        yield code[0], True
        end = code.end()
    yield text[end:], False


def on_site(link: str, page: str, known: dict[str, str], ref: str, root: Path = ROOT) -> str:
    """Return a page's link rewritten for the site. `page` is the page's path in the repository.

    Raises:
        BrokenLink: it leads to a file that is not in the repository.
    """
    target, mark, anchor = link.partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return link
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
    index = posixpath.join(path, "README.md")
    named = (known | _HOME).get(path) or known.get(index)
    if named is None:
        if path.startswith("..") or not (root / path).exists():
            raise BrokenLink(f"{page}: there is no {target}")
        kind = "tree" if (root / path).is_dir() else "blob"
        return f"{REPOSITORY}/{kind}/{ref}/{path}{mark}{anchor}"
    here = posixpath.dirname(known[page]) or "."
    return posixpath.relpath(named, here) + mark + anchor


def page_of_site(text: str, page: str, known: dict[str, str], ref: str, root: Path = ROOT) -> str:
    """Return a page's text with its links and lists rewritten for the site."""

    def rewritten(found: re.Match[str]) -> str:
        return on_site(found[1], page, known, ref, root)

    parts = (part if code else _LINK.sub(rewritten, part) for part, code in _parts(text))
    return _indented("".join(parts))


def _indented(text: str) -> str:
    """Indent the content of list items as Python-Markdown requires."""
    width, fence = 0, ""
    out: list[str] = []
    for line in text.splitlines(keepends=True):
        opened = re.match(r"( *)(```+)", line)
        if not fence and (item := _ITEM.match(line)):
            width = len(item[0])
        elif width and line.startswith(" " * width):
            line = " " * max(0, _INDENT - width) + line
        elif line.strip() and not fence:
            # A continuation line without an indent still belongs to the item, unless a blank line precedes it.
            width = width if out and out[-1].strip() and not opened and line[0] != "#" else 0
        if opened:
            fence = "" if fence else opened[2]
        out.append(line)
    return "".join(out)


def stage(directory: Path, ref: str = "main", root: Path = ROOT) -> list[Path]:
    """Write the site's pages into a directory, replacing its content; return their paths.

    Raises:
        BrokenLink: a page links to a file that does not exist.
    """
    known = sources(root)
    pages = {
        site: page_of_site((root / name).read_text(encoding="utf-8"), name, known, ref, root)
        for name, site in known.items()
        if name.endswith(".md")
    }
    shutil.rmtree(directory, ignore_errors=True)
    for name, site in known.items():
        path = directory / site
        path.parent.mkdir(parents=True, exist_ok=True)
        if site in pages:
            path.write_text(pages[site], encoding="utf-8")
        else:
            shutil.copyfile(root / name, path)
    return [directory / site for site in known.values()]


def main() -> None:
    """Stage the pages."""
    parser = argparse.ArgumentParser(prog="python -m docsite.stage", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument(
        "--ref", default="main", help="the branch or tag that links to the repository name"
    )
    arguments = parser.parse_args()
    try:
        stage(arguments.directory, arguments.ref)
    except BrokenLink as broken:
        parser.exit(1, f"{broken}\n")


if __name__ == "__main__":
    main()
