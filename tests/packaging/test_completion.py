"""Completion in real shells at a terminal: what is typed, Tab, what stands there then."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.main import application, main
from tests.cli.sessions import company, environment

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = ROOT / ".tools" / "shells"
LIBRARIES = ":".join(str(path) for path in UNPACKED.glob("usr/lib/*-linux-gnu"))
PATIENCE_SECONDS = 60
CONTROLS = re.compile(r"\x1b\[[0-9;?>]*[A-Za-z]|\x1b[=>()][B0]?|\r")


def program(name: str) -> str:
    """A shell of this machine, or the one that `make` unpacks; skips where there is none."""
    for place in (UNPACKED / "bin" / name, UNPACKED / "usr" / "bin" / name):
        if place.exists():
            return str(place)
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: `make unit` unpacks one from Debian's package")
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tenants, and directories whose names a shell would expand."""
    root = tmp_path_factory.mktemp("completion") / "sessions"
    company(root, "962302", "healthy")
    for name in (
        "company_96*",
        "company_96$(touch x)",
        "company_96;x",
        "company_96 x",
        "company_7",
    ):
        shutil.copytree(root / "company_962302", root / name)
    return root


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the command, for PATH."""
    directory = tmp_path_factory.mktemp("programs")
    script = directory / "baileys-janitor"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m baileys_janitor "$@"\n')
    script.chmod(0o755)
    return directory


class Terminal:
    """A program at a terminal."""

    def __init__(self, command: list[str], directory: Path, variables: dict[str, str]) -> None:
        self._own, other = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=directory,
            env=variables,
        )
        os.close(other)

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._own, text.encode())

    def read_until(self, pattern: str) -> str:
        """Return what is shown until a pattern matches it."""
        shown = ""
        end = time.monotonic() + PATIENCE_SECONDS
        while not re.search(pattern, CONTROLS.sub("", shown)):
            assert time.monotonic() < end, f"{pattern} does not appear in: {shown}"
            if select.select([self._own], [], [], 1)[0]:
                shown += os.read(self._own, 4096).decode(errors="replace")
                if "\x1b[c" in shown or "\x1b[0c" in shown:  # asks what terminal this is
                    self.type("\x1b[?62c")
                    shown = shown.replace("\x1b[c", "").replace("\x1b[0c", "")
        return shown

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.wait()
        os.close(self._own)


def bash() -> tuple[list[str], str]:
    return [
        program("bash"),
        "--norc",
        "--noprofile",
        "-i",
    ], 'eval "$(baileys-janitor completion bash)"'


def zsh() -> tuple[list[str], str]:
    shell = program("zsh")
    functions = sorted({str(path.parent) for path in UNPACKED.glob("usr/share/zsh/functions/**/*")})
    modules = [str(path) for path in UNPACKED.glob("usr/lib/*/zsh/*")]
    own = f"module_path=({' '.join(modules)}) fpath=({' '.join(functions)}); " if modules else ""
    start = f'{own}autoload -U compinit; compinit -D -u; eval "$(baileys-janitor completion zsh)"'
    return [shell, "-f", "-i"], start


def fish() -> tuple[list[str], str]:
    shell = program("fish")
    own = UNPACKED / "usr/share/fish/functions"
    start = f"set -p fish_function_path {own}; " if own.exists() else ""
    return [shell, "--no-config", "-i"], start + "baileys-janitor completion fish | source"


Shell = Callable[[], tuple[list[str], str]]


@pytest.fixture(params=[bash, zsh, fish], ids=lambda shell: shell.__name__)
def terminal(request: pytest.FixtureRequest, programs: Path, root: Path) -> Iterator[Terminal]:
    command, start = request.param()
    variables = environment() | {
        "PATH": f"{programs}:/usr/bin:/bin",
        "LD_LIBRARY_PATH": LIBRARIES,
        "HOME": str(programs),
        "TERM": "xterm",
        "COLUMNS": "200",
    }
    opened = Terminal(command, root.parent, variables)
    try:
        opened.type(f"{start}; echo rea''dy\n")
        opened.read_until("ready")
        yield opened
    finally:
        opened.close()


def test_tab_completes_a_command_an_option_and_a_tenants_name(
    terminal: Terminal, root: Path
) -> None:
    terminal.type("echo baileys-janitor; baileys-janitor sca\t")
    terminal.read_until(r"sca.*n ")
    terminal.type(f"{root} --comp\t")
    terminal.read_until(r"--comp.*any ")
    terminal.type("96\t")
    terminal.read_until(r"96.*2302")


@given(st.lists(st.text(max_size=20), max_size=20), st.text(max_size=3))
def test_only_names_that_no_shell_expands_are_offered(names: list[str], typed: str) -> None:
    offered = completing.plain(names, typed)
    assert set(offered) <= set(names)
    assert all(name.startswith(typed) for name in offered)
    assert not set("".join(offered)) & set("*?[]{}$`'\"\\;&|<>()!#~ \t\n,:")


def test_tenants_are_offered_from_the_path_or_the_variable(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = application.get_command(click.Context(application), "scan")
    assert command is not None
    context = command.make_context("scan", [str(root)], resilient_parsing=True)
    parameter = next(each for each in command.params if each.name == "companies")
    assert completing.companies(context, parameter, "") == ["7", "962302"]
    assert completing.companies(context, parameter, "9") == ["962302"]
    bare = command.make_context("scan", [], resilient_parsing=True)
    monkeypatch.delenv("BAILEYS_SESSIONS_PATH", raising=False)
    assert completing.companies(bare, parameter, "") == []
    monkeypatch.setenv("BAILEYS_SESSIONS_PATH", str(root))
    assert completing.companies(bare, parameter, "") == ["7", "962302"]


def test_no_path_and_a_wrong_one_complete_to_nothing_and_say_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_WORDS", f"baileys-janitor\nundo\n{tmp_path}/none\n--run\n")
    monkeypatch.setenv("COMP_CWORD", "4")
    monkeypatch.setenv("_BAILEYS_JANITOR_COMPLETE", "bash_complete")
    assert main([]) == 0
    assert capfd.readouterr() == ("\n", "")


def test_runs_are_offered(root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = company(tmp_path, "1", "old")
    assert main(["clean", str(session), "--apply"]) == 0
    [run] = re.findall(r"--run (\S+)", capfd.readouterr().out) or [""]
    command = application.get_command(click.Context(application), "undo")
    assert command is not None
    context = command.make_context("undo", [str(session)], resilient_parsing=True)
    parameter = next(each for each in command.params if each.name == "run")
    assert completing.runs(context, parameter, "") == [run]
