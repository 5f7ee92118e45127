"""Checks before a release that all version numbers and the changelog agree."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from baileys_janitor import __version__
from release.reproducible import ROOT

_SECTION: Final = re.compile(
    r"^## (\S+) - (unreleased|\d{4}-\d{2}-\d{2})\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)


class Section(NamedTuple):
    """A version's part of the changelog: `date` is `unreleased` until it has one."""

    version: str
    date: str
    text: str


def newest(changelog: str) -> Section:
    """Return the newest version's part of a changelog.

    Raises:
        ValueError: there is none of the form `## 1.2.3 - 2026-12-01`.
    """
    found = _SECTION.search(changelog)
    if found is None:
        raise ValueError("CHANGELOG.md has no part `## VERSION - DATE`")
    return Section(found[1], found[2], found[3].strip() + "\n")


def disagreements(tag: str | None = None, root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for each place that names another version than the package. `tag`: the release's Git tag."""
    chart = yaml.safe_load((root / "charts/baileys-janitor/Chart.yaml").read_text(encoding="utf-8"))
    section = newest((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    said = {
        "version in charts/baileys-janitor/Chart.yaml": chart["version"],
        "appVersion in charts/baileys-janitor/Chart.yaml": chart["appVersion"],
        "the newest part of CHANGELOG.md": section.version,
    }
    if tag is not None:
        said["the tag"] = tag.removeprefix("v")
        if section.date == "unreleased":
            yield f"CHANGELOG.md calls {section.version} unreleased: write the date, such as 2026-12-01"
    for where, version in said.items():
        if version != __version__:
            yield f"{where} is {version}, but the package's version is {__version__}"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if "version" not in project["dynamic"]:
        yield "pyproject.toml has a version of its own: leave it to operator/baileys_janitor/__init__.py"


def notes(section: Section) -> str:
    """Return the notes of a release: its changes, and how to verify it."""
    return f"""\
{section.text}
## Verify

`SHA256SUMS` lists every file; `sha256sum --check SHA256SUMS` compares. What the repository's workflow has published is
signed without a key: `docs/releasing.md` has the commands that check signatures and attestations.
"""
