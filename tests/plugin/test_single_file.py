"""The plugin as one file: a bare Python runs it, and krew can install it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from krew import build
from tests.plugin.played import OPERATIONS
from tests.plugin.tenants import Fleet


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    build.main([str(directory), "--url", "https://dl.example.com/v{version}/k.tar.gz"])
    return directory / "kubectl-baileys"


COMMANDS = (
    ["--version"],
    ["status", "-A"],
    ["status", "shop/acme"],
    ["status", "shop/acme", "--incident"],
    ["status", "-A", "-o", "json"],
    ["status", "-A", "-o", "yaml"],
    ["report", "-A"],
    ["report", "-A", "-o", "html"],
    ["support", "shop/acme"],
    ["completion"],
    ["clean", "acme", "-n", "shop"],
    ["top", "--help"],
)
BARE = """
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
from baileys_janitor.cli.main import run_application
from baileys_janitor.cli.plugin.main import PROGRAM, application
import rich.console, rich.live, rich.text
from baileys_janitor.cli.plugin import keys
for words in json.loads(sys.argv[2]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run_application(application, words, PROGRAM)
    print(code, len(out.getvalue()), *words)
"""
"""Runs commands one after the other: what each of them imports later comes from the file, or from nowhere."""


def test_every_command_works_without_an_installed_library(program: Path, fleet: Fleet) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", BARE, str(program), json.dumps(COMMANDS)],
        env={**os.environ, **fleet.variables},
        text=True,
        capture_output=True,
        cwd=program.parent,
    )
    # Others look at the same cluster, and it has no operations for them.
    for one in fleet.select(OPERATIONS, "shop"):
        fleet.remove("shop", one["metadata"]["name"], OPERATIONS)
    said = [line for line in done.stderr.splitlines() if "To see how it ends" not in line]
    assert (done.returncode, said) == (0, [])
    lines = done.stdout.splitlines()
    assert len(lines) == len(COMMANDS)
    for line in lines:
        code, printed, *words = line.split()
        assert (code, int(printed) > 0) == ("0", True), words


def test_it_holds_plain_python_alone_and_no_module_that_is_not_needed(program: Path) -> None:
    assert build.external() - sys.stdlib_module_names == set(build.LIBRARIES)
    with zipfile.ZipFile(program) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
    assert not [name for name in names if "/controller/" in name or "/keystore/" in name]
    assert {name.partition("/")[0] for name in names} == {
        "__main__.py", "baileys_janitor", "click", "licenses", "rich", "yaml",
    }  # fmt: skip
    assert len([name for name in names if name.startswith("licenses/")]) == 3
    assert program.stat().st_size < 2_000_000


def test_an_older_python_is_told(program: Path) -> None:
    source = zipfile.ZipFile(program).read("__main__.py").decode()
    head = source.partition("from baileys_janitor")[0].replace("sys.version_info", "(3, 8, 10)")
    with pytest.raises(SystemExit, match=r"needs Python 3.11 or newer, and python3 is 3.8"):
        exec(compile(head, "__main__", "exec"), {})


def test_the_same_sources_make_the_same_bytes(program: Path) -> None:
    assert build.zipapp() == program.read_bytes()
    packed = program.with_name("kubectl-baileys.tar.gz").read_bytes()
    assert build.archive(program.read_bytes()) == packed


def test_the_manifest_is_what_krew_reads(program: Path) -> None:
    manifest = yaml.safe_load(program.with_name("baileys.yaml").read_text())
    packed = program.with_name("kubectl-baileys.tar.gz").read_bytes()
    assert manifest["kind"] == "Plugin"
    assert manifest["spec"]["version"].startswith("v")
    assert len(manifest["spec"]["shortDescription"]) <= 50
    [platform] = manifest["spec"]["platforms"]
    assert platform["sha256"] == hashlib.sha256(packed).hexdigest()
    assert platform["uri"].startswith("https://dl.example.com/v0")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = {each.name: each for each in archive.getmembers()}
    assert set(members) == {"LICENSE", "kubectl-baileys", "kubectl_complete-baileys"}
    assert members[platform["bin"]].mode & stat.S_IXUSR


def test_kubectl_runs_what_krew_unpacks(program: Path, fleet: Fleet, tmp_path: Path) -> None:
    with tarfile.open(program.with_name("kubectl-baileys.tar.gz")) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "kubectl").symlink_to(fleet.programs / "kubectl")
    (tmp_path / "python3").symlink_to(sys.executable)
    path = f"{tmp_path}:/usr/bin:/bin"
    environment = {**fleet.variables, "PATH": path, "PYTHONHOME": ""}
    environment.pop("PYTHONHOME")
    done = subprocess.run(
        [str(tmp_path / "kubectl"), "baileys", "status", "-A", "-o", "name"],
        env=environment, text=True, capture_output=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "baileystenant.janitor.baileys.dev/acme" in done.stdout
    offered = subprocess.run(
        [str(tmp_path / "kubectl"), "__complete", "baileys", "status", "shop/a"],
        env=environment, text=True, capture_output=True,
    )  # fmt: skip
    assert offered.stdout == "shop/acme\n:4\n"
    assert sysconfig.get_python_version() >= "3.11"
