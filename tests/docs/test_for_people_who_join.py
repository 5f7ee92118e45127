"""What helps people to join names files, packages and commands that exist."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from docsite import decisions
from docsite.subject import fault
from tests.alerts.commands import targets
from tests.docs.pages import ROOT

CODE = ROOT / "operator" / "baileys_janitor"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
HOSTED = ROOT / ".github"


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no checkout")
    return done.stdout.splitlines()


def test_every_line_of_codeowners_is_about_files_that_exist() -> None:
    lines = [line.split() for line in (HOSTED / "CODEOWNERS").read_text().splitlines()]
    owned = [words for words in lines if words and words[0] != "#"]
    files = tracked()
    for pattern, *owners in owned:
        assert all(re.fullmatch(r"@baileys-janitor/[a-z]+", owner) for owner in owners)
        path = pattern.removeprefix("/")
        assert any(name.startswith(path) or fnmatch.fnmatch(name, path) for name in files), pattern


def test_every_package_stands_in_a_table_of_the_architecture() -> None:
    packages = {path.parent.name for path in CODE.glob("*/__init__.py")}
    inside = {path.parent.name for path in CODE.glob("controller/*/__init__.py")}
    inside |= {path.stem for path in CODE.glob("controller/*.py")} - {"__init__"}
    said = {
        word.rstrip("/")
        for row in re.findall(r"^\| (`.*?) \|", ARCHITECTURE, re.MULTILINE)
        for word in re.findall(r"`([a-z_]+/?)`", row)
    }
    assert packages - said == set()
    assert inside - said == set()


@pytest.mark.parametrize(
    "workflow", sorted(HOSTED.glob("workflows/*.yml")), ids=lambda path: path.name
)
def test_a_workflow_calls_targets_that_exist_with_the_least_rights(workflow: Path) -> None:
    text = workflow.read_text()
    said: dict[str, Any] = yaml.safe_load(text)
    assert said["permissions"] in ({"contents": "read"}, {}), "a job that needs more says so itself"
    for job in said["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            for name in re.findall(r"\bmake (?:-s )?([a-z][a-z-]*)", step.get("run", "")):
                assert name in targets(), name
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w-]+/[\w/-]+@(v\d+|release/v\d+)", action), (
            "pinned by its major tag"
        )


def test_the_matrix_begins_with_the_oldest_python_that_is_allowed() -> None:
    said = yaml.safe_load((HOSTED / "workflows" / "test.yml").read_text())
    pythons = said["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={pythons[0]}"' in (ROOT / "pyproject.toml").read_text()
    assert re.search(r"python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text())[1] in pythons  # type: ignore[index]


@pytest.mark.parametrize(
    "form", sorted(HOSTED.glob("ISSUE_TEMPLATE/*.yml")), ids=lambda path: path.name
)
def test_a_form_for_issues_has_fields_that_people_can_fill_in(form: Path) -> None:
    said: dict[str, Any] = yaml.safe_load(form.read_text())
    if form.name == "config.yml":
        assert said["blank_issues_enabled"] is False
        return
    assert said.keys() == {"name", "description", "labels", "body"}
    fields = [part for part in said["body"] if part["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) > 1
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_hooks_call_what_a_checkout_has() -> None:
    said = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    for hook in said["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        program, first = hook["entry"].split()[:2]
        assert first in targets() if program == "make" else (ROOT / program).exists()
    assert [each["repo"] for each in said["repos"]] == ["local"], "nothing is fetched"


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ("jobs: scan early only tenants that would otherwise need a Job", True),
        ("cli, docs: name the option\n\nBecause it was not to be found.", True),
        ('Revert "jobs: scan early"', True),
        ("Update", False),
        ("jobs: ends with a full stop.", False),
        ("jobs: " + "x" * 67, False),
        ("jobs: says why in the next line\nwhich is no body", False),
        ("# a comment of git's\n", False),
    ],
)
def test_a_subject_says_where_and_what(message: str, right: bool) -> None:
    assert (fault(message) is None) == right


def test_a_decision_has_a_date_and_a_title(tmp_path: Path) -> None:
    (tmp_path / "template.md").write_text("# A sentence\n")
    (tmp_path / "2026-11-22-one.md").write_text("# One (2026-11-22)\n")
    (tmp_path / "2026-11-23-two.md").write_text("# Two\n")
    found = decisions.decisions(tmp_path)
    assert [(each.date, each.title) for each in found] == [
        ("2026-11-23", "Two"),
        ("2026-11-22", "One"),
    ]
    (tmp_path / "three.md").write_text("# Three\n")
    with pytest.raises(ValueError, match=r"three\.md"):
        decisions.decisions(tmp_path)
