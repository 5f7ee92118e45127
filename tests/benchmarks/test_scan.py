"""The race of the command line: real directories in their shape, and contenders that see the same files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from baileys_janitor.policy.files.file_kinds import KINDS, OTHER, classify
from baileys_janitor.policy.files.identity import PAIRED, read_identity
from benchmarks import document, fleet, machine, scan

Object = dict[str, Any]
NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fleet")
    fleet.fill(root, 3, NOW)
    return root


def output(*command: object) -> Object:
    done = subprocess.run([*map(str, command)], capture_output=True, check=True)
    found: Object = json.loads(done.stdout)
    return found


def test_a_directory_has_two_hundred_files_of_every_kind_that_the_library_writes(
    root: Path,
) -> None:
    kinds = [classify(path.name)[0] for path in (root / "company_2").iterdir()]
    assert len(kinds) == fleet.FILES
    assert set(kinds) == set(KINDS) - {OTHER}
    identity = read_identity((root / "company_2/creds.json").read_bytes())
    assert identity.state == PAIRED
    assert identity.knows_lid


def test_no_two_directories_have_the_same_contacts(root: Path) -> None:
    first, second = (
        {path.name for path in (root / f"company_{number}").glob("session-*")} for number in (1, 2)
    )
    assert len(first) == fleet.SESSIONS
    assert not first & second


@pytest.mark.parametrize("script", ["scan.py", "scan.mjs"])
def test_a_script_counts_the_files_and_bytes_that_the_janitor_counts(
    root: Path, script: str
) -> None:
    program = sys.executable if script.endswith(".py") else shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed")
    theirs = output(program, scan.HERE / "naive" / script, root)
    ours = output(*scan.COMMAND, "scan", root, "-o", "json")["summary"]
    sums = [
        tuple(each.values()) if isinstance(each, dict) else each
        for each in theirs["byKind"].values()
    ]
    assert theirs["directories"] == ours["directories"] == 3
    assert sum(files for files, _ in sums) == ours["total"] == 3 * fleet.FILES
    assert sum(size for _, size in sums) == ours["bytes"]


def race(cpu: float, wall: float, peak: float) -> Object:
    figures = {
        name: {"wallMs": 1.0, "cpuMs": 2.0, "peakMiB": peak} for name in (scan.OURS, scan.NODE)
    }
    server = {"directories": 1_000, "files": 200_000, "figures": figures}
    server |= {"ratios": {scan.NODE: {"cpu": cpu, "wall": wall}}}
    return {"server": server, "commands": server | {"ratios": {}}, "machine": machine.described()}


def test_a_scan_that_costs_more_than_the_script_misses_its_target() -> None:
    assert [each.met for each in scan.verdicts(race(1.0, 1.01, 38.0))] == [True, False, True]
    assert [each.met for each in scan.verdicts(race(1.2, 0.9, 38.2))] == [False, True, False]


def test_without_node_only_the_memory_is_judged() -> None:
    found = race(1.0, 1.0, 30.0)
    found["server"]["ratios"] = {}
    assert [each.met for each in scan.verdicts(found)] == [None, None, True]


def test_the_page_says_what_was_missed() -> None:
    found = race(1.3, 1.0, 30.0)
    found["targets"] = [each.row() for each in scan.verdicts(found)]
    lines = "\n".join(document.server_section(found))
    assert "CPU to that of a Node.js script | 1 | 1.30, **missed** |" in lines
    assert "| scan 200,000 | janitor scan | 1.00 | 2.00 | 30 | - |" in lines
