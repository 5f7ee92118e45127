"""A sandbox in a process of its own, tenants in it, and `kubectl baileys` in this process or at a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from baileys_janitor.api.generated.crd import crd, operation_crd, store_crd
from baileys_janitor.cli.main import run_application
from baileys_janitor.cli.plugin.main import PROGRAM, application
from sandbox.tools import kubectl_path
from tests.cli.sessions import Done
from tests.plugin.tenants import FLEET, Fleet, account

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Done]
LATEST = 60.0


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


@contextmanager
def cluster(home: Path, programs: Path) -> Iterator[Fleet]:
    """An empty cluster with the resources of the project, in a process of its own."""
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
        for definition in (crd(), operation_crd(), store_crd()):
            fleet.create("apiextensions.k8s.io/v1/customresourcedefinitions", "", definition)
        yield fleet
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Fleet]:
    """A cluster with tenants of every level, and accounts with few rights."""
    with cluster(tmp_path_factory.mktemp("cluster"), programs) as fleet:
        for namespace in ("shop", "support"):
            fleet.create("v1/namespaces", "", {"metadata": {"name": namespace}})
        for each in FLEET:
            fleet.add(each)
        account(fleet, "shop", "reader", {"baileystenants.janitor.baileys.dev": "get,list"})
        account(fleet, "shop", "nobody", {})
        yield fleet


@pytest.fixture
def run(fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`kubectl baileys` in this process: exit code and both streams."""
    return runner(fleet, capsys, monkeypatch)


def runner(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The same for any cluster."""
    for name, value in fleet.variables.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = run_application(application, [str(each) for each in arguments], PROGRAM)
        return Done(code, *capsys.readouterr())

    return call


@contextmanager
def interruptible() -> Iterator[None]:
    """Start processes that SIGINT ends. A child ignores it if its parent does, as in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def started(fleet: Fleet, program: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A program of the fleet's in a process of its own, which Ctrl-C ends, and which is over afterwards."""
    with interruptible():
        process = subprocess.Popen(
            [str(fleet.programs / program), *(str(each) for each in words)],
            env={**os.environ, **fleet.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def end() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    # Whatever is read of one that hangs has an end, too.
    late = Timer(LATEST, end)
    late.start()
    with process:
        try:
            yield process
        finally:
            late.cancel()
            end()


def read(done: Done) -> dict[str, object]:
    """What a command printed as JSON."""
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert isinstance(found, dict)
    return found
