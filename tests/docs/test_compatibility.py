"""The page of what is compatible names what the tests, the chart and the workflow name, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from tests.chart.rendering import helms
from tests.chart.test_rendering import VERSIONS
from tests.docs.pages import ROOT
from tests.keystore.server import OTHERS, PINNED
from tests.real import forks, sessions

PAGE = (ROOT / "docs" / "compatibility.md").read_text()


def rows(title: str) -> dict[str, list[str]]:
    """The rows of the table below a heading, by their first cell; two of the same name are joined."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^\| (.+) \|$", section, re.MULTILINE):
        name, *cells = re.split(r" \| ", line)
        found.setdefault(name, []).extend(cells)
    return found


def versions_of(tool: Path) -> set[tuple[str, str]]:
    """The packages that a tool in Node.js writes sessions with: name and version."""
    asked: dict[str, str] = json.loads((tool / "package.json").read_text())["dependencies"]
    wanted = {(name, version) for name, version in asked.items() if name != "pg"}
    return {
        (match[1], match[2])
        if (match := re.fullmatch(r"npm:(.+)@(.+)", version))
        else (name, version)
        for name, version in wanted
    }


def test_the_page_lists_the_libraries_that_write_sessions() -> None:
    said = set(re.findall(r"^\| `(@?[\w/-]+)` \| (\S+) \|", PAGE, re.MULTILINE))
    assert said == versions_of(sessions.TOOL) | versions_of(forks.TOOL)


def test_the_page_names_fixtures_that_exist() -> None:
    named = re.findall(
        r"`(\w+)`", " ".join(re.findall(r"fixtures? (`.*?) \|$", PAGE, re.MULTILINE))
    )
    assert set(named) <= set(sessions.scenarios())
    assert set(sessions.scenarios()) - set(named) == {"warning", "critical"}, "healthy to emergency"


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`((?:tests|\.github)/[\w./]+)`", PAGE)
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_page_names_the_versions_of_kubernetes_that_the_chart_is_checked_for() -> None:
    chart = yaml.safe_load((ROOT / "charts/baileys-janitor/Chart.yaml").read_text())
    said, _ = rows("Kubernetes, Helm, Python, PostgreSQL")["Kubernetes"]
    assert said == f"{VERSIONS[0]} to {VERSIONS[-1]}"
    assert chart["kubeVersion"] == f">={VERSIONS[0]}.0-0"


def test_the_page_names_the_versions_of_helm_that_render_the_chart() -> None:
    said, _ = rows("Kubernetes, Helm, Python, PostgreSQL")["Helm"]
    assert said == "3 and 4"
    for helm in helms():
        run = [helm, "version", "--template", "{{.Version}}"]
        found = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        assert re.fullmatch(r"v[34]\..*", found)


def test_the_page_names_the_pythons_of_the_workflow_and_of_the_image() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text())
    pythons = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    said, proof = rows("Kubernetes, Helm, Python, PostgreSQL")["Python"]
    assert said == f"{pythons[0]} to {pythons[-1]}"
    [image] = re.findall(r"python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text())[-1:]
    assert proof.endswith(f"The image has {image}")


def test_the_page_names_the_servers_that_rows_are_cleaned_on() -> None:
    said, proof = rows("Kubernetes, Helm, Python, PostgreSQL")["PostgreSQL"]
    assert said == f"{min(OTHERS)} to {PINNED}"
    assert sorted({*OTHERS, PINNED}) == [*range(min(OTHERS), PINNED + 1)]
    assert f"{PINNED} is pinned" in proof
    unpacked = re.search(r"^POSTGRES := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert unpacked is not None
    assert [int(each.split(".")[0]) for each in unpacked[1].split()] == [*OTHERS]


def test_the_page_promises_no_restored_session_to_a_library_that_cannot_use_it() -> None:
    promises = rows("What holds for which version")
    cells = promises["A restore from an archive brings contacts' sessions back, closed"]
    assert ["LibraryTooOld" in cell for cell in cells] == [False, False, True, True, True]
    assert {len(each) for each in promises.values()} == {5}
