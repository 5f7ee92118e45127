"""`baileys-janitor watch`: look after the session directories of this server until a signal stops it."""

from __future__ import annotations

import os
from typing import Any

import click

from baileys_janitor.cli.arguments.options import SETTINGS_EPILOG, UNDO_WINDOW, settings_options
from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.problems import EXIT_DONE, EXIT_FAILED, EXIT_USAGE


@click.command(
    "watch",
    cls=Documented,
    epilog=SETTINGS_EPILOG,
    exits=(EXIT_DONE, EXIT_FAILED, EXIT_USAGE),
    examples=(
        ("baileys-janitor watch /srv/sessions", "Watch until SIGTERM or Ctrl-C."),
        (
            "baileys-janitor watch /srv/sessions --once",
            "For cron: scan once, and do all that is due.",
        ),
        (
            "baileys-janitor watch /srv/sessions --metrics 127.0.0.1:9090",
            "Serve metrics to Prometheus.",
        ),
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1)
@click.option("--once", is_flag=True, help="Scan once, do all that is due, and exit: for cron.")
@click.option(
    "--company", "companies", metavar="ID", multiple=True, help="This company alone; repeatable."
)
@click.option(
    "--pattern", metavar="GLOB", help="Only directories with a matching path beneath a PATH."
)
@click.option("--state", metavar="FILE", help="The file in which the watch stores its state.")
@click.option(
    "--metrics", metavar="HOST:PORT", help="Serve metrics to Prometheus, as at 127.0.0.1:9090."
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="The form of the log, on standard error.  [text]",
)
@click.option("--settings-fd", type=int, hidden=True)
@settings_options(UNDO_WINDOW)
def command(paths: tuple[str, ...], settings_fd: int | None, **values: Any) -> int:
    """Scan, warn and clean by the clock: the operator's rules for one server, without a cluster.

    Looks at each directory every minute, or up to ten minutes where it is quiet; cleans daily at three, at the
    trigger and in an emergency. New directories are found by themselves. See docs/watch.md.
    """
    from baileys_janitor.cli.watch.settings import watch_settings

    argv = tuple(click.get_current_context().obj or ())
    settings = watch_settings(paths, values, _without_fd(argv))
    if settings_fd is not None:
        with os.fdopen(settings_fd, "w", encoding="utf-8") as out:
            out.write(settings.to_json())
        return EXIT_DONE
    from baileys_janitor.watch.process import start

    start(settings)
    return EXIT_DONE


def _without_fd(argv: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        each
        for number, each in enumerate(argv)
        if each != "--settings-fd" and argv[number - 1 : number] != ("--settings-fd",)
    )
