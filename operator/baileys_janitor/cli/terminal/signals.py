"""Ctrl-C during a cleanup: the run ends between two files, with its lock released and its journal whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from baileys_janitor.volume.errors import INTERRUPTED

if TYPE_CHECKING:
    from types import FrameType


class Interrupt:
    """A request to end, by Ctrl-C or SIGTERM, that is checked between two files."""

    def __init__(self) -> None:
        self.asked = False

    def code(self) -> str | None:
        """Return the volume's code for an interrupted run; None to go on."""
        return INTERRUPTED if self.asked else None

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Within the context, record the first signal as a request; a second one ends the process as usual."""
        before = {each: signal.signal(each, self._ask) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
