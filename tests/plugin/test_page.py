"""What the page of the plugin shows is what is printed, and what k9s reads."""

from __future__ import annotations

import re
from pathlib import Path

import click
import jsonschema
import yaml

from baileys_janitor.cli.help.documented import every_command
from baileys_janitor.cli.plugin.fleet_table import WIDE
from baileys_janitor.cli.plugin.main import application

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "kubectl-plugin.md").read_text()
K9S = {
    "type": "object",
    "additionalProperties": False,
    "required": ["plugins"],
    "properties": {
        "plugins": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["shortCut", "description", "scopes", "command"],
                "properties": {
                    "shortCut": {"type": "string"},
                    "description": {"type": "string"},
                    "scopes": {"type": "array", "items": {"type": "string"}},
                    "command": {"type": "string"},
                    "background": {"type": "boolean"},
                    "confirm": {"type": "boolean"},
                    "args": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
"""The keys of k9s' own schema for plugins that the page uses."""


def test_the_snippet_is_what_k9s_reads_and_hands_names_over_as_words() -> None:
    [snippet] = re.findall(r"```yaml\n(plugins:.*?)```", PAGE, re.DOTALL)
    found = yaml.safe_load(snippet)
    jsonschema.validate(found, K9S)
    for plugin in found["plugins"].values():
        assert plugin["scopes"] == ["baileystenants"]
        script = plugin["args"][1]
        assert "$NAME" not in script, "a name would be read by the shell"


def test_every_command_and_option_is_on_the_page() -> None:
    usual = {"--help", "--context", "--kubeconfig", "--as", "--as-group", "--request-timeout"}
    for words, command in every_command(application, "kubectl baileys"):
        assert words in PAGE
        named = {option for each in command.params for option in each.opts if option[:2] == "--"}
        short = {"--namespace", "--all-namespaces", "--output", "--version"}
        unsaid = named - usual - short - {"--sort", "--days", "--names"}
        assert {each for each in unsaid if each not in PAGE} == set(), words


def test_every_column_that_a_narrow_table_can_have_is_on_the_page() -> None:
    for column in WIDE[:9]:
        assert column in PAGE


def test_every_command_has_an_example_that_parses() -> None:
    for words, command in every_command(application, "kubectl baileys"):
        for example in command.examples:  # type: ignore[attr-defined]
            if example.line.startswith("kubectl baileys"):
                typed = example.line.removeprefix("kubectl baileys").partition(" >")[0].split()
                with application.make_context("kubectl baileys", typed, resilient_parsing=True):
                    found = application.get_command(click.Context(application), typed[0])
                assert found is not None, words
                found.make_context(typed[0], typed[1:]).close()
