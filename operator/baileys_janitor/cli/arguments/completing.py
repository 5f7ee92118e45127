"""Shell completion: directories, files, tenants' names, runs.

Anybody with write access beneath a root can choose directory names, and shells expand the words that they are offered,
so only plain names are offered. A completion never prints a problem, and changes nothing.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    from baileys_janitor.cli.arguments.targets import Target

    Items = list[CompletionItem[str]]

OFFERED_AT_MOST: Final = 200
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.@+/-]{1,200}")


def directories(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Let the shell complete a directory."""
    return _left_to_the_shell(incomplete, "dir")


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> Items:
    """Let the shell complete a file."""
    return _left_to_the_shell(incomplete, "file")


def companies(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the tenants beneath the paths typed so far, or beneath BAILEYS_SESSIONS_PATH."""
    names = [target.company for target in _targets(ctx) if target.company is not None]
    return plain(names, incomplete)


def runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the runs there that can be undone, latest first."""
    from baileys_janitor.cli.cleanup.list_runs import runs_of
    from baileys_janitor.cli.terminal.problems import Problem

    found: set[str] = set()
    for target in _targets(ctx)[:OFFERED_AT_MOST]:
        try:
            found.update(each["run"] for each in runs_of(target).in_trash)
        except Problem:
            continue
    return plain(sorted(found, reverse=True), incomplete)


def plain(names: list[str], incomplete: str) -> list[str]:
    """Return the names that begin with the typed text and that no shell expands; a bounded number of them."""
    fitting = (name for name in names if name.startswith(incomplete) and _PLAIN.fullmatch(name))
    return [name for name, _ in zip(fitting, range(OFFERED_AT_MOST), strict=False)]


def _targets(ctx: click.Context) -> list[Target]:
    from baileys_janitor.cli.arguments.options import SESSIONS_PATH_VARIABLE
    from baileys_janitor.cli.arguments.targets import find_targets
    from baileys_janitor.cli.terminal.problems import Problem

    # While the option's own value is missing, click leaves the paths among the arguments.
    typed = ctx.params.get("paths") or [each for each in ctx.args if not each.startswith("-")]
    default = os.environ.get(SESSIONS_PATH_VARIABLE)
    paths = [os.path.expanduser(each) for each in typed or [default] if each]  # noqa: PTH111 - as typed
    try:
        return find_targets(paths, (), ctx.params.get("pattern")).targets
    except Problem:
        return []


def _left_to_the_shell(incomplete: str, kind: str) -> Items:
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type=kind)]
