"""The help of every command: exit codes from one table, and examples that parse."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from baileys_janitor.cli.help.documented import Documented, every_command, further
from baileys_janitor.cli.main import application
from baileys_janitor.cli.terminal import problems
from baileys_janitor.cli.terminal.problems import EXIT_CODES
from baileys_janitor.job.task import Task

COMMANDS = dict(every_command(application))
every = pytest.mark.parametrize("name", COMMANDS)


def help_of(name: str) -> str:
    return COMMANDS[name].get_help(click.Context(COMMANDS[name], info_name=name, terminal_width=80))


@every
def test_each_command_has_exit_codes_and_examples_in_its_help(name: str) -> None:
    command = COMMANDS[name]
    assert isinstance(command, Documented), "use cls=Documented"
    text = help_of(name)
    codes = text.split("\nExit codes:\n")[1].split("\n\n")[0]
    assert [int(line.split()[0]) for line in codes.splitlines() if line[2] != " "] == [
        *command.exits
    ]
    examples = text.split("\nExamples:\n")[1].splitlines()
    for line, what in command.examples:
        assert f"  {line}" in examples, "a line that is folded cannot be pasted"
        assert what.endswith(".")


def parts(line: str) -> list[list[str]]:
    """The words of each program in a line that is piped or goes to a file."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>;&")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|>;&"):
            found.append([])
        else:
            found[-1].append(word)
    return found


@every
def test_each_example_parses(name: str) -> None:
    command = COMMANDS[name]
    assert isinstance(command, Documented)
    assert command.examples
    for line, _ in command.examples:
        line = re.sub(r'^eval "\$\((.*)\)"$', r"\1", line)
        words, *_ = parts(line)
        assert line.startswith(name), "an example is of this command"
        found: click.Command | None = application
        rest = words[1:]
        while rest and (below := further(found, rest[0])) is not None:
            found, rest = below, rest[1:]
        assert not isinstance(found, click.Group) or found is application, line
        found.make_context(found.name, rest)


def test_the_example_of_a_job_is_a_task() -> None:
    [(line, _)] = COMMANDS["baileys-janitor job"].examples  # type: ignore[attr-defined]
    task = Task.from_json(shlex.split(line)[2])
    assert (task.action, len(task.members)) == ("scan", 1)


def test_every_exit_code_has_one_meaning() -> None:
    assert sorted(EXIT_CODES) == sorted(
        value
        for key, value in vars(problems).items()
        if key.startswith("EXIT_") and key != "EXIT_CODES"
    )


def test_the_help_of_job_is_the_commands_help() -> None:

    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", "job", "--help"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: baileys-janitor job")
