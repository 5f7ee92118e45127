"""A cleaning on a test directory, and acts that come in its way at a chosen moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS, Settings
from baileys_janitor.volume import session as sessions
from baileys_janitor.volume.report import CleanResult
from tests.volume.directories import NOW, opened

VICTIM = "session-2220.0.json"


def clean(
    path: Path, run: str = "r1", settings: Settings = DEFAULTS, **more: object
) -> CleanResult:
    with opened(path) as directory:
        return sessions.clean(directory, settings, run=run, now=NOW, **more)  # type: ignore[arg-type]


def write_now(path: Path) -> None:
    path.write_bytes(b"fresh")


def just_before(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None]
) -> None:
    """Do something in the moment before the janitor's system call on a file name."""
    real = getattr(os, call)

    def wrapped(path: object, *rest: object, **more: object) -> object:
        if path == name and act not in done:
            done.append(act)
            act()
        return real(path, *rest, **more)

    done: list[Callable[[], None]] = []
    monkeypatch.setattr(os, call, wrapped)


def just_after(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None]
) -> None:
    real = getattr(os, call)

    def wrapped(path: object, *rest: object, **more: object) -> object:
        result = real(path, *rest, **more)
        if path == name and act not in done:
            done.append(act)
            act()
        return result

    done: list[Callable[[], None]] = []
    monkeypatch.setattr(os, call, wrapped)
