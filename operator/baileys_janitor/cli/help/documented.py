"""Commands whose help ends with exit codes and examples, and groups that import only the chosen command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import click

from baileys_janitor.cli.terminal.problems import (
    EXIT_CODES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
)

USUAL_EXITS: Final = (EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED)


class Example(NamedTuple):
    """A command line that works with the user's own path, and its description."""

    line: str
    what: str


class Documented(click.Command):
    """A command with examples and its possible exit codes."""

    def __init__(
        self,
        *arguments: Any,
        examples: Sequence[tuple[str, str]],
        exits: Sequence[int] = USUAL_EXITS,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self.examples = tuple(Example(*each) for each in examples)
        self.exits = tuple(exits)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog, then the exit codes, then the examples, which stay in view on a terminal."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), EXIT_CODES[code]) for code in self.exits])
        with formatter.section("Examples"):
            for line, what in self.examples:
                # A wrapped line could not be pasted.
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                with formatter.indentation():
                    formatter.write_text(what)


class DocumentedGroup(Documented, click.Group):
    """A group of commands with its own examples and exit codes."""


class Listed(NamedTuple):
    """A command before it is imported: its module under `baileys_janitor.cli`, and one line of help."""

    module: str
    help: str


class Lazily:
    """Commands that are listed by their one-line help; only the one that runs is imported."""

    commands_by_name: Mapping[str, Listed]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(self.commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command; None for an unknown name."""
        listed = self.commands_by_name.get(cmd_name)
        if listed is None:
            return None
        found = import_module(f"baileys_janitor.cli.{listed.module}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.help) for name, each in self.commands_by_name.items()])


class LazyGroup(Lazily, DocumentedGroup):
    """A group that lists its commands from their one-line help and imports only the one that runs."""

    def __init__(self, *arguments: Any, listed: Mapping[str, Listed], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.commands_by_name = listed


class CommandOrGroup(Lazily, Documented):
    """A command with subcommands: its first word is the name of one of them, or else an argument."""

    def __init__(self, *arguments: Any, listed: Mapping[str, Listed], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.commands_by_name = listed

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the subcommand that the first word names, else this command's own."""
        further = self.get_command(click.Context(self), args[0]) if args else None
        if further is None:
            return super().make_context(info_name, args, parent, **extra)
        return further.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the subcommands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def further(command: click.Command | None, word: str) -> click.Command | None:
    """Return the subcommand that a word names; None if the word is an argument or option."""
    if isinstance(command, click.Group | CommandOrGroup):
        return command.get_command(click.Context(command), word)
    return None


def every_command(
    group: click.Command, path: str = "baileys-janitor"
) -> Sequence[tuple[str, click.Command]]:
    """Return a command and all its subcommands, each with its full command line."""
    found: list[tuple[str, click.Command]] = [(path, group)]
    if isinstance(group, click.Group | CommandOrGroup):
        for name in group.list_commands(click.Context(group)):
            command = further(group, name)
            assert command is not None
            found += every_command(command, f"{path} {name}")
    return found
