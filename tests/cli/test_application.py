"""The command as a whole: help, version, and the commands that belong to the cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from baileys_janitor import __version__
from tests.cli.conftest import Run
from tests.cli.sessions import janitor

COMMANDS = [
    "scan",
    "clean",
    "repair",
    "undo",
    "keystore",
    "operator",
    "notify",
    "completion",
    "crd",
    "job",
]


def test_help_lists_every_command() -> None:
    done = janitor("--help")
    assert done.code == 0
    listed = [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")]
    assert [name for name in listed if name in COMMANDS] == COMMANDS


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "job"])
def test_every_command_has_help(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: baileys-janitor {command}")


def test_no_command_shows_the_help_and_is_bad_usage(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "Usage: baileys-janitor" in done.err


@pytest.mark.parametrize("arguments", [["sweep"], ["scan", "--sweep"], ["scan", "-o", "xml"]])
def test_unknown_words_are_bad_usage(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(run: Run, option: str) -> None:
    assert run(option) == (0, f"baileys-janitor {__version__}\n", "")


def test_crd_prints_the_definitions(run: Run) -> None:
    done = run("crd")
    assert done.code == 0
    names = [definition["metadata"]["name"] for definition in yaml.safe_load_all(done.out)]
    assert [name.removesuffix(".janitor.baileys.dev") for name in names] == [
        "baileystenants",
        "baileyskeystores",
        "baileysoperations",
        "baileystenantsets",
    ]


def test_job_without_a_task_is_bad_usage() -> None:
    assert janitor("job").code == 2


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        ([], (None, (), None, False)),
        (
            ["--config", "o.yaml", "-n", "a", "--namespace", "b", "-v"],
            ("o.yaml", ("a", "b"), "debug", False),
        ),
        (["--log-level", "error"], (None, (), "error", False)),
        (["--resume-all"], (None, (), None, True)),
    ],
)
def test_operator_passes_its_options_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: list[str], passed: tuple[Any, ...]
) -> None:
    calls = []

    def operate(
        config_path: str | None,
        namespaces: tuple[str, ...],
        log_level: str | None,
        started_again: bool,
    ) -> int:
        calls.append((config_path, namespaces, log_level, started_again))
        return 1

    stand_in = ModuleType("baileys_janitor.controller.app")
    stand_in.run = operate  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "baileys_janitor.controller.app", stand_in)
    assert run("operator", *options).code == 1
    assert calls == [passed]


def test_a_path_that_begins_with_a_dash_can_be_given(
    run: Run, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(old.parent)
    old.rename(old.parent / "-wa")
    done = run("clean", "--", "-wa")
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith("baileys-janitor clean --apply -- -wa")
