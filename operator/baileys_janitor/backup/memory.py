"""Where the archives of a session are remembered: in its directory, or wherever else its backups can write."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from baileys_janitor.backup.known import Known, change_known, read_known


class Memory(Protocol):
    """What is remembered of a session's archives; both methods raise VolumeProblem or SourceProblem."""

    def read(self) -> Known: ...

    def change(self, change: Callable[[Known], Known]) -> Known: ...


@dataclass(frozen=True, slots=True)
class DirectoryMemory:
    """The memory in the session's directory, of what `called` says; `pause` waits for its lock."""

    directory: int
    called: str
    pause: Callable[[float], None] = clock.sleep

    def read(self) -> Known:
        """Return what is known."""
        return read_known(self.directory).of(self.called)

    def change(self, change: Callable[[Known], Known]) -> Known:
        """Change what is known, and return it."""
        return change_known(self.directory, lambda known: change(known.of(self.called)), self.pause)
