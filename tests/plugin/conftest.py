"""A sandbox in a process of its own, tenants in it, and `kubectl baileys` in this process or at a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from baileys_janitor.cli.main import run_application
from baileys_janitor.cli.plugin.main import PROGRAM, application
from sandbox.tools import kubectl_path
from tests.cli.sessions import Done
from tests.plugin.tenants import FLEET, Fleet, account

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Done]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with kubectl and the plugin, for PATH."""
    program = kubectl_path()
    if program is None:
        pytest.skip("no kubectl: `make tools` unpacks one")
    directory = tmp_path_factory.mktemp("programs")
    (directory / "kubectl").symlink_to(Path(program).resolve())
    for name, function in (
        ("kubectl-baileys", "run"),
        ("kubectl_complete-baileys", "run_completion"),
    ):
        script = directory / name
        call = f"from baileys_janitor.cli.plugin.main import {function}; {function}()"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{call}" "$@"\n')
        script.chmod(0o755)
    return directory


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster with tenants of every level, and accounts with few rights."""
    home = tmp_path_factory.mktemp("cluster")
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--kubeconfig", home / "config", "--volumes", home / "v"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "KUBEBUILDER_ASSETS": ""},
    )
    try:
        assert process.stdout is not None
        assert b"sandbox ready" in process.stdout.readline()
        fleet = Fleet(home, programs)
        fleet.kubectl("apply", "-f", str(ROOT / "crds"))
        for namespace in ("shop", "support"):
            fleet.kubectl("create", "namespace", namespace)
        for each in FLEET:
            fleet.add(each)
        for name, rules in (
            ("reader", {"baileystenants.janitor.baileys.dev": "get,list"}),
            ("nobody", {}),
        ):
            account(fleet, "shop", name, rules)
        yield fleet
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def run(fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`kubectl baileys` in this process: exit code and both streams."""
    for name, value in fleet.variables.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = run_application(application, [str(each) for each in arguments], PROGRAM)
        return Done(code, *capsys.readouterr())

    return call


def read(done: Done) -> dict[str, object]:
    """What a command printed as JSON."""
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found
