"""The image, as far as it can be told without a container engine: its recipe, its context, what is left out of it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox import Cluster
from sandbox.node.container import ENTRY
from tests.chart.rendering import ROOT
from tests.controller.live.conftest import cluster, kubeconfig, process  # noqa: F401 - fixtures
from tests.controller.live.operators import OperatorProcess
from tests.controller.live.world import World

RECIPE = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text()))
STEPS = [line.split(None, 1) for line in RECIPE.splitlines() if line.strip()]
FINAL = STEPS[max(i for i, step in enumerate(STEPS) if step[0] == "FROM") :]

BLOCK = """
import re, sys
class Removed:
    def find_spec(self, name, path=None, target=None):
        if re.match(r"kubernetes(\\.aio)?\\.client\\.(api|models)\\.", name):
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
sys.meta_path.insert(0, Removed())
"""
"""What the Dockerfile leaves out, left out here."""


def test_the_final_stage_starts_from_nothing_and_runs_nothing() -> None:
    assert FINAL[0] == ["FROM", "scratch"]
    assert {step[0] for step in FINAL} <= {
        "FROM",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "ENTRYPOINT",
        "ARG",
        "LABEL",
    }


def test_it_runs_as_the_user_that_jobs_fall_back_to_with_one_entry_point() -> None:
    said = {step[0]: step[1] for step in FINAL}
    assert said["USER"] == "65532:65532"
    assert said["ENTRYPOINT"] == '["baileys-janitor"]'


def test_dependencies_come_from_pinned_hashes_and_nothing_is_downloaded_besides() -> None:
    installs = [each for _, each in STEPS if "pip install" in each]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert not re.search(r"\bADD\b|curl|wget|apt-get|--mount", RECIPE)


def test_the_base_image_is_pinned_by_its_digest() -> None:
    bases = [rest for op, rest in STEPS if op == "FROM"]
    assert {each.split()[0] for each in bases} == {"${PYTHON_IMAGE}", "scratch"}
    [base] = [rest for op, rest in STEPS if op == "ARG" and rest.startswith("PYTHON_IMAGE=")]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.13\.[0-9]+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)


@pytest.mark.parametrize(
    ("arguments", "builds"),
    [
        ([], True),
        (["BUILD_ARGS=--build-arg PIP_INDEX_URL=x"], True),
        (["BUILD_ARGS=--build-arg PYTHON_IMAGE=base:1@sha256:" + "0" * 64], True),
        (["BUILD_ARGS=--build-arg PYTHON_IMAGE=base:1"], False),
        (["BUILD_ARGS=--build-arg PYTHON_IMAGE=base:1", "UNPINNED=1"], True),
    ],
)
def test_an_image_of_a_base_without_a_digest_is_not_built_by_oversight(
    arguments: list[str], builds: bool
) -> None:
    command = ["make", "--no-print-directory", "image", "ENGINE=echo", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == builds
    assert ("--tag baileys-janitor:" in done.stdout) == builds
    assert ("PYTHON_IMAGE has no digest" in done.stderr) == (not builds)


def test_wheels_that_an_offline_base_holds_do_not_get_in(tmp_path: Path) -> None:
    stage = RECIPE.split(" AS root\n")[1].split("\nFROM ")[0]
    (removal,) = re.findall(r"find / -xdev -type f -name '\*\.whl' -exec rm -f \{\} \+", stage)
    wheels, kept = tmp_path / "the wheels", tmp_path / "usr"
    for directory in (wheels, kept):
        directory.mkdir()
    (wheels / "kopf-1.0-py3-none-any.whl").write_text("large")
    (kept / "python3").write_text("needed")
    inside = removal.replace("find /", "find .", 1)
    subprocess.run(["sh", "-c", inside], cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["python3"]


def allowed() -> list[str]:
    """What .dockerignore lets into the context."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "everything is left out that is not named"
    return [line[1:] for line in lines if line.startswith("!")]


def test_the_context_is_what_the_recipe_copies_and_small() -> None:
    copied = [
        source
        for op, rest in STEPS
        if op == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
    ]
    assert sorted(copied) == sorted(allowed())
    files = [each for name in allowed() for each in [ROOT / name, *(ROOT / name).rglob("*.py")]]
    assert sum(each.stat().st_size for each in files if each.is_file()) < 4_000_000


def test_no_test_and_no_sandbox_gets_in() -> None:
    assert not [name for name in allowed() if re.search(r"test|sandbox|bench", name)]


@pytest_asyncio.fixture(loop_scope="session")
async def world(cluster: Cluster) -> AsyncIterator[World]:  # noqa: F811 - the fixture
    await cluster.client.create("v1/namespaces", "", {"metadata": {"name": "image"}})
    world = World(cluster, "image")
    yield world
    cluster.kubelet.release()
    world.check_sessions()


@pytest.fixture
def trimmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have Python processes do without what the image leaves out; returns where that is said."""
    place = tmp_path / "trimmed"
    place.mkdir()
    (place / "sitecustomize.py").write_text(BLOCK)
    monkeypatch.setenv("PYTHONPATH", str(place))
    return place


@pytest.mark.asyncio(loop_scope="session")
async def test_the_operator_does_its_work_without_what_is_left_out(
    trimmed: Path,
    world: World,
    process: Callable[..., OperatorProcess],  # noqa: F811 - the fixture
) -> None:
    await world.company(world.early_name(), "emergency")
    operator = process()
    await operator.start()
    await world.cleaned(world.early_name())
    assert await operator.terminate() == 0
    assert "not in the image" not in operator.log


def test_what_is_left_out_would_be_missed(trimmed: Path) -> None:
    asked = "from kubernetes.aio.client import V1Lease"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "not in the image" in done.stderr


def test_its_script_is_the_packages_entry_point_and_what_the_sandbox_runs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["baileys-janitor"].partition(":")
    [lines] = re.findall(r"printf '%s\\n' (.+) > /build/bin/baileys-janitor", RECIPE)
    shebang, *entry = shlex.split(lines)
    assert shebang == "#!/usr/local/bin/python3"
    assert entry == [f"from {module} import {function}", f"{function}()"]
    assert "\n".join(entry) == ENTRY
