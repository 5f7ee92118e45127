"""What kubectl itself offers after a Tab."""

from __future__ import annotations

import subprocess

import pytest

from baileys_janitor.cli.plugin.completion.completion_command import SCRIPT
from tests.plugin.conftest import Run
from tests.plugin.tenants import NUMBER, Fleet, acting


def offered(fleet: Fleet, *words: str) -> list[str]:
    done = subprocess.run(
        [str(fleet.programs / "kubectl"), "__complete", "baileys", *words],
        env=fleet.variables,
        text=True,
        capture_output=True,
    )
    assert "Error" not in done.stderr, done.stderr
    return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def test_commands_tenants_namespaces_options_and_values_are_offered(fleet: Fleet) -> None:
    assert {"status", "top", "report", "support"} <= set(offered(fleet, ""))
    assert offered(fleet, "status", "-n", "shop", "a") == ["acme", ":4"]
    assert offered(fleet, "status", f"shop/{NUMBER[:3]}") == [f"shop/{NUMBER}", ":4"]
    assert offered(fleet, "status", "-n", "shop", "acme", "")[:2] == [NUMBER, "quiet"]
    assert offered(fleet, "status", "-n", "sup") == ["support", ":4"]
    assert offered(fleet, "status", "--fa") == ["--fail-on", ":4"]
    assert offered(fleet, "report", "--to", "r") == [":0"], "the shell offers files"


@pytest.mark.parametrize(
    "words",
    [["status", "-n", "-x", ""], ["status", "-n", "shop", acting("nobody"), ""]],
)
def test_a_problem_is_nothing_to_offer(fleet: Fleet, words: list[str]) -> None:
    assert offered(fleet, *words) == [":4"]


def test_the_script_is_printed(run: Run) -> None:
    assert run("completion").out == SCRIPT
