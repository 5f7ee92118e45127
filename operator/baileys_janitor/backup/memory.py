"""The storage of a session's record of archives: in its directory, or elsewhere if that is read-only."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from baileys_janitor.backup.known import Known, change_known, read_known


class Memory(Protocol):
    """The record of a session's archives; both methods raise VolumeProblem or SourceProblem."""

    def read(self) -> Known: ...

    def change(self, change: Callable[[Known], Known]) -> Known: ...


@dataclass(frozen=True, slots=True)
class DirectoryMemory:
    """The record in the session's directory, of the session named by `called`; `pause` waits for its lock."""

    directory: int
    called: str
    pause: Callable[[float], None] = clock.sleep

    def read(self) -> Known:
        """Return the record."""
        return read_known(self.directory).of(self.called)

    def change(self, change: Callable[[Known], Known]) -> Known:
        """Change the record, and return it."""
        return change_known(self.directory, lambda known: change(known.of(self.called)), self.pause)
