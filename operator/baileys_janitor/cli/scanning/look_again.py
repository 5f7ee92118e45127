"""Waits until a running process's in-memory cache has expired, so that a second look shows the lasting state.

Used after files were removed or restored while a process may run; `volume.look_again` does the looking.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.terminal.output import say
from baileys_janitor.volume.scanning.look_again import LOOK_AGAIN_SECONDS

if TYPE_CHECKING:
    from baileys_janitor.cli.terminal.signals import Interrupt

_SLICE_SECONDS: Final = 1.0
"""The delay until Ctrl-C is noticed."""


class Wait:
    """The clock for waiting; tests replace it."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sleep = sleep
        self.clock = clock


WAIT: Final = Wait()


def wait_for_cache(interrupt: Interrupt, seconds: float = LOOK_AGAIN_SECONDS) -> bool:
    """Wait until the library's cache has expired; return False if Ctrl-C ended the wait.

    Prints the reason to standard error, and at a terminal the remaining time.
    """
    end = WAIT.clock() + seconds
    say(
        f"Looking again in {_clock(seconds)}: a running process keeps old records in memory for five minutes. Ctrl-C"
        " ends the wait; completed changes remain."
    )
    shown = sys.stderr.isatty()
    while not interrupt.asked:
        left = end - WAIT.clock()
        if left <= 0:
            break
        if shown:
            sys.stderr.write(f"\r{_clock(left)} left ")
            sys.stderr.flush()
        WAIT.sleep(min(_SLICE_SECONDS, left))
    if shown:
        sys.stderr.write("\r            \r")
        sys.stderr.flush()
    return not interrupt.asked


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"
