"""What an operation needs now. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from baileys_janitor.api.operations.status import WORKING

Object = dict[str, Any]
LOOK_AGAIN_SECONDS: Final = 2.0
"""Seconds until it is looked again whether a backup has ended."""


class Do(Enum):
    """What an operation needs."""

    WAIT = "wait"
    BEGIN = "begin"
    RESUME = "resume"
    FAIL = "fail"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done; why, in one word and in a sentence; when it is to be decided anew at the latest."""

    do: Do
    reason: str = ""
    message: str = ""
    again: float | None = None
    run: str | None = None
    """The run that an undo puts back."""
    result: Object | None = None
    """What was done, in numbers."""
    phase: str = WORKING
    """BEGIN: the phase that begins."""
    step: str = ""
    """BEGIN: what the step is called; the action itself where that is empty."""
    ended: str = ""
    """BEGIN: how the step before has ended."""
    repositories: list[Object] = field(default_factory=list)
    """How the backup before the act ended in each repository."""
