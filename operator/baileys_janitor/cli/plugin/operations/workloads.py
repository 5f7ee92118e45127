"""The workload to stop during an operation, from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from baileys_janitor.cli.plugin.options import is_name
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.problems import usage

Command = TypeVar("Command", bound=Callable[..., Any])

_KINDS: Final = {
    "deployment": "Deployment",
    "deployments": "Deployment",
    "deploy": "Deployment",
    "statefulset": "StatefulSet",
    "statefulsets": "StatefulSet",
    "sts": "StatefulSet",
}
"""Kinds of workloads that can be stopped, as kubectl takes them."""


def workload_of(text: str, option: str) -> dict[str, str]:
    """Return the workload KIND/NAME as a field of a spec; raise bad usage for anything else."""
    kind, _, name = text.partition("/")
    known = _KINDS.get(kind.lower().partition(".")[0])
    if known is None or not is_name(name):
        raise usage(
            f"{option} {printable(text)}: write it as deployment/NAME or statefulset/NAME; stop any other kind "
            "yourself."
        )
    return {"kind": known, "name": name}


def scaled(text: str, option: str) -> dict[str, Any]:
    """Return the part of a spec that makes the operator stop the workload KIND/NAME."""
    return {"method": "Scale", "workload": workload_of(text, option)}


def quiesce_option(command: Command) -> Command:
    """Add --quiesce, which stops a workload during the operation; the command gets it as `quiesce`."""
    return click.option(
        "--quiesce",
        metavar="KIND/NAME",
        help="Stop this Deployment or StatefulSet meanwhile.  [you stop it]",
    )(command)


def meanwhile(quiesce: str | None, tenants: int, *, dry_run: bool) -> dict[str, Any]:
    """Return the part of a spec for `--quiesce`, empty without it; raise bad usage if it does not fit."""
    if quiesce is None:
        return {}
    if tenants != 1:
        raise usage("--quiesce is the workload of one tenant: give one NAME.")
    if dry_run:
        raise usage("--quiesce does not go with --dry-run, which stops nothing.")
    return {"quiesce": scaled(quiesce, "--quiesce")}
