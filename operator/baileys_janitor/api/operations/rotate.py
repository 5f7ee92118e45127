"""The specs of a requested rotation and of its rollback."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baileys_janitor.api.values.base import Model
from baileys_janitor.api.values.durations import Between, Duration
from baileys_janitor.api.values.patterns import LABEL

RunId = Annotated[str, Field(min_length=1, max_length=32, pattern=LABEL)]


class RotateRequest(Model):
    """How to rotate."""

    undo: Annotated[Duration, Between("1h", "28d")] | None = Field(
        default=None, description="How long the rotation can be rolled back. Unset: 7d."
    )


class RollbackRequest(Model):
    """The rotation to roll back."""

    run: RunId | None = Field(
        default=None,
        description="Id of the rotation, as in status.run of its operation. Unset: the rotation that waits for a "
        "pairing, else the latest.",
    )
