"""The website has every page, and every link of every page leads somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from docsite.stage import REPOSITORY, BrokenLink, links, on_site, page_of_site, sources, stage
from tests.docs.pages import ROOT

MKDOCS = ROOT / ".tools" / "site"
KNOWN = {
    "docs/rules.md": "rules.md",
    "docs/runbooks/a.md": "runbooks/a.md",
    "docs/report.png": "report.png",
}


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without the functions that it names."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def configuration() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader)
    return found


def in_nav(entries: list[Any]) -> list[str]:
    """The pages of the navigation, in order."""
    return [
        page
        for entry in entries
        for value in (entry.values() if isinstance(entry, dict) else [entry])
        for page in (in_nav(value) if isinstance(value, list) else [value])
    ]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as the repository's host and the website make them."""
    text = re.sub(r"^( *)```.*?^\1```", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each) for each in headings)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in plain}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site") / "docs"
    stage(directory)
    return directory


def test_every_page_is_in_the_navigation_once() -> None:
    pages = {site for site in sources().values() if site.endswith(".md")}
    reached_by_an_index = {p for p in pages if re.match(r"(decisions|runbooks)/(?!README)", p)}
    named = [page for page in in_nav(configuration()["nav"]) if "://" not in page]
    assert len(named) == len(set(named))
    assert pages - reached_by_an_index == set(named) - reached_by_an_index, (
        "add it to nav in mkdocs.yml"
    )


def test_the_readme_leads_to_every_page_of_the_navigation() -> None:
    readme = {
        on_site(link, "README.md", sources() | {"README.md": "index.md"}, "main")
        for link in links((ROOT / "README.md").read_text())
    }
    named = {page for page in in_nav(configuration()["nav"]) if "://" not in page}
    assert named - {link.partition("#")[0] for link in readme} == {"index.md"}


def test_every_link_and_anchor_of_the_site_exists(staged: Path) -> None:
    texts = {path: path.read_text() for path in staged.rglob("*.md")}
    heads = {path: anchors(text) for path, text in texts.items()}
    missing = []
    for path, text in texts.items():
        for link in links(text):
            target, _, anchor = link.partition("#")
            if "://" in target:
                continue
            there = path if not target else Path(os.path.normpath(path.parent / target))
            if not there.exists() or (anchor and anchor not in heads.get(there, ())):
                missing.append(f"{path.relative_to(staged)}: {link}")
    assert missing == []
    assert len(texts) > 100


def test_a_page_that_is_no_markdown_is_copied_as_it_is(staged: Path) -> None:
    for name in ("report.png", "one-server/compose.yaml", "gitops/health.lua"):
        assert (staged / name).read_bytes() == (ROOT / "docs" / name).read_bytes()


@pytest.mark.parametrize(
    ("link", "page", "leads_to"),
    [
        ("rules.md#ages", "docs/runbooks/a.md", None),
        ("../rules.md#ages", "docs/runbooks/a.md", "../rules.md#ages"),
        ("runbooks/a.md", "docs/rules.md", "runbooks/a.md"),
        ("../README.md", "docs/rules.md", "index.md"),
        ("#ages", "docs/rules.md", "#ages"),
        ("https://example.org/a#b", "docs/rules.md", "https://example.org/a#b"),
        ("../Makefile", "docs/rules.md", f"{REPOSITORY}/blob/v1/Makefile"),
        ("../tests/docs/", "docs/rules.md", f"{REPOSITORY}/tree/v1/tests/docs"),
        ("../../outside", "docs/rules.md", None),
    ],
)
def test_a_link_leads_to_the_page_or_else_to_the_repository(
    link: str, page: str, leads_to: str | None
) -> None:
    if leads_to is None:
        with pytest.raises(BrokenLink, match="there is no"):
            on_site(link, page, KNOWN, "v1")
    else:
        assert on_site(link, page, KNOWN, "v1") == leads_to


def test_links_in_code_are_no_links() -> None:
    text = "`[a](nowhere.md)` and ``[b](nowhere.md)``\n\n```sh\necho '[c](nowhere.md)'\n```\n\n[d](rules.md)\n"
    assert list(links(text)) == ["rules.md"]
    assert page_of_site(text, "docs/rules.md", KNOWN, "v1") == text


LIST = """\
1. One:

   ```sh
   make
     deep
   ```

   More

2. Two
lazily goes on
   so

Text
   as it is
"""
INDENTED = """\
1. One:

    ```sh
    make
      deep
    ```

    More

2. Two
lazily goes on
    so

Text
   as it is
"""


def test_what_belongs_to_an_item_is_indented_as_the_generator_wants_it() -> None:
    assert page_of_site(LIST, "docs/rules.md", KNOWN, "v1") == INDENTED
    fence = "- a\n\n```yaml\nlist:\n  - b\n   c\n```\n"
    assert page_of_site(fence, "docs/rules.md", KNOWN, "v1") == fence


def test_the_website_builds_without_a_warning(staged: Path, tmp_path: Path) -> None:
    if not MKDOCS.is_dir():
        pytest.skip("no MkDocs: `make site` puts it into .tools")
    settings = tmp_path / "mkdocs.yml"
    text = (ROOT / "mkdocs.yml").read_text()
    text = text.replace(".site/docs", str(staged)).replace(".site/html", str(tmp_path / "html"))
    settings.write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "--quiet",
            "build",
            "--strict",
            "--config-file",
            str(settings),
        ],
        env=os.environ | {"PYTHONPATH": str(MKDOCS), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "html" / "architecture" / "index.html").read_text()
    assert page.count('<pre class="mermaid">') == 3
    assert "undo-cleanup" in (tmp_path / "html" / "search" / "search_index.json").read_text()
