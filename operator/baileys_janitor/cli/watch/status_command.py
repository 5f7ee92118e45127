"""`baileys-janitor status`: show the watch's state file, whether the watch runs or not."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from baileys_janitor.cli.arguments.options import ENV_PREFIX, output_option
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.formatting import rfc3339
from baileys_janitor.cli.terminal.masking import printable
from baileys_janitor.cli.terminal.output import MACHINE_FORMATS, say, write_document
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, Problem
from baileys_janitor.cli.watch.backups import backups
from baileys_janitor.cli.watch.state import read_state, state_path

if TYPE_CHECKING:
    from baileys_janitor.cli.terminal.json_output import StatusDocument, WatchedDocument
    from baileys_janitor.watch.state import KnownDirectory, State

_SHOULD_HOLD = frozenset({"Ready", "BackedUp", "Restorable"})
"""Conditions that are reported while they are False."""


@click.command(
    "status",
    cls=Documented,
    examples=(
        ("baileys-janitor status", "A row for each directory."),
        ("baileys-janitor status 962302", "All details of one of them."),
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--state", metavar="FILE", help="The state file of the watch.")
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    envvar=ENV_PREFIX + "CONFIG",
    help="The watch's configuration file, which may name the state file.",
)
@output_option("table", "wide", "json", "yaml")
def command(names: tuple[str, ...], state: str | None, config_path: str | None, output: str) -> int:
    """Show what the watch knows of each directory: level, last cleanup, cooldown, what comes next.

    Reads the watch's state file, whether it runs or not. NAME shows some directories alone, in full.
    """
    path = os.path.abspath(state or _configured(config_path) or state_path(os.environ))  # noqa: PTH100
    known = read_state(path)
    chosen = _chosen(known, names)
    document = _document(path, known, chosen)
    if output in MACHINE_FORMATS:
        write_document(document, output)
    else:
        from baileys_janitor.cli.watch.status_tables import print_status

        print_status(document, in_full=bool(names), wide=output == "wide")
    return EXIT_DONE


def _configured(path: str | None) -> str | None:
    if not path:
        return None
    from baileys_janitor.cli.arguments.settings import read_config

    named = read_config(path).get("state")
    return named if isinstance(named, str) else None


def _chosen(known: State, names: tuple[str, ...]) -> dict[str, KnownDirectory]:
    from fnmatch import fnmatchcase

    chosen: dict[str, KnownDirectory] = {}
    for name in names:
        matching = {
            path: one
            for path, one in known.directories.items()
            if fnmatchcase(one.name, name) or os.path.abspath(name) == path  # noqa: PTH100
        }
        if not matching:
            raise Problem(
                f"The watch knows no directory {printable(name)}: see `baileys-janitor status` for their names.",
                code="Unknown",
                exit_code=EXIT_FAILED,
            )
        chosen |= matching
    return chosen if names else known.directories


def _document(path: str, known: State, chosen: dict[str, KnownDirectory]) -> StatusDocument:
    from baileys_janitor.cli.terminal.json_output import STATUS_SCHEMA

    return {
        "schema": STATUS_SCHEMA,
        "time": str(rfc3339(time.time())),
        "watch": {
            "state": printable(path),
            "running": _is_running(path),
            "saved": rfc3339(known.written or None),
        },
        "directories": [_directory(where, one) for where, one in chosen.items()],
    }


def _is_running(path: str) -> bool | None:
    from baileys_janitor.watch.state import holder_of

    try:
        return holder_of(path) is not None
    except OSError:
        say("It is not known whether a watch runs: this user may not read its lock file.")
        return None


def _directory(path: str, known: KnownDirectory) -> WatchedDocument:
    from baileys_janitor.api.values import decoding

    status: dict[str, Any] = decoding.status(known.status)
    files, last = status.get("files") or {}, status.get("lastCleanup")
    return {
        "path": printable(path),
        "name": known.name,
        "level": status.get("level") or "Unknown",
        "attention": status.get("attention"),
        "counted": files.get("counted"),
        "limit": files.get("limit"),
        "total": files.get("total"),
        "reclaimable": files.get("reclaimable"),
        "growthPerDay": status.get("growthPerDay"),
        "lastScan": status.get("lastScanTime"),
        "lastActivity": status.get("lastActivityTime"),
        "lastCleanup": None if last is None else _cleanup(last),
        "cooldownUntil": status.get("cooldownUntil"),
        "emergencyCooldownUntil": status.get("emergencyCooldownUntil"),
        "nextCleanup": status.get("nextCleanupTime"),
        "nextCleanupReason": status.get("nextCleanupReason"),
        "next": status.get("next"),
        "goneSince": rfc3339(known.gone_since),
        "backup": backups(status),
        "problems": [
            {"type": each["type"], "message": each.get("message") or ""}
            for each in status.get("conditions") or ()
            if (each["status"] == "True" and each["type"] == status.get("attention"))
            or (each["type"] in _SHOULD_HOLD and each["status"] == "False")
        ],
    }


def _cleanup(last: dict[str, Any]) -> dict[str, Any]:
    names = ("run", "time", "reason", "outcome", "removed", "before", "after", "message")
    return {name: last.get(name) for name in names}
