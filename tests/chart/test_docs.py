"""The threat model cites tests that exist, and links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chart.rendering import ROOT

PAGES = [
    *(
        ROOT / "docs" / page
        for page in (
            "architecture.md",
            "install.md",
            "gitops.md",
            "notifications.md",
            "threat-model.md",
            "upgrading.md",
        )
    ),
    *sorted((ROOT / "docs" / "runbooks").glob("*.md")),
    ROOT / "charts" / "baileys-janitor" / "README.md",
]


def test_every_test_that_the_threat_model_cites_exists() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text()
    code = "\n".join(each.read_text() for each in (ROOT / "tests").glob("*/**/test_*.py"))
    cited = set(re.findall(r"`(test_[a-z_]+)`", page))
    assert len(cited) > 15
    assert [each for each in sorted(cited) if f"def {each}(" not in code] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    linked = [page.parent / each for each in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [ROOT / each for each in re.findall(r"`(tests/[\w/.-]+)`", text)]
    assert [str(each) for each in linked + named if not each.exists()] == []


def test_no_page_loses_the_new_charts_defaults() -> None:
    """`--reuse-values` keeps the old chart's defaults, as docs/upgrading.md warns."""
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "charts").rglob("*.md"), ROOT / "README.md"]
    for page in pages:
        for line in page.read_text().splitlines():
            if line.lstrip().startswith("helm"):
                assert " --reuse-values" not in line, f"{page.name}: {line}"


def test_every_module_that_the_architecture_names_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "operator" / "baileys_janitor"
    # What lies in a package of its own is called by its place in that.
    places = (ROOT, package, *(each for each in package.iterdir() if each.is_dir()))
    named = set(re.findall(r"`([a-z_]+/[a-z_/]*)(?:\.\w+)*`", page))
    named |= set(re.findall(r"\b((?:api|job|jobs|schedule|status|tenants|events)/[a-z_]+)", page))
    assert len(named) > 40
    missing = [
        name
        for name in sorted(named)
        if not any((place / name).is_dir() or (place / f"{name}.py").exists() for place in places)
    ]
    assert missing == []
