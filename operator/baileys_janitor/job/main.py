"""The Job's process: read the task, do it, write the result, exit.

Exit codes: 0 the task was carried out (a refusal for a reason is a result too), 1 an unexpected error
(there is still a result), 2 the task is invalid. SIGTERM and the task's own deadline end a run
between two removals, with a result. No API, no logs, no network; every import here is a cost of every scan.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` turns its numbers into enums: 3 ms
import os
import time

from baileys_janitor.job.encoder import Encoder, failure_document
from baileys_janitor.job.task import BadTask, Task
from baileys_janitor.job.work import Work
from baileys_janitor.volume.errors import DEADLINE_REACHED, INTERRUPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TERMINATION_LOG = "/dev/termination-log"
DONE, UNFORESEEN, BAD_TASK = 0, 1, 2


class Stop:
    """The time to end a run: at a signal, or at the deadline (seconds from now)."""

    def __init__(self) -> None:
        self.code: str | None = None
        self._deadline: float | None = None

    def at(self, seconds: float | None) -> None:
        """Set the deadline."""
        if seconds is not None:
            self._deadline = time.monotonic() + seconds

    def signalled(self, number: int, frame: object) -> None:  # noqa: ARG002  # a signal handler
        """Note that the process was asked to end."""
        self.code = INTERRUPTED

    def __call__(self) -> str | None:
        """Return the code to end with, or None to go on."""
        if self.code is None and self._deadline is not None and time.monotonic() >= self._deadline:
            self.code = DEADLINE_REACHED
        return self.code


def main(argv: Sequence[str]) -> int:
    """Carry out the task in `argv` (one JSON argument); return the process's exit code."""
    stop = Stop()
    _signal.signal(_signal.SIGTERM, stop.signalled)
    _signal.signal(_signal.SIGINT, stop.signalled)
    now = time.time()
    if len(argv) == 1 and '"action":"list"' in argv[0]:
        return _list(argv[0])
    try:
        task = _read(argv)
    except BadTask as problem:
        os.write(2, f"baileys-janitor job: {problem}\n".encode("utf-8", "replace"))
        leave(failure_document(int(now), "BadTask"))
        return BAD_TASK
    stop.at(task.deadline)
    work = Work(task, now, stop)
    try:
        _report(work, task, int(now))
    except Exception as error:  # noqa: BLE001  # whatever happens, the operator gets a document
        leave(failure_document(int(now), type(error).__name__))
        return UNFORESEEN
    return UNFORESEEN if work.unforeseen else DONE


def _list(text: str) -> int:
    """List the session directories of a volume."""
    from baileys_janitor.job.listing import BadList, carry_out, failure, read_task

    try:
        task = read_task(text)
        if task is None:
            raise BadList("the task is not one of a list")  # noqa: TRY301
        leave(carry_out(task))
    except BadList as problem:
        os.write(2, f"baileys-janitor job: {problem}\n".encode("utf-8", "replace"))
        leave(failure("BadTask"))
        return BAD_TASK
    except Exception as error:  # noqa: BLE001  # whatever happens, the operator gets a document
        leave(failure(type(error).__name__))
        return UNFORESEEN
    return DONE


def _report(work: Work, task: Task, now: int) -> None:
    """Do the work, and write each member's result as soon as it is known.

    A process that is killed while a directory hangs does not lose the results of the members before it.
    """
    encoder = Encoder(task.action, now)
    log = Log()
    for done, result in enumerate(work.results(), 1):
        encoder.add(result)
        if done < len(task.members):
            log.write(encoder.document(work.unreached(done)))
    log.write(encoder.document(), last=True)


class Log:
    """The termination message: a file for the kubelet, else standard output."""

    def __init__(self) -> None:
        self._file = _open_log()
        self._size = 0

    def write(self, document: bytes, *, last: bool = False) -> None:
        """Replace the earlier document.

        In one call, so that a kill leaves one or the other: a shorter document is padded with
        empty lines, which a reader skips.
        """
        if self._file is None:
            if last:
                _write_out(document)
            return
        document = document.ljust(self._size, b"\n")
        self._size = len(document)
        os.pwrite(self._file, document, 0)


def _read(argv: Sequence[str]) -> Task:
    if len(argv) != 1:
        raise BadTask("a Job gets its task as one JSON argument")
    return Task.from_json(argv[0])


def leave(document: bytes) -> None:
    """Write a document to the kubelet's file, or to standard output if there is none."""
    _write_out(document, _open_log())


def _open_log() -> int | None:
    named = os.environ.get("TERMINATION_LOG")
    flags = os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | (os.O_CREAT if named else 0)
    try:
        return os.open(named or _TERMINATION_LOG, flags, 0o644)
    except OSError:
        return None


def _write_out(document: bytes, file: int | None = None) -> None:
    while document:
        document = document[os.write(1 if file is None else file, document) :]
