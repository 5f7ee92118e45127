"""`baileys-janitor operator`: the Kubernetes operator, for a pod or a developer's laptop."""

from __future__ import annotations

import click

from baileys_janitor.cli.options import ENV_PREFIX


@click.command("operator")
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    envvar=ENV_PREFIX + "OPERATOR_CONFIG",
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
@click.option("--dev", is_flag=True, help="On a laptop: no leader election, readable logs.")
@click.option("-v", "--verbose", is_flag=True, help="Log at level debug.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), help="Default: the configuration's."
)
def command(
    config_path: str | None,
    namespaces: tuple[str, ...],
    dev: bool,
    verbose: bool,
    log_format: str | None,
) -> int:
    """Run the Kubernetes operator until it is told to stop."""
    from baileys_janitor.controller.operator import run

    return run(config_path, namespaces, dev=dev, verbose=verbose, log_format=log_format)
