"""Pages and code name the same things: options, exit codes, variables, reason codes, commands."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import click
import pytest

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS
from baileys_janitor.api.config.config_file import ENVIRONMENT
from baileys_janitor.cli.arguments.options import (
    DRY_RUN_VARIABLE,
    SESSIONS_PATH_VARIABLE,
    SETTINGS,
    UNDO_WINDOW,
)
from baileys_janitor.cli.help.documented import every_command
from baileys_janitor.cli.main import COMMANDS, application
from baileys_janitor.cli.terminal.problems import EXIT_CODES
from baileys_janitor.policy import reasons, rotation
from baileys_janitor.policy.archives import restore_codes
from baileys_janitor.volume.errors import SENTENCES
from tests.docs.pages import PAGES, ROOT, name_of

CLI = (ROOT / "docs" / "cli.md").read_text()
by_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def options(name: str) -> set[str]:
    """The options of a command and its subcommands, `notify test` for instance."""
    command = application.get_command(click.Context(application), name)
    assert command is not None
    members = [found for _, found in every_command(command)]
    return {
        option
        for member in members
        for parameter in member.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    }


@pytest.mark.parametrize(
    "command",
    [
        "report",
        "scan",
        "clean",
        "repair",
        "undo",
        "notify",
        "backup",
        "archives",
        "drill",
        "restore",
    ],
)
def test_every_option_of_a_command_is_on_its_page(command: str) -> None:
    unsaid = {option for option in options(command) if not re.search(rf"{option}\b(?!-)", CLI)}
    assert unsaid - {"--output"} == set(), "--output is there as -o"


def test_every_option_about_rows_is_on_its_page() -> None:
    page = (ROOT / "docs" / "keystore.md").read_text()
    unsaid = {option for option in options("keystore") if not re.search(rf"{option}\b(?!-)", page)}
    assert unsaid - {"--output"} == set(), "--output is there as -o"


@by_page
def test_every_option_in_backquotes_beside_the_program_exists(page: Path) -> None:
    text = page.read_text()
    for command, rest in re.findall(r"`(?:baileys-janitor )?(\w+) ([^`]*--[^`]*)`", text):
        if command in COMMANDS:
            assert set(re.findall(r"(--[a-z][a-z-]+)", rest.split("|")[0])) <= options(command), (
                rest
            )


def test_every_option_on_the_page_exists() -> None:
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", CLI))
    assert named <= set().union(*(options(name) for name in COMMANDS if name != "job"))


def test_the_exit_codes_are_those_of_the_code() -> None:
    table = CLI.split("## Exit codes")[1].split("##")[0]
    said = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert said == set(EXIT_CODES)


def test_every_variable_of_the_command_line_is_on_its_page() -> None:
    variables = {setting.variable for setting in (*SETTINGS, UNDO_WINDOW)}
    variables |= {DRY_RUN_VARIABLE, SESSIONS_PATH_VARIABLE, "BAILEYS_JANITOR_CONFIG"}
    assert {name for name in variables if name not in CLI} == set()


@by_page
def test_every_variable_that_a_page_names_is_read_somewhere(page: Path) -> None:
    code = _code()
    known = {setting.variable for setting in (*SETTINGS, UNDO_WINDOW)} | {*ENVIRONMENT}
    known |= {"BAILEYS_JANITOR_CONFIG", "BAILEYS_JANITOR_OPERATOR_CONFIG"}
    named = set(re.findall(r"`((?:BAILEYS_|NOTIFICATION_|DRY_)[A-Z_]+)`", page.read_text()))
    assert {name for name in named if name not in known and f'"{name}"' not in code} == set()


@by_page
def test_every_reason_that_a_page_names_is_in_the_code(page: Path) -> None:
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", page.read_text()))
    assert named - _words() - OF_KUBERNETES == set()


@cache
def _words() -> frozenset[str]:
    """Every word of the code."""
    return frozenset(re.findall(r"\w+", _code()))


OF_KUBERNETES = {
    *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicies", "ClusterRole", "ReadWriteOnce"),
    *("ReadWriteMany", "ReadWriteOncePod", "PodMonitor", "ServiceMonitor", "PrometheusRule"),
    *("NetworkPolicy", "DaemonSet", "StatefulSet", "CronJob", "ConfigMap", "PriorityClass"),
}
"""Kinds of Kubernetes and of others that the pages speak of."""


@pytest.mark.parametrize(
    ("page", "codes"),
    [
        ("rules.md", reasons.EXPLANATIONS),
        ("volume.md", SENTENCES),
        ("rotate.md", rotation.EXPLANATIONS),
        ("restore.md", {**restore_codes.EXPLANATIONS, **restore_codes.KEPT_BACK}),
        ("resource.md", CONDITIONS),
    ],
)
def test_every_code_has_its_place_on_a_page(page: str, codes: dict[str, object]) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert [code for code in codes if not re.search(rf"\b{code}\b", text)] == []


@cache
def _code() -> str:
    sources = [*(ROOT / "operator").rglob("*.py"), *(ROOT / "charts").rglob("*.py")]
    sources += [*(ROOT / "sandbox").rglob("*.py"), *(ROOT / "charts").rglob("*.yaml")]
    sources += [*(ROOT / "tests").rglob("conftest.py"), ROOT / "Makefile"]
    sources += [*(ROOT / "operator").rglob("*.json"), *(ROOT / "docs/gitops").glob("*.lua")]
    return "\n".join(path.read_text() for path in sources)
