"""The demo beside another one, and in a directory of any name."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.demo import stage as stages
from sandbox.demo.__main__ import introduce
from sandbox.demo.stage import Stage
from tests.docs.pages import ROOT


def test_a_second_demo_leaves_the_first_ones_directory_alone(tmp_path: Path) -> None:
    home = tmp_path / ".demo"
    with stages.free_home(home) as first:
        (first / "volumes").mkdir()
        with stages.free_home(home) as second, stages.free_home(home) as third:
            assert [each.name for each in (first, second, third)] == [".demo", ".demo-2", ".demo-3"]
            assert (first / "volumes").is_dir()
    with stages.free_home(home) as again:
        assert again == first
        assert not (again / "volumes").exists(), "what an earlier demo left is gone"


def test_what_the_demo_prints_is_shell_in_a_path_with_spaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(tmp_path / "it's a path")
    stage.volumes.mkdir(parents=True)
    introduce(Console(width=300), stage)
    lines = capsys.readouterr().out.split("In another terminal\n")[1].splitlines()
    (export,) = (line for line in lines if "export KUBECONFIG=" in line)
    shown = f'{export}\nprintf "%s\\n" "$KUBECONFIG"'
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout == f"{stage.kubeconfig}\n"
    for line in lines:
        assert subprocess.run(["bash", "-n", "-c", line]).returncode == 0
    assert len([line for line in lines if re.match(r" +(kubectl|export|curl|ls|tail) ", line)]) > 8


def test_a_virtual_environment_without_pip_is_made_anew(tmp_path: Path) -> None:
    """What remains of a first try on a machine without ensurepip: a Python, and no pip."""
    venv = tmp_path / ".venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    (venv / "python").chmod(0o755)
    made = tmp_path / "made"
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\necho "$@" >> "{made}"\ncase "$2" in venv) exit 1;; esac\n')
    python.chmod(0o755)
    command = ["make", "-f", ROOT / "Makefile", "setup", f"PYTHON={python}"]
    for name in ("requirements", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "-m venv --clear .venv" in made.read_text()
    assert "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / ".venv").exists(), "nothing half made is left for the next try"
