"""What a watch knows of directories is in the report, and that none runs is no secret."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.sessions import company, janitor
from tests.report.conftest import Run


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions that a watch has looked after for one round, and its state beside them."""
    root = tmp_path_factory.mktemp("watched")
    company(root / "sessions", "acme", "old")
    company(root / "sessions", "shop", "prekeys")
    done = janitor("watch", root / "sessions", "--once", "--state", root / "state.json")
    assert done.code == 0, done.err
    return root


def answers(run: Run, root: Path, state: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    document = json.loads(run("report", root / "sessions", "--state", state, "-o", "json").out)
    checks = [*document["checks"]["success"], *document["checks"]["weekly"]]
    return document, {each["id"]: each for each in checks}


def test_a_watch_that_works_is_seen(root: Path, run: Run) -> None:
    document, found = answers(run, root, root / "state.json")
    assert document["watch"]["works"] is True
    assert {each["monitored"] for each in document["sessions"]} == {True}
    assert found["allMonitored"]["answer"] == found["automation"]["answer"] == "Good"
    assert [each["name"] for each in document["sessions"] if each["nextCleanup"]]


def test_a_directory_that_it_does_not_know_is_named(root: Path, run: Run, tmp_path: Path) -> None:
    state = json.loads((root / "state.json").read_text())
    known = {path: each for path, each in state["directories"].items() if "acme" not in path}
    (tmp_path / "state.json").write_text(json.dumps({**state, "directories": known}))
    _, found = answers(run, root, tmp_path / "state.json")
    assert found["allMonitored"]["answer"] == "Attention"
    assert "acme" in found["allMonitored"]["text"]
    assert "shop" not in found["allMonitored"]["text"]


def test_a_watch_that_has_ended_is_told(root: Path, run: Run, tmp_path: Path) -> None:
    state = json.loads((root / "state.json").read_text())
    old = {**state, "written": time.time() - 3 * 86_400}
    (tmp_path / "state.json").write_text(json.dumps(old))
    document, found = answers(run, root, tmp_path / "state.json")
    assert document["watch"]["works"] is False
    assert found["automation"]["answer"] == found["allMonitored"]["answer"] == "Attention"
    assert "3 days ago" in found["automation"]["text"]


def test_a_run_that_only_the_watch_knows_is_in_its_history(
    root: Path, run: Run, tmp_path: Path
) -> None:
    state = json.loads((root / "state.json").read_text())
    for known in state["directories"].values():
        known["status"]["history"] = [
            {
                "run": "r1",
                "time": "2026-01-01T03:00:00Z",
                "reason": "Daily",
                "outcome": "NothingToDo",
            }
        ]
        known["status"]["growthPerDay"] = 2.5
    (tmp_path / "state.json").write_text(json.dumps(state))
    document, _ = answers(run, root, tmp_path / "state.json")
    assert {each["growthPerDay"] for each in document["sessions"]} == {2.5}
    assert all("r1" in [run["run"] for run in each["runs"]] for each in document["sessions"])


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": 1, "directories": {"/x": 3}}'])
def test_a_state_that_cannot_be_read_is_one_sentence_or_nothing(
    root: Path, run: Run, tmp_path: Path, text: str
) -> None:
    (tmp_path / "state.json").write_text(text)
    done = run("report", root / "sessions", "--state", tmp_path / "state.json")
    assert done.code == (0 if "/x" in text else 1)
    assert len(done.err.splitlines()) == done.code
    assert run("report", root / "sessions", "--state", tmp_path / "no.json").code == 1
