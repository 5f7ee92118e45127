"""The backup process, as seen by the watch: one request, its answers, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Protocol

from baileys_janitor.own_process import own_command
from baileys_janitor.watch.backups.answers import LINE_MAX, decode_answer
from baileys_janitor.watch.backups.protocol import Result, Task, encode_request

TASK_SECONDS = 120.0
"""Time limit in seconds of one directory, whatever its repositories do: then the process ends itself."""
LEAN = {"TOKIO_WORKER_THREADS": "1"}
"""One thread for a store's library, which would start one for each core: a service may have a limit on tasks."""
Answers = list[tuple[int, dict[str, Result]]]


class Child(Protocol):
    """A process that does tasks one after the other."""

    def poll(self) -> tuple[Answers, str | None]:
        """Return the new answers, and how it ended: a code, empty on success; None while it runs."""

    def wait(self, seconds: float) -> None:
        """Wait up to this many seconds for its end."""

    def kill(self) -> None:
        """End it at once."""


Start = Callable[[list[Task], float], Child]


class ChildProcess:
    """The process itself."""

    def __init__(self, tasks: list[Task], seconds: float) -> None:
        self._tasks = tasks
        self._asked: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._asked.write(encode_request(tasks, seconds))
        self._asked.seek(0)
        self._told: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._read = 0
        self._process = subprocess.Popen(
            own_command("baileys_janitor.watch.backups.work"),
            stdin=self._asked,
            stdout=self._told,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=LEAN | os.environ,
        )

    def poll(self) -> tuple[Answers, str | None]:
        """Return the new answers, and how it ended."""
        code = self._process.poll()
        answers = self._answers()
        if code is None:
            return answers, None
        self._asked.close()
        self._told.close()
        if code == -signal.SIGALRM:
            return answers, "TooSlow"
        return answers, "" if code == 0 else "Killed"

    def _answers(self) -> Answers:
        if self._told.closed:
            return []
        # Read in place: both processes share one position in the file, and the next answer is written at it.
        text = os.pread(self._told.fileno(), LINE_MAX * max(1, len(self._tasks)), self._read)
        found = []
        for line in text.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            self._read += len(line)
            answer = decode_answer(line, self._tasks)
            if answer is not None:
                found.append(answer)
        return found

    def wait(self, seconds: float) -> None:
        """Wait up to this many seconds for its end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
