"""Values that the docs show are values that the chart takes, and what they render is valid for Kubernetes."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.generate import values_schema
from tests.chart.rendering import CHART, NAMESPACE, POLICIES, RELEASE, ROOT, helms, parsed, render
from tests.chart.schemas import validate

Object = dict[str, Any]

PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*"),
        ROOT / "README.md",
        CHART / "README.md",
    ]
)
NAMES = {
    name
    for name, node in values_schema()["properties"].items()
    if "Not a value" not in node.get("description", "")
}


def _lines(page: Path) -> list[str]:
    """The lines of a page, each command on one."""
    return page.read_text().replace("\\\n", " ").splitlines() if page.is_file() else []


def _documents(page: Path) -> list[Any]:
    text = page.read_text() if page.is_file() else ""
    if page.suffix == ".md":
        blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.S | re.M)
    else:
        blocks = [text] if page.suffix in {".yaml", ".yml"} else []
    found: list[Any] = []
    for block in blocks:
        try:
            found += yaml.safe_load_all(block)
        except yaml.YAMLError:
            continue  # a template, or only a part
    return found


def _shown(page: Path) -> list[Object]:
    """The values that a page shows: documents all of whose names are the chart's."""
    found = [each for each in _documents(page) if isinstance(each, dict) and each]
    return [each for each in found if "kind" not in each and set(each) <= NAMES]


SHOWN = {
    f"{page.relative_to(ROOT)}-{number}": values
    for page in PAGES
    for number, values in enumerate(_shown(page))
}


def _set(line: str) -> list[str]:
    """The arguments of a command that set values."""
    words = shlex.split(line.split(" #")[0])
    flags = ("--set", "--set-string", "--set-json")
    found: list[str] = []
    for flag, value in itertools.pairwise(words):
        if flag in flags:
            found += [flag, value]
    return found


COMMANDS = {
    f"{page.relative_to(ROOT)}: {line.strip()[:60]}": _set(line.strip())
    for page in PAGES
    for line in _lines(page)
    if re.match(r"\s*helm (install|upgrade|template)", line) and "--set" in line
}


def _validate(objects: list[Object]) -> None:
    for found in objects:
        if found["kind"] != "CustomResourceDefinition" and not found["apiVersion"].startswith(
            "monitoring.coreos.com/"
        ):
            validate(found)


def test_the_docs_show_values_and_commands() -> None:
    assert len(SHOWN) >= 4
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("name", SHOWN)
def test_values_that_the_docs_show_are_taken(name: str) -> None:
    _validate(render(**SHOWN[name]))


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_that_the_docs_show_are_taken(name: str) -> None:
    command = [helms()[0], "template", RELEASE, str(CHART), "-n", NAMESPACE]
    command += ["--api-versions", POLICIES, *COMMANDS[name]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _validate([each for each in parsed(done.stdout) if each])
