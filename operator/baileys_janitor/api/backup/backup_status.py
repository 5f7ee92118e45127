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
    archive_time: Time | None = Field(default=None, description="When its session was read.")
    files: Count | None = Field(default=None, description="Files in it.")
    bytes: Bytes | None = Field(default=None, description="Its size, in bytes.")
    archives: Count | None = Field(
        default=None,
        description="Archives of the tenant there; absent where they cannot be listed.",
    )
    oldest_time: Time | None = Field(
        default=None, description="When the session of the oldest of them was read."
    )
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
    known: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)] | None = Field(
        default=None,
        description="Which archives the operator has put, with their checksums: one line for the operator. Archives "
        "that it does not name count for nothing and are never removed.",
    )
    job_name: JobName | None = Field(
        default=None,
        description="The Job that was last begun for this tenant and for those that share it, written before it is "
        "created and on one of them alone: by its name an operator that starts takes in what it brings.",
    )
