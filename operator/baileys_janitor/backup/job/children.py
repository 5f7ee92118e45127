"""A process for each member: one that takes too long is killed, and costs the members after it nothing.

The library of a store has threads of its own and cannot be interrupted; a process can. Its memory goes with it.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import Final

ANSWER_BYTES_MAX: Final = 65_536
_ENDS_SECONDS: Final = 2.0
"""How long a process that was killed is waited for: one that hangs in a volume ends when the volume answers."""


class Killed(Exception):  # noqa: N818 - how it ended
    """The process ended without an answer. `in_time` says that it was not killed for taking too long."""

    def __init__(self, *, in_time: bool) -> None:
        super().__init__()
        self.in_time = in_time


def call(work: Callable[[], bytes], seconds: float, stop: Callable[[], str | None]) -> bytes:
    """Return what `work` returns in a process of its own that may take so long; `Killed` where it never does.

    `stop` is asked now and then whether to end before.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(work, writing)
    os.close(writing)
    try:
        answer = _read(reading, time.monotonic() + seconds, stop)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _reap(child)
    if answer is None:
        raise Killed(in_time=False)
    if not answer:
        raise Killed(in_time=True)
    return answer


def _answer(work: Callable[[], bytes], writing: int) -> None:
    """Answer, and end this process whatever happens."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        answer = work()
        while answer:
            answer = answer[os.write(writing, answer) :]
    finally:
        os._exit(0)


def _read(reading: int, end: float, stop: Callable[[], str | None]) -> bytes | None:
    """Return all that is written until the other side lets go; None where that takes too long."""
    answer = b""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while len(answer) <= ANSWER_BYTES_MAX:
        left = end - time.monotonic()
        if left <= 0 or stop() is not None:
            return None
        if not poll.poll(min(left, 0.5) * 1000):
            continue
        data = os.read(reading, 65_536)
        if not data:
            return answer
        answer += data
    return b""


def _reap(child: int) -> None:
    end = time.monotonic() + _ENDS_SECONDS
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.002)
