"""The options of all commands that make archives: recipients and retention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def archive_options(command: Command) -> Command:
    """Add recipients and retention; see `settings.recipients_of` and `settings.keep_of`."""
    for each in reversed(
        (
            click.option(
                "--recipient",
                "recipients",
                metavar="KEY",
                multiple=True,
                help="Public key to encrypt to, age1... or ssh-ed25519 ...; repeatable.",
            ),
            click.option(
                "--recipients-file",
                "recipients_files",
                metavar="FILE",
                multiple=True,
                help="File with public keys, one a line; repeatable.",
            ),
            click.option(
                "--encryption",
                type=click.Choice(["Age", "None"], case_sensitive=False),
                metavar="Age|None",
                help="None: everybody who can read the store can read the archives.",
            ),
            click.option(
                "--hourly",
                type=click.IntRange(0, 1000),
                metavar="N",
                help="The number of hourly archives to keep.  [24]",
            ),
            click.option(
                "--daily",
                type=click.IntRange(0, 1000),
                metavar="N",
                help="The number of daily archives to keep.  [30]",
            ),
            click.option(
                "--monthly",
                type=click.IntRange(0, 1000),
                metavar="N",
                help="The number of monthly archives to keep.  [12]",
            ),
            click.option(
                "--bucket-days",
                type=click.IntRange(3, 3650),
                metavar="N",
                help="The store removes archives by itself, after so many days.",
            ),
        )
    ):
        command = each(command)
    return command
