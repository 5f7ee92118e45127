"""A progress bar on standard error for slow work, only at a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from baileys_janitor.cli.terminal.formatting import counted

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")

DELAY_SECONDS: Final = 0.4
"""Seconds of work before a bar appears: quick work needs none."""


def with_progress(items: Sequence[Item], doing: str) -> Iterator[Item]:
    """Yield the items, with a bar beneath them once the work has taken longer than `DELAY_SECONDS`."""
    if not sys.stderr.isatty():
        yield from items
        return
    bar = _LateBar(f"{doing} {counted(len(items), 'directory')}", len(items))
    try:
        for done, item in enumerate(items):
            bar.show(done)
            yield item
    finally:
        bar.close()


class _LateBar:
    """A bar that appears after `DELAY_SECONDS`, even in the middle of the first item."""

    def __init__(self, text: str, total: int) -> None:
        self._text = text
        self._total = total
        self._done = 0
        self._bar: Progress | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._due = time.monotonic() + DELAY_SECONDS
        self._timer = threading.Timer(max(0.0, DELAY_SECONDS), self._appear)
        self._timer.daemon = True
        self._timer.start()

    def show(self, done: int) -> None:
        """Show the number of items that are done."""
        self._done = done
        if time.monotonic() >= self._due:
            self._appear()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)

    def close(self) -> None:
        """Remove the bar, if there is one."""
        self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.stop()

    def _appear(self) -> None:
        with self._lock:
            if self._bar is None and not self._closed:
                bar = _bar()
                bar.add_task(self._text, total=self._total, completed=self._done)
                bar.start()
                self._bar = bar


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
    )

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
