"""Operators as processes, each forked from one that has imported all: to import it anew takes two seconds each time.

They are processes like any other, which signals stop and kill. What an operator looks like that was really started
by its command, `test_starting` shows.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "baileys_janitor.cli.main",
        "baileys_janitor.controller.app",
        "kubernetes.client",
        "kubernetes.config",
    ]
)


def _run(module: str, arguments: list[str], environment: dict[str, str], log: str) -> None:
    """Be `python -m MODULE ARGUMENTS` in the forked process."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class Forked:
    """A process as `asyncio` has it: what the tests use of that."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @classmethod
    async def start(
        cls, module: str, arguments: list[str], environment: Mapping[str, str], log: Path
    ) -> Forked:
        """Run a module as a program; its output goes to the end of `log`."""
        process = _CONTEXT.Process(
            target=_run, args=(module, arguments, dict(environment), str(log)), daemon=True
        )
        await asyncio.to_thread(process.start)
        return cls(process)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, below 0 the signal that ended it; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for its end; return the exit code."""
        await asyncio.to_thread(self._process.join)
        assert self.returncode is not None
        return self.returncode
