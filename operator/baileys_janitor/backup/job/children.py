"""Child processes, one for each member, or for many in turn: a slow one is killed, and the others are not affected.

The library of a store has threads of its own and cannot be interrupted; a process can, and its memory is freed. Each
message of the process is preceded by its length, so that an incomplete one is not used.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import Final

ANSWER_BYTES_MAX: Final = 65_536
"""The limit on bytes that a process may write, in all its messages."""
_LENGTH_BYTES: Final = 4
Tell = Callable[[bytes], None]
_ENDS_SECONDS: Final = 2.0
"""The time to wait for a killed process: one that hangs in a volume ends when the volume answers."""


class Killed(Exception):  # noqa: N818 - how it ended
    """The process ended without an answer. `in_time`: it was not killed for taking too long."""

    def __init__(self, *, in_time: bool) -> None:
        super().__init__()
        self.in_time = in_time


def call(work: Callable[[], bytes], seconds: float, stop: Callable[[], str | None]) -> bytes:
    """Return the result of `work` in a child process with this time limit; raise `Killed` if it never returns.

    `stop` is called now and then and may end it early.
    """
    return call_telling(lambda _: work(), seconds, stop, lambda _: None)


def call_telling(
    work: Callable[[Tell], bytes],
    seconds: float,
    stop: Callable[[], str | None],
    hear: Tell,
) -> bytes:
    """Do as `call`; pass each message that `work` sends before it returns to `hear` at once."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(work, writing)
    os.close(writing)
    try:
        answer, in_time = _hear_all(_read(reading, time.monotonic() + seconds, stop), hear)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _reap(child)
    if not answer:
        raise Killed(in_time=in_time)
    return answer


def _hear_all(messages: Iterator[bytes | None], hear: Tell) -> tuple[bytes | None, bool]:
    """Return the answer, which comes after an empty message, None without one; and whether the process ended
    in time."""
    over = False
    for message in messages:
        if message is None:
            return None, False
        if over:
            return message, True
        if message:
            hear(message)
        over = not message
    return None, True


def stream(
    work: Callable[[Tell], None], seconds: float, stop: Callable[[], str | None]
) -> Iterator[bytes]:
    """Yield the messages of `work` from a child process; the time limit applies to each message.

    Ends when `work` returns. Raises `Killed` if it does not return, or if no message arrives in time.
    """

    def all_told(tell: Tell) -> bytes:
        work(tell)
        return b""

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(all_told, writing)
    os.close(writing)
    try:
        while True:
            head = _exactly(reading, _LENGTH_BYTES, time.monotonic() + seconds, stop)
            size = int.from_bytes(head, "big")
            if size == 0:
                return
            if size > ANSWER_BYTES_MAX:
                raise Killed(in_time=True)
            yield _exactly(reading, size, time.monotonic() + seconds, stop)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _reap(child)


def _exactly(reading: int, size: int, end: float, stop: Callable[[], str | None]) -> bytes:
    """Return this many bytes; raise `Killed` if they do not arrive in time, or the pipe is closed."""
    found = b""
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while len(found) < size:
        left = end - time.monotonic()
        if left <= 0 or stop() is not None:
            raise Killed(in_time=False)
        if not poll.poll(min(left, 0.5) * 1000):
            continue
        data = os.read(reading, size - len(found))
        if not data:
            raise Killed(in_time=True)
        found += data
    return found


def _answer(work: Callable[[Tell], bytes], writing: int) -> None:
    """Send the answer, and always end this process."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

        def tell(message: bytes) -> None:
            data = len(message).to_bytes(_LENGTH_BYTES, "big") + message
            while data:
                data = data[os.write(writing, data) :]

        answer = work(tell)
        tell(b"")
        tell(answer)
    finally:
        os._exit(0)


def _read(reading: int, end: float, stop: Callable[[], str | None]) -> Iterator[bytes | None]:
    """Yield the messages until the pipe is closed; yield None last if that takes too long."""
    data, taken = b"", 0
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while taken <= ANSWER_BYTES_MAX:
        left = end - time.monotonic()
        if left <= 0 or stop() is not None:
            yield None
            return
        if not poll.poll(min(left, 0.5) * 1000):
            continue
        found = os.read(reading, 65_536)
        if not found:
            return
        data, taken = data + found, taken + len(found)
        while len(data) >= _LENGTH_BYTES:
            length = int.from_bytes(data[:_LENGTH_BYTES], "big")
            if len(data) < _LENGTH_BYTES + length:
                break
            yield data[_LENGTH_BYTES : _LENGTH_BYTES + length]
            data = data[_LENGTH_BYTES + length :]


def _reap(child: int) -> None:
    end = time.monotonic() + _ENDS_SECONDS
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.002)
