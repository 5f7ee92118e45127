"""What is known of the backups of one tenant, as its status has it.

A part of the status of what `baileys-janitor watch` looks after. The operator's resource does not have it yet: there
it is to be one field, `backup`, of `status.TenantStatus`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from baileys_janitor.api.backup_settings import MOST_REPOSITORIES
from baileys_janitor.api.decoding import StatusReader
from baileys_janitor.api.status import (
    Bytes,
    Count,
    Sentence,
    StatusPart,
    TenantStatus,
    Time,
    Word,
)

Seconds = Annotated[float, Field(ge=0, le=1e9)]
ArchiveName = Annotated[str, Field(max_length=128)]
RepositoryName = Annotated[str, Field(min_length=1, max_length=32)]


class TriesStatus(StatusPart):
    """How it went to do one thing again and again."""

    time: Time | None = Field(default=None, description="When it last succeeded.")
    tried_time: Time | None = Field(default=None, description="When it was last tried.")
    claimed_time: Time | None = Field(
        default=None, description="Since when it is under way; set only then."
    )
    failures: Count | None = Field(default=None, description="Failed attempts one after another.")
    reason: Word | None = Field(default=None, description="Why the last attempt failed.")
    message: Sentence | None = Field(
        default=None, description="Why the last attempt failed, in a sentence."
    )
    seconds: Seconds | None = Field(default=None, description="How long the last success took.")


class DrillStatus(TriesStatus):
    """Rehearsals of a restore from one repository."""

    archive: ArchiveName | None = Field(
        default=None, description="The archive that was last restored in a rehearsal."
    )
    files: Count | None = Field(default=None, description="Files that it would put back.")


class RepositoryStatus(TriesStatus):
    """Backups of a tenant in one repository."""

    name: RepositoryName = Field(description="The repository.")
    outcome: Word | None = Field(
        default=None,
        description="How the last attempt ended: Put, Unchanged (the newest archive has the same content), "
        "NothingToDo (there is no session yet) or Failed.",
    )
    archive: ArchiveName | None = Field(default=None, description="The newest archive.")
    archive_time: Time | None = Field(default=None, description="When it was put.")
    files: Count | None = Field(default=None, description="Files in it.")
    bytes: Bytes | None = Field(default=None, description="Its size, in bytes.")
    archives: Count | None = Field(
        default=None,
        description="Archives of the tenant there; absent where they cannot be listed.",
    )
    oldest_time: Time | None = Field(default=None, description="When the oldest of them was put.")
    retention_reason: Word | None = Field(
        default=None, description="Why archives that retention does not need were not removed."
    )
    drill: DrillStatus | None = Field(default=None, description="Rehearsals of a restore.")


class BackupStatus(StatusPart):
    """Backups of one tenant."""

    next_time: Time | None = Field(default=None, description="When the next backup is due.")
    next_drill_time: Time | None = Field(default=None, description="When the next drill is due.")
    last_success_time: Time | None = Field(
        default=None, description="When the session was last backed up to any repository."
    )
    repositories: Annotated[list[RepositoryStatus], Field(max_length=MOST_REPOSITORIES)] | None = (
        Field(default=None, description="What is known of each repository.")
    )


class DirectoryStatus(TenantStatus):
    """The status of what `baileys-janitor watch` looks after."""

    backup: BackupStatus | None = Field(default=None, description="Its backups.")


DIRECTORY: Final = StatusReader(DirectoryStatus)
"""Reads the statuses of directories."""
