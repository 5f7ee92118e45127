"""Commands whose help ends with exit codes and examples, and groups that import only the command that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import click

from baileys_janitor.cli.problems import (
    EXIT_CODES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
)

USUAL_EXITS: Final = (EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED)


class Example(NamedTuple):
    """A command line that works when pasted with a path of one's own, and what it does."""

    line: str
    what: str


class Documented(click.Command):
    """A command with examples and the exit codes that it can end with."""

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
        """Write what the epilog says, then the exit codes, then the examples: these stay in view on a terminal."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), EXIT_CODES[code]) for code in self.exits])
        with formatter.section("Examples"):
            for line, what in self.examples:
                # A line that is folded could not be pasted.
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
                with formatter.indentation():
                    formatter.write_text(what)


class DocumentedGroup(Documented, click.Group):
    """A group of commands with examples and exit codes of its own."""


class LazyGroup(DocumentedGroup):
    """A group that lists its commands from their one-line help and imports only the one that runs.

    Args:
        modules: each command's name and one-line help.
        module: the name of the module that has `command`, with `{}` for the command's name.
    """

    def __init__(
        self, *arguments: Any, modules: Mapping[str, str], module: str, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._modules = modules
        self._module = module

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command; None for an unknown name."""
        if cmd_name not in self._modules:
            return None
        found = import_module(self._module.format(cmd_name.replace("-", "_"))).command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._modules.items()))


def every_command(
    group: click.Group, path: str = "baileys-janitor"
) -> Sequence[tuple[str, click.Command]]:
    """Return a group and all commands below it, by the words that one types."""
    context = click.Context(group)
    found: list[tuple[str, click.Command]] = [(path, group)]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += every_command(command, f"{path} {name}")
        else:
            found.append((f"{path} {name}", command))
    return found
