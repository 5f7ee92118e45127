"""One container: a local process, or a simulated one."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import secrets
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.client import Object
from sandbox.server.times import now

COMMAND: Final = "baileys-janitor"
ENTRY: Final = "from baileys_janitor.__main__ import run\nrun()"
"""The image's script. pip's own one may import `re` first, which takes longer than a Job's work."""
# The kubelet's limits: one container's message, and those of a pod together.
MESSAGE_LIMIT: Final = 4096
POD_MESSAGE_LIMIT: Final = 12288
_DROP_FROM_BOUNDING_SET: Final = 24
_OVERRIDES: Final = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
_LIBC: Final = ctypes.CDLL(None)
_REFERENCE = re.compile(r"\$\$|\$\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container ended."""

    code: int
    reason: str
    message: str
    started: str
    finished: str


def command_prefix() -> list[str]:
    """Return the command that runs the project: the image's script, word for word, by this Python."""
    return [sys.executable, "-P", "-c", ENTRY]


def is_ours(container: Object) -> bool:
    """Return whether a container runs the project's command."""
    command = container.get("command")
    if command:
        return str(command[0]) == COMMAND
    name = str(container.get("image", "")).rpartition("/")[2].partition("@")[0].partition(":")[0]
    return name == COMMAND


def words(container: Object, prefix: list[str], environment: dict[str, str]) -> list[str]:
    """Return the command line, with $(NAME) expanded as by the kubelet."""
    command, arguments = container.get("command") or [COMMAND], container.get("args") or []

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return environment.get(match[1], match[0])

    return prefix + [_REFERENCE.sub(fill, str(word)) for word in [*command[1:], *arguments]]


def _obey_modes() -> None:
    """Make the file modes apply to the program that this process executes, even as root."""
    for capability in _OVERRIDES:
        _LIBC.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


class Container:
    """A container of a pod, from start to end.

    Args:
        line: the command line, or None for a simulated container: it runs until it is stopped or told how to end.
        message: the file that stands for terminationMessagePath.
        share: the pod's byte limit for this container's message, from the beginning of the tail that the node reads.
        obeys: whether file modes apply even where the sandbox is run by root.
    """

    def __init__(
        self,
        spec: Object,
        line: list[str] | None,
        environment: dict[str, str],
        directory: Path,
        message: Path,
        share: int,
        *,
        obeys: bool = False,
    ) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.id = f"sandbox://{secrets.token_hex(32)}"
        self.output = directory / f"{self.name}.log"
        self.started = ""
        self.ending: Ending | None = None
        self._line = line
        self._environment = environment
        self._directory = directory
        self._message = message
        self._share = share
        self._obeys = obeys and os.geteuid() == 0
        self._process: asyncio.subprocess.Process | None = None
        self._played: asyncio.Future[tuple[int, str]] | None = None
        self._reason = ""

    async def run(self) -> Ending:
        """Run to the end."""
        self._message.parent.mkdir(parents=True, exist_ok=True)
        self._message.touch()
        self.started = now()
        if self._line is None:
            code, text = await self._play()
        else:
            code, text = await self._execute(self._line), self._read_message()
        if code < 0:
            code = 128 - code
        reason = self._reason or ("Completed" if code == 0 else "Error")
        if self._line is not None and code and not text and self._falls_back():
            text = self._kept(self.output.read_bytes()[-2048:])
        self.ending = Ending(code, reason, text, self.started, now())
        return self.ending

    async def _play(self) -> tuple[int, str]:
        self._played = asyncio.get_running_loop().create_future()
        return await self._played

    async def _execute(self, line: list[str]) -> int:
        with self.output.open("wb") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *line,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    env=self._environment,
                    cwd=self._directory,
                    start_new_session=True,
                    preexec_fn=_obey_modes if self._obeys else None,
                )
            except OSError as error:
                self._reason = "StartError"
                self._message.write_text(str(error))
                return 128
        try:
            return await self._process.wait()
        except asyncio.CancelledError:
            self.signal(signal.SIGKILL)
            raise

    def _falls_back(self) -> bool:
        return self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"

    def _read_message(self) -> str:
        with contextlib.suppress(OSError):
            return self._kept(self._message.read_bytes())
        return ""

    def _kept(self, message: bytes) -> str:
        """Return the part of a message for the status: the node reads the tail, and the pod keeps its beginning."""
        return message[-MESSAGE_LIMIT:][: self._share].decode(errors="replace")

    @property
    def is_process(self) -> bool:
        """Whether it is a local process, and not simulated."""
        return self._line is not None

    @property
    def running(self) -> bool:
        return bool(self.started) and self.ending is None

    def signal(self, number: int) -> None:
        """Send a signal to the process and its children."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
        elif self._played is not None and not self._played.done() and number in _ENDING:
            self._played.set_result((-number, ""))

    def end_as(self, reason: str) -> None:
        """Kill it, and report a reason such as OOMKilled."""
        self._reason = reason
        self.signal(signal.SIGKILL)

    def finish(self, code: int, message: str) -> None:
        """End a simulated container."""
        if self._played is not None and not self._played.done():
            self._played.set_result((code, self._kept(message.encode())))

    def state(self) -> dict[str, Any]:
        """Return containerStatuses[].state."""
        if self.ending is not None:
            terminated: dict[str, Any] = {
                "exitCode": self.ending.code,
                "reason": self.ending.reason,
                "startedAt": self.ending.started,
                "finishedAt": self.ending.finished,
                "containerID": self.id,
            }
            if self.ending.message:
                terminated["message"] = self.ending.message
            return {"terminated": terminated}
        if self.started:
            return {"running": {"startedAt": self.started}}
        return {"waiting": {"reason": "ContainerCreating"}}

    @property
    def succeeded(self) -> bool:
        return self.ending is not None and self.ending.code == 0


_ENDING: Final = {signal.SIGTERM, signal.SIGKILL, signal.SIGINT}
