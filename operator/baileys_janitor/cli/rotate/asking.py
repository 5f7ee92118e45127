"""Checks before rotate and rollback act: exactly one directory, and its process stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from baileys_janitor.cli.scanning.look import opened
from baileys_janitor.cli.terminal.formatting import watching
from baileys_janitor.cli.terminal.output import say
from baileys_janitor.cli.terminal.problems import Problem, usage
from baileys_janitor.policy import reasons, rotation
from baileys_janitor.policy.rotation import belongs_to_pairing
from baileys_janitor.volume.errors import SENTENCES, STILL_WRITING
from baileys_janitor.volume.files.read import read_listing
from baileys_janitor.volume.runs.move_to_trash import EXPLANATIONS as OF_MOVES
from baileys_janitor.volume.runs.undo import EXPLANATIONS as OF_UNDO
from baileys_janitor.volume.scanning.quiet import WATCH_SECONDS, is_quiet

if TYPE_CHECKING:
    from baileys_janitor.cli.arguments.targets import Found, Target
    from baileys_janitor.cli.terminal.signals import Interrupt


def the_one(found: Found, what: str) -> Target:
    """Return the only directory found; raise Problem otherwise: each command acts on one session."""
    if len(found.targets) == 1:
        return found.targets[0]
    if found.targets:
        raise usage(
            f"PATH holds {len(found.targets)} session directories, and a {what} is for one: name it, or --company."
        )
    raise found.problems[0][1] if found.problems else usage("PATH holds no session directory.")


def require_stopped(ready: str, what: str, *, stopped: bool) -> None:
    """Ask whether the process is stopped; without a terminal --stopped is required. Raises Problem."""
    if stopped:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        if click.confirm("Is the process that uses this session stopped?", err=True):
            return
        raise Problem(
            f"Nothing was moved: a running process would write over a {what}.", code="NotStopped"
        )
    raise usage(
        f"A running process would write over a {what}, so --apply needs --stopped. Once the process is stopped: "
        f"{ready}"
    )


def require_quiet(target: Target, pause: Callable[[float], None], interrupt: Interrupt) -> None:
    """Watch a directory for a minute; raise Problem if a process writes to it.

    A directory without session files is not watched.
    """
    with opened(target) as directory:
        if not any(belongs_to_pairing(each) for each in read_listing(directory).entries or ()):
            return
        say(watching(target.shown, WATCH_SECONDS))
        quiet = is_quiet(directory, pause, interrupt.code)
    if not quiet:
        raise Problem(
            f"{target.shown}: the session's files were just written, so its process runs: nothing was moved."
            " Stop it first.",
            code=STILL_WRITING,
        )


def sentence_of(code: str) -> str:
    """Return one sentence about a code of the plan, the volume or the rules."""
    for sentences in (rotation.EXPLANATIONS, SENTENCES, OF_MOVES, OF_UNDO):
        if code in sentences:
            return sentences[code]
    return reasons.explain(code)
