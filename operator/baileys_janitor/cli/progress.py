"""A progress bar on standard error for work that takes a while, at a terminal alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from baileys_janitor.cli.figures import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Item = TypeVar("Item")

PATIENCE: Final = 0.4
"""Seconds of work before a bar appears: what is done at once needs none."""


def with_progress(items: Sequence[Item], doing: str) -> Iterator[Item]:
    """The items, with a bar beneath them once the work has taken longer than PATIENCE."""
    if not sys.stderr.isatty():
        yield from items
        return
    started = time.monotonic()
    bar: Progress | None = None
    task: TaskID | None = None
    try:
        for done, item in enumerate(items):
            if bar is None and time.monotonic() - started > PATIENCE:
                bar = _bar()
                task = bar.add_task(f"{doing} {counted(len(items), 'directory')}", total=len(items))
                bar.start()
            if bar is not None and task is not None:
                bar.update(task, completed=done)
            yield item
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
