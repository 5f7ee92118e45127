"""`kubectl baileys top`: the fleet on a screen that keeps itself up to date."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.kubectl.resources import TENANTS
from baileys_janitor.cli.plugin.fleet_table import (
    NAMES,
    NUMERIC,
    SPARED,
    headings_of,
    headline,
    row,
    shortened_names,
)
from baileys_janitor.cli.plugin.options import ALL_NAMESPACES, chosen, cluster_options, scope_of
from baileys_janitor.cli.plugin.tenants import brief_of, files_of, worst_first
from baileys_janitor.cli.terminal.columns import CUT, fitted, rendered, shortened
from baileys_janitor.cli.terminal.formatting import age
from baileys_janitor.cli.terminal.output import coloured, encodable, has_colours
from baileys_janitor.cli.terminal.problems import EXIT_DONE, usage
from baileys_janitor.report.words import seconds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baileys_janitor.cli.plugin.tenants import TenantDocument
    from baileys_janitor.cli.plugin.watching import WatchedList

    Fleet = WatchedList[TenantDocument]

SORTS: Final = ("level", "files", "growth", "full")
_REDRAWN_SECONDS: Final = 1.0
_LEAST_LINES: Final = 5
"""A terminal with this many lines or fewer only has room for tenants."""


@click.command(
    "top",
    cls=Documented,
    examples=(
        ("kubectl baileys top -A", "The whole cluster, the worst first; q or Ctrl-C ends it."),
        ("kubectl baileys top -n shop --sort full", "Who reaches the limit first."),
    ),
)
@ALL_NAMESPACES
@cluster_options
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default="level",
    show_default=True,
    help="The order: the worst level, most files, fastest growth, or who reaches the limit first.",
)
def command(all_namespaces: bool, sort: str) -> int:
    """Show all tenants on a screen that refreshes itself.

    It takes the rights to list and to watch baileystenants; without the second, the list is read every few seconds.
    """
    from baileys_janitor.cli.plugin.watching import WatchedList

    if not sys.stdout.isatty():
        raise usage("top draws on a terminal; `kubectl baileys status` prints the same to a pipe.")
    cluster = chosen()
    scope = scope_of(cluster, everywhere=all_namespaces)
    fleet = WatchedList(cluster.kubectl, TENANTS, scope, brief_of)
    fleet.start()
    try:
        _draw(fleet, sort, everywhere=all_namespaces)
    except KeyboardInterrupt:
        pass
    finally:
        fleet.end()
    return EXIT_DONE


def _draw(fleet: Fleet, sort: str, *, everywhere: bool) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from baileys_janitor.cli.plugin.keys import Keys

    console = Console(file=sys.stdout, highlight=False)
    with (
        Keys() as keys,
        Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        while True:
            size = console.size
            lines = screen(fleet, sort, time.time(), size.width, size.height, everywhere=everywhere)
            shown = Text.from_ansi("\n".join(lines), no_wrap=True, overflow="crop")
            live.update(shown, refresh=True)
            if keys.pressed(_REDRAWN_SECONDS) in {"q", "Q"}:
                return


def screen(
    fleet: Fleet, sort: str, now: float, width: int, height: int, *, everywhere: bool
) -> list[str]:
    """Return the lines of the screen."""
    ordered = sorted_by(sort, fleet.all())
    mark = CUT if encodable(CUT) else "~"
    head = [headline(ordered, everywhere=everywhere)]
    head += [f"! {fleet.trouble}"] if fleet.trouble and height > _LEAST_LINES else []
    foot = f"last change {age(max(0.0, now - fleet.read_at))} ago, sorted by {sort}; q ends"
    room = max(1, height - len(head) - 2)
    if len(ordered) > room:
        foot = f"... and {len(ordered) - room:,} more; {foot}"
    headings = headings_of(everywhere=everywhere, wide=False)
    rows = shortened_names([row(each, headings, now) for each in ordered[:room]], headings, mark)
    headings, rows = fitted(headings, rows, width, drop=SPARED, cut=NAMES, mark=mark)
    style = coloured if has_colours(sys.stdout) else None
    table = rendered(headings, rows, NUMERIC, style)
    return [*(shortened(line, width, mark) for line in head), *table, shortened(foot, width, mark)]


def sorted_by(sort: str, tenants: Sequence[TenantDocument]) -> list[TenantDocument]:
    """Return tenants in an order of `SORTS`; those without the value come last."""
    ordered = worst_first(tenants)
    if sort == "files":
        ordered.sort(key=lambda one: -(files_of(one).get("counted") or 0))
    elif sort == "growth":
        ordered.sort(key=lambda one: -(one["status"].get("growthPerDay") or float("-inf")))
    elif sort == "full":
        ordered.sort(key=_full)
    return ordered


def _full(tenant: TenantDocument) -> float:
    files = files_of(tenant)
    counted, limit = files.get("counted"), files.get("limit")
    if counted is not None and limit is not None and counted >= limit:
        return 0.0
    reached = (tenant["status"].get("forecast") or {}).get("emergencyTime")
    return seconds_of(reached) or float("inf")
