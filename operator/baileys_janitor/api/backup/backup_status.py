"""The state of a tenant's backups in its status."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baileys_janitor.api.backup.backup_settings import MOST_REPOSITORIES
from baileys_janitor.api.status_parts import (
    Bytes,
    Count,
    Sentence,
    StatusPart,
    Time,
    Word,
)
from baileys_janitor.policy.archives.known_archives import TEXT_CHARACTERS_MAX

Seconds = Annotated[float, Field(ge=0, le=1e9)]
ArchiveName = Annotated[str, Field(max_length=128)]
JobName = Annotated[str, Field(max_length=63)]
RepositoryName = Annotated[str, Field(min_length=1, max_length=32)]


class TriesStatus(StatusPart):
    """Attempts of one repeated task."""

    time: Time | None = Field(default=None, description="When it last succeeded.")
    tried_time: Time | None = Field(default=None, description="When it was last tried.")
    claimed_time: Time | None = Field(
        default=None, description="When the current attempt started; absent if none is running."
    )
    failures: Count | None = Field(default=None, description="Consecutive failed attempts.")
    reason: Word | None = Field(default=None, description="Why the last attempt failed.")
    message: Sentence | None = Field(
        default=None, description="Why the last attempt failed, in a sentence."
    )
    seconds: Seconds | None = Field(
        default=None, description="Duration of the last successful attempt."
    )


class DrillStatus(TriesStatus):
    """Rehearsals of a restore from one repository."""

    archive: ArchiveName | None = Field(
        default=None, description="The archive of the last rehearsal."
    )
    files: Count | None = Field(default=None, description="Files that a restore of it would write.")


class RepositoryStatus(TriesStatus):
    """Backups of a tenant in one repository."""

    name: RepositoryName = Field(description="The repository.")
    outcome: Word | None = Field(
        default=None,
        description="How the last attempt ended: Put, Unchanged (the newest archive has the same content), "
        "NothingToDo (there is no session yet) or Failed.",
    )
    archive: ArchiveName | None = Field(default=None, description="The newest archive.")
    archive_time: Time | None = Field(default=None, description="When the session in it was read.")
    files: Count | None = Field(default=None, description="Files in the archive.")
    bytes: Bytes | None = Field(default=None, description="Size of the archive, in bytes.")
    archives: Count | None = Field(
        default=None,
        description="Archives of the tenant in the repository; absent if they cannot be listed.",
    )
    oldest_time: Time | None = Field(
        default=None, description="When the session in the oldest archive was read."
    )
    retention_reason: Word | None = Field(
        default=None, description="Why expired archives were not removed."
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
        Field(default=None, description="The state of each repository.")
    )
    known: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)] | None = Field(
        default=None,
        description="Archives that the operator has uploaded, with their checksums: one line for the operator. "
        "Other archives are ignored and never removed.",
    )
    job_name: JobName | None = Field(
        default=None,
        description="The last Job started for this tenant and those that share the Job, written to one of them "
        "before the Job is created. An operator that starts finds the result by its name.",
    )
