"""A cleaning on a test directory, and acts that come in its way at a chosen moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baileys_janitor.policy.settings import DEFAULTS, Settings
from baileys_janitor.volume import operations as sessions
from baileys_janitor.volume.files import noreplace
from baileys_janitor.volume.report.results import ScanResult
from baileys_janitor.volume.report.run_results import CleanResult, PurgeResult, UndoResult
from tests.volume.directories import NOW, opened

VICTIM = "session-2220.0.json"


def clean(
    path: Path, run: str = "r1", settings: Settings = DEFAULTS, **more: object
) -> CleanResult:
    with opened(path) as directory:
        return sessions.clean(directory, settings, run=run, now=NOW, **more)  # type: ignore[arg-type]


def undo(path: Path, run: str | None = "r1", **more: object) -> UndoResult:
    with opened(path) as directory:
        return sessions.undo(directory, run, now=NOW, **more)  # type: ignore[arg-type]


def purge(path: Path, window: float = 0.0, now: float = NOW, **more: object) -> PurgeResult:
    with opened(path) as directory:
        return sessions.purge(directory, now=now, undo_window=window, **more)  # type: ignore[arg-type]


def scan(path: Path) -> ScanResult:
    with opened(path) as directory:
        return sessions.scan(directory, DEFAULTS, now=NOW)


def write_now(path: Path) -> None:
    path.write_bytes(b"fresh")


def just_before(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None]
) -> None:
    """Do something in the moment before the janitor's system call on a file name."""
    _interpose(monkeypatch, call, name, act, before=True)


def just_after(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None]
) -> None:
    _interpose(monkeypatch, call, name, act, before=False)


def _interpose(
    monkeypatch: pytest.MonkeyPatch, call: str, name: str, act: Callable[[], None], before: bool
) -> None:
    done: list[Callable[[], None]] = []

    def once() -> None:
        if not done:
            done.append(act)
            act()

    def wrap(owner: object, attribute: str) -> None:
        real = getattr(owner, attribute)

        def wrapped(*arguments: object, **more: object) -> object:
            meant = name in arguments
            if meant and before:
                once()
            result = real(*arguments, **more)
            if meant and not before:
                once()
            return result

        monkeypatch.setattr(owner, attribute, wrapped)

    wrap(os, call)
    if call == "rename":  # where the kernel can, files are renamed without replacing
        wrap(noreplace, "rename_no_replace")
