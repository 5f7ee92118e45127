"""The needs of an operation. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from baileys_janitor.api.operations.status import WORKING

Object = dict[str, Any]
LOOK_AGAIN_SECONDS: Final = 2.0
"""Seconds until the next check of a backup's end."""


class Do(Enum):
    """The next action for an operation."""

    WAIT = "wait"
    BEGIN = "begin"
    RESUME = "resume"
    FAIL = "fail"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The next action; its reason, in one word and in a sentence; and the latest time of the next decision."""

    do: Do
    reason: str = ""
    message: str = ""
    again: float | None = None
    run: str | None = None
    """The run that an undo puts back."""
    result: Object | None = None
    """The result in numbers."""
    phase: str = WORKING
    """BEGIN: the phase that begins."""
    step: str = ""
    """BEGIN: the name of the step; if empty, the action itself."""
    ended: str = ""
    """BEGIN: the outcome of the step before."""
    repositories: list[Object] = field(default_factory=list)
    """The result of the backup before the action for each repository."""
