"""`baileys-janitor notify test`: send a test message to each channel, so that a real one will arrive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from baileys_janitor import extras
from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments.options import ENV_PREFIX
from baileys_janitor.cli.help.documented import Documented, DocumentedGroup
from baileys_janitor.cli.terminal.output import say, write
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, usage

if TYPE_CHECKING:
    from baileys_janitor.api.config.config import OperatorConfig


@click.group(
    "notify",
    cls=DocumentedGroup,
    examples=(
        (
            "baileys-janitor notify test --config operator.yaml",
            "Send a test message to every channel.",
        ),
    ),
)
def command() -> None:
    """Try out the operator's notifications."""


@command.command(
    "test",
    cls=Documented,
    short_help="Send a test message to every channel.",
    examples=(
        (
            "baileys-janitor notify test --config operator.yaml --channel oncall",
            "Send a test message to one channel.",
        ),
        (
            "baileys-janitor notify test --config operator.yaml --print",
            "Print the messages instead of sending them.",
        ),
    ),
)
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    envvar=ENV_PREFIX + "OPERATOR_CONFIG",
    shell_complete=completing.files,
    help="The operator's configuration (YAML).",
)
@click.option(
    "--channel",
    "names",
    metavar="NAME",
    multiple=True,
    help="Only this channel; may be repeated. Default: all of them.",
)
@click.option(
    "--print", "printed", is_flag=True, help="Print the messages instead of sending them."
)
def test(config_path: str | None, names: tuple[str, ...], printed: bool) -> int:
    """Send a test message to every channel; exit code 1 if one of them does not arrive.

    Secrets are looked for where the operator looks: in the mounted Secret, else in the environment. In a
    cluster:

    kubectl exec -n baileys-janitor deploy/janitor-baileys-janitor -- baileys-janitor notify test --config
    /etc/baileys-janitor/operator.yaml
    """
    extras.require("notify")
    import asyncio

    from baileys_janitor.notify.sample_message import Trial

    config = _configuration(config_path)
    known = [each.name for each in config.notifications.channels]
    if not known:
        raise usage(
            "The configuration names no channel: add one to notifications.channels, or set NOTIFICATION_WEBHOOK."
        )
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise usage(f"There is no channel {unknown}: the configuration names {', '.join(known)}.")
    trial = Trial(config.notifications, os.environ)
    wanted = [name for name in known if not names or name in names]
    if printed:
        write("\n\n".join(trial.text(name) for name in wanted) + "\n")
        return EXIT_DONE
    results = asyncio.run(trial.run(wanted))
    for name, problem in results.items():
        if problem is None:
            write(f"{name}: sent\n")
        else:
            say(f"{name}: not sent: {problem}")
    return EXIT_FAILED if any(results.values()) else EXIT_DONE


@command.command(
    "schema",
    cls=Documented,
    examples=(
        (
            "baileys-janitor notify schema > message.v1.json",
            "Keep the schema in a file.",
        ),
    ),
)
def schema() -> None:
    """Print the JSON Schema of what webhooks are sent."""
    from importlib.resources import files

    found = files("baileys_janitor.notify") / "schema" / "message.v1.json"
    write(found.read_text(encoding="utf-8"))


def _configuration(path: str | None) -> OperatorConfig:
    from baileys_janitor.api.config.config_file import InvalidConfig, load_config

    try:
        return load_config(Path(path) if path else None, os.environ)
    except InvalidConfig as problem:
        raise usage(str(problem)) from None
