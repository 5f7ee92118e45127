"""Time that passes only when a command waits."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from baileys_janitor.cli.restore import restore_command


class Clock:
    """Time that passes only when the command waits; `acts` happen at their second."""

    def __init__(self) -> None:
        self.waited = 0.0
        self.acts: dict[float, Callable[[], object]] = {}

    def pause(self, seconds: float) -> None:
        self.waited += seconds
        for moment in [each for each in self.acts if each <= self.waited]:
            self.acts.pop(moment)()


def waiting(monkeypatch: pytest.MonkeyPatch, *commands: ModuleType) -> Clock:
    """Have commands, `restore` unless others are named, wait by a clock of its own."""
    found = Clock()
    for each in commands or (restore_command,):
        monkeypatch.setattr(each, "pause", found.pause)
    return found
