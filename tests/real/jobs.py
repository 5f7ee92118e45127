"""Running a Job's command as its pod does: one task in, one result in the termination message."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from baileys_janitor.job.result import CleanResult, decode
from baileys_janitor.job.task import CLEAN, Member, Task
from baileys_janitor.policy.settings import Settings


class Reason(StrEnum):
    """Why the operator starts a cleanup."""

    DAILY = "Daily"
    TRIGGER = "Trigger"
    EMERGENCY = "Emergency"
    REQUESTED = "Requested"

    @property
    def emergency(self) -> bool:
        """Whether the emergency rules apply."""
        return self in {Reason.EMERGENCY, Reason.REQUESTED}


def run_job(session: Path, reason: Reason, run: str = "run-1") -> CleanResult:
    """One cleanup Job on one directory."""
    settings = [Settings()]
    task = Task(
        CLEAN,
        [Member(str(session.parent), session.name)],
        settings,
        run=run,
        reason=reason,
        emergency=reason.emergency,
    )
    message = session.parent / "termination-log"
    done = subprocess.run(
        [sys.executable, "-m", "baileys_janitor", "job", task.to_json()],
        env={**os.environ, "TERMINATION_LOG": str(message)},
        capture_output=True,
        text=True,
    )
    assert message.is_file(), f"exit code {done.returncode}: {done.stderr}"
    [result] = decode(message.read_bytes()).members
    assert isinstance(result, CleanResult)
    return result
