"""Rotations and rollbacks of test directories, without the minutes in which they watch a real one."""

from __future__ import annotations

import json
from pathlib import Path

from baileys_janitor.policy.rotation import UNDO_SECONDS
from baileys_janitor.volume.report.run_results import CleanResult, UndoResult
from baileys_janitor.volume.rotation.rollback import RollingBack
from baileys_janitor.volume.rotation.rotate import Rotating
from tests.volume.directories import NOW, opened

#: What the library writes before anybody has paired.
UNPAIRED = json.dumps({"noiseKey": {}, "registrationId": 99, "nextPreKeyId": 1}).encode()


def rotate(path: Path, run: str = "r1", now: float = NOW, **more: object) -> CleanResult:
    """Rotate a directory of which nobody says that a process uses it."""
    how: dict[str, object] = {"watch": 0, "watch_after": 0, "keep_seconds": UNDO_SECONDS, **more}
    with opened(path) as directory:
        return Rotating(directory, run, now=now, **how).apply()  # type: ignore[arg-type]


def roll_back(path: Path, run: str | None = None, now: float = NOW, **more: object) -> UndoResult:
    """Take a rotation back."""
    how: dict[str, object] = {"watch": 0, "watch_after": 0, **more}
    with opened(path) as directory:
        return RollingBack(directory, run, now=now, **how).apply()  # type: ignore[arg-type]
