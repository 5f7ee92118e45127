"""`baileys-janitor operator`: the Kubernetes operator, for a pod or a developer's laptop."""

from __future__ import annotations

import click

from baileys_janitor import extras
from baileys_janitor.cli.arguments import completing
from baileys_janitor.cli.arguments.options import ENV_PREFIX
from baileys_janitor.cli.help.documented import Documented


@click.command(
    "operator",
    cls=Documented,
    examples=(
        (
            "baileys-janitor operator --namespace shop",
            "Watch one namespace from a shell, by your kubeconfig.",
        ),
        (
            "baileys-janitor operator --config operator.yaml -v",
            "With a configuration, and with every decision in the log.",
        ),
    ),
)
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    envvar=ENV_PREFIX + "OPERATOR_CONFIG",
    shell_complete=completing.files,
    help="The operator's configuration (YAML); built-in defaults without it.",
)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    metavar="NAME",
    multiple=True,
    help="Watch this namespace; may be repeated. Default: the configuration's, else all.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Default: the configuration's.",
)
@click.option(
    "--resume-all",
    is_flag=True,
    help="Start again what operations have stopped, and end; exit code 1 if something stays stopped.",
)
@click.option("-v", "--verbose", is_flag=True, help="The same as --log-level debug.")
def command(
    config_path: str | None,
    namespaces: tuple[str, ...],
    log_level: str | None,
    resume_all: bool,
    verbose: bool,
) -> int:
    """Run the Kubernetes operator until it is told to stop.

    In a cluster it uses its service account, elsewhere KUBECONFIG or ~/.kube/config.
    """
    extras.require("operator")
    from baileys_janitor.controller.app import run

    level = log_level or ("debug" if verbose else None)
    return run(config_path, namespaces, log_level=level, started_again=resume_all)
