"""The package as people install it: the wheel, paths that no shebang holds, pipx and uv, and how much comes along."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from baileys_janitor import __version__, extras
from tests.alerts.commands import blocks
from tests.cli.sessions import company, environment

ROOT = Path(__file__).resolve().parents[2]
INSTALLERS = ROOT / ".tools" / "installers"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [made] = directory.glob("*.whl")
    return made


def base() -> dict[str, metadata.Distribution]:
    """The distributions of an install without extras, by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [extras.PACKAGE]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        wanted = map(Requirement, found[name].requires or [])
        waiting += [
            each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})
        ]
    return found


def test_the_base_install_is_small() -> None:
    names = set(base())
    assert len(names) <= 14, sorted(names)
    heavy = {"aiohttp", "apprise", "kopf", "kubernetes", "requests", "cryptography", "psycopg"}
    assert not names & heavy


def test_the_wheel_has_what_it_needs_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "baileys_janitor/cli/schema/output.v1.json" in names
    assert [name for name in names if name.endswith("/data/share/man/man1/baileys-janitor.1")]
    assert not [name for name in names if re.search(r"(^|/)(tests|sandbox|benchmarks)/", name)]
    [entries] = [name for name in names if name.endswith("entry_points.txt")]
    said = zipfile.ZipFile(wheel).read(entries).decode()
    assert "baileys-janitor = baileys_janitor.__main__:run" in said
    assert "kubectl-baileys = baileys_janitor.cli.plugin.main:run" in said
    assert "kubectl_complete-baileys = baileys_janitor.cli.plugin.main:run_completion" in said
    assert "baileys_janitor/api/schema/statuses.json" in names


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment whose path has spaces and is too long for a shebang; the base install alone."""
    parent = tmp_path_factory.mktemp("a directory with spaces") / ("long" * 30)
    environment_ = parent / "my tools"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment_)], check=True)
    [site] = environment_.glob("lib/python*/site-packages")
    for name, distribution in base().items():
        if name == extras.PACKAGE:
            continue
        for top in {Path(str(file)).parts[0] for file in distribution.files or []} - {
            "..",
            "__pycache__",
        }:
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    pip = [sys.executable, "-m", "pip", "--python", str(environment_ / "bin" / "python")]
    alone = ["--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "install", *alone, str(wheel)], check=True)
    return environment_ / "bin" / "baileys-janitor"


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *words], env=environment(), capture_output=True, text=True, cwd="/"
    )


def test_the_command_works_from_a_path_with_spaces_that_is_too_long_for_a_shebang(
    installed: Path, tmp_path: Path
) -> None:
    assert len(str(installed)) > 127
    session = company(tmp_path, "1", "old")
    done = run(installed, "scan", str(session))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Emergency" in done.stdout
    assert run(installed, "--version").stdout == f"baileys-janitor {__version__}\n"


def test_an_extra_that_is_missing_there_is_told_with_a_line_that_names_the_wheel(
    installed: Path, wheel: Path
) -> None:
    done = run(installed, "operator")
    assert done.returncode == 2
    said, _, line = done.stderr.partition(": The operator needs the extra `operator`: ")
    assert said == "Error"
    assert shlex.split(line) == [
        *("uv", "pip", "install", "--python", str(installed.parent / "python")),
        f"{wheel}[operator]",
    ]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """The variables with which pipx and uv keep to a directory, and install without an index."""
    if not INSTALLERS.is_dir():
        pytest.skip("no pipx and uv: `make unit` puts them into .tools")
    wheels = str(INSTALLERS / "wheels")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pipx", "uv"):
        (programs / name).symlink_to(INSTALLERS / "venv" / "bin" / name)
    settings = tmp_path / "uv.toml"
    settings.write_text(f"no-index = true\nfind-links = [{json.dumps(wheels)}]\n")
    return {
        "HOME": str(tmp_path),
        "PATH": f"{programs}:{tmp_path}/.local/bin:{Path(sys.executable).parent}:/usr/bin:/bin",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels,
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "UV_CONFIG_FILE": str(settings),
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }


def lines() -> list[str]:
    """The lines of the README that install the command."""
    text = (ROOT / "README.md").read_text()
    found = [line.split("#")[0].strip() for block in blocks(text) for line in block.splitlines()]
    return [line for line in found if re.match(r"(pipx|uv tool) install ", line)]


def test_the_readme_names_pipx_and_uv() -> None:
    assert [line.split()[0] for line in lines()] == ["pipx", "uv"]


@pytest.mark.parametrize("program", ["pipx", "uv"])
def test_the_readmes_line_installs_a_command_that_works(
    program: str, home: dict[str, str], tmp_path: Path
) -> None:
    [line] = [line for line in lines() if line.startswith(program)]
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, env=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    session = company(tmp_path, "1", "old")
    command = tmp_path / ".local" / "bin" / "baileys-janitor"
    assert "Emergency" in run(command, "scan", str(session)).stdout
    said = run(command, "notify", "test").stderr
    words = shlex.split(said.partition("`notify`: ")[2])
    assert words == [*line.split()[:-1], "--force", f"{ROOT}[notify]"]
