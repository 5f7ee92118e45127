"""The status of a key store. As for tenants, stored statuses are read by these models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from baileys_janitor.api.backup.backup_settings import MOST_REPOSITORIES
from baileys_janitor.api.backup.backup_status import (
    ArchiveName,
    DrillStatus,
    RepositoryStatus,
    Seconds,
)
from baileys_janitor.api.names import EMERGENCY_ANNOTATION
from baileys_janitor.api.status import HISTORY_LENGTH, Condition, Reasons, Run
from baileys_janitor.api.status_parts import Bytes, Count, Sentence, StatusPart, Time, Word
from baileys_janitor.policy.archives.known_archives import TEXT_CHARACTERS_MAX

WORST_LENGTH = 20
"""Maximum number of sessions that the status names."""


class TypeFigures(StatusPart):
    """The keys of one type."""

    count: Count | None = Field(default=None, description="Rows.")
    bytes: Bytes | None = Field(default=None, description="Size of their values, in bytes.")
    oldest: Time | None = Field(default=None, description="When the oldest was last written.")
    newest: Time | None = Field(default=None, description="When the newest was last written.")


ByType = Annotated[dict[Word, TypeFigures], Field(max_length=16)]


class Ages(StatusPart):
    """Keys by the age of their last write."""

    under1d: Count | None = Field(
        default=None, alias="under1d", description="Written within a day."
    )
    from1d_to7d: Count | None = Field(
        default=None, alias="from1dTo7d", description="One day to seven."
    )
    from7d_to14d: Count | None = Field(
        default=None, alias="from7dTo14d", description="Seven days to fourteen."
    )
    from14d_to30d: Count | None = Field(
        default=None, alias="from14dTo30d", description="Fourteen days to thirty."
    )
    over30d: Count | None = Field(
        default=None, alias="over30d", description="Older than thirty days."
    )
    unknown: Count | None = Field(default=None, description="Without a time.")


class KeysFound(StatusPart):
    """Counts of the last scan of the database."""

    total: Count | None = Field(default=None, description="All keys.")
    bytes: Bytes | None = Field(default=None, description="Size of their values, in bytes.")
    expired: Count | None = Field(
        default=None,
        description="Keys that a cleanup would remove now: older than their retention, and not protected.",
    )
    oldest: Time | None = Field(default=None, description="When the oldest was last written.")
    newest: Time | None = Field(default=None, description="When the newest was last written.")
    by_type: ByType | None = Field(default=None, description="Keys by type.")
    ages: Ages | None = Field(default=None, description="Keys by the age of their last write.")
    kept: Reasons | None = Field(default=None, description="Kept keys, by reason.")


class TableFound(StatusPart):
    """The keys' table as the database reports it."""

    bytes: Bytes | None = Field(default=None, description="Size of the table, in bytes.")
    index_bytes: Bytes | None = Field(default=None, description="Size of its indexes, in bytes.")
    total_bytes: Bytes | None = Field(
        default=None,
        description="Total size, in bytes. The table reuses the space of removed rows; it does not shrink.",
    )
    size: Word | None = Field(
        default=None, description="Total size in readable form, such as 246 MiB."
    )
    dead_tuples: Count | None = Field(default=None, description="Rows that wait for VACUUM.")
    last_autovacuum: Time | None = Field(default=None, description="When autovacuum last ran.")


class WorstSession(StatusPart):
    """A session with many keys."""

    session: Word | None = Field(
        default=None, description="Its name, with the middle of every long number hidden."
    )
    level: Word | None = Field(
        default=None, description="The level of a session with as many files."
    )
    keys: Count | None = Field(default=None, description="Counted keys of the session.")


class Sessions(StatusPart):
    """The sessions in the store."""

    count: Count | None = Field(default=None, description="Sessions with keys.")
    by_level: Annotated[dict[Word, Count], Field(max_length=8)] | None = Field(
        default=None, description="Sessions by level: the level of a session with as many files."
    )
    worst: Annotated[list[WorstSession], Field(max_length=WORST_LENGTH)] | None = Field(
        default=None, description="Sessions with the most keys."
    )


class StoreRun(StatusPart):
    """One finished cleanup."""

    run: Word | None = Field(
        default=None, description="Id of the run, for `baileys-janitor keystore undo`."
    )
    time: Time | None = Field(default=None, description="When it ended.")
    reason: Word | None = Field(
        default=None,
        description="Why it ran: Daily, Trigger (continues a capped cleanup) or Requested.",
    )
    outcome: Word | None = Field(
        default=None,
        description="How it ended: Completed, Capped (a later run continues it), NothingToDo, DryRun, Refused, "
        "Repeated, Killed or Failed.",
    )
    removed: Count | None = Field(
        default=None, description="Rows removed; in a dry run, rows that would be removed."
    )
    before: Count | None = Field(default=None, description="Keys before the cleanup.")
    after: Count | None = Field(default=None, description="Keys after the cleanup.")
    row_bytes: Bytes | None = Field(
        default=None,
        description="Size of the removed rows, in bytes: space that the table reuses.",
    )
    returned_bytes: Bytes | None = Field(
        default=None,
        description="By how much the files of the table shrank, in bytes: nearly always 0.",
    )
    duration: Word | None = Field(
        default=None, description="How long the Job worked, such as 2.9s."
    )


class LastStoreRun(StoreRun):
    """The last cleanup, with its explanation."""

    message: Sentence | None = Field(
        default=None, description="The result of the cleanup, in a sentence."
    )
    by_type: Annotated[dict[Word, Count], Field(max_length=16)] | None = Field(
        default=None, description="Removed rows by type."
    )
    sessions: Count | None = Field(default=None, description="Scanned sessions.")
    warnings: Annotated[list[Sentence], Field(max_length=10)] | None = Field(
        default=None, description="Notes that need attention."
    )
    kept: Reasons | None = Field(default=None, description="Kept keys, by reason.")
    left: Count | None = Field(default=None, description="Rows left for the next run.")


class StoreTimers(StatusPart):
    """The last handled slot of each timer."""

    trigger: Time | None = Field(
        default=None, description="Last handled slot of the timer that continues a capped cleanup."
    )
    daily: Time | None = Field(default=None, description="Last handled slot of the daily cleanup.")


class StoreDrillStatus(DrillStatus):
    """Rehearsals of a restore of some sessions from one repository."""

    archive: ArchiveName | None = Field(
        default=None, description="The newest archive of the last rehearsal."
    )
    files: Count | None = Field(
        default=None, description="Keys of those sessions that a restore would write."
    )
    sessions: Count | None = Field(default=None, description="Sessions in the last rehearsal.")
    seconds: Seconds | None = Field(
        default=None,
        description="Estimated duration of a restore of all sessions, at the pace of the last rehearsal.",
    )


class StoreRepositoryStatus(RepositoryStatus):
    """Backups of all sessions in one repository."""

    time: Time | None = Field(
        default=None, description="When all sessions were last backed up to this repository."
    )
    outcome: Word | None = Field(
        default=None,
        description="How the last backup of all sessions ended: Put (some sessions had changed), Unchanged, "
        "NothingToDo (no session is paired yet) or Failed (some sessions were not uploaded).",
    )
    archive: ArchiveName | None = Field(
        default=None, description="The newest archive of any session."
    )
    files: Count | None = Field(
        default=None, description="Rows in the newest archives of all sessions."
    )
    bytes: Bytes | None = Field(default=None, description="Size of these archives, in bytes.")
    archives: Count | None = Field(
        default=None,
        description="Archives of all sessions in the repository; absent if they cannot be listed.",
    )
    oldest_time: Time | None = Field(
        default=None, description="When the session in the oldest archive was read."
    )
    drill: StoreDrillStatus | None = Field(default=None, description="Rehearsals of a restore.")


class BackedUpSessions(StatusPart):
    """Sessions by the result of their last backup."""

    count: Count | None = Field(default=None, description="Sessions in the store.")
    backed_up: Count | None = Field(
        default=None,
        description="Sessions with a recent enough archive in every repository.",
    )
    nothing_to_do: Count | None = Field(
        default=None, description="Sessions that are not paired, so there is nothing to back up."
    )
    failing: Count | None = Field(
        default=None, description="Sessions whose upload to a repository failed."
    )


class StoreBackupStatus(StatusPart):
    """Backups of the sessions."""

    next_time: Time | None = Field(default=None, description="When the next backup is due.")
    next_drill_time: Time | None = Field(default=None, description="When the next drill is due.")
    last_success_time: Time | None = Field(
        default=None, description="When all sessions were last backed up to any repository."
    )
    sessions: BackedUpSessions | None = Field(
        default=None, description="Sessions by the state of their backup."
    )
    repositories: (
        Annotated[list[StoreRepositoryStatus], Field(max_length=MOST_REPOSITORIES)] | None
    ) = Field(default=None, description="The state of each repository.")
    known: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX)] | None = Field(
        default=None,
        description="The newest archives of a few sessions, for the next drill: one line for the operator. The "
        "archives of all sessions are recorded in the database.",
    )


class KeyStoreStatus(StatusPart):
    """The status of the store, as the operator observes it."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was computed from; -1 before the first scan.",
    )
    keys: KeysFound | None = Field(
        default=None, description="Counts of the last scan of the database."
    )
    table: TableFound | None = Field(
        default=None, description="The keys' table as the database reports it."
    )
    sessions: Sessions | None = Field(default=None, description="The sessions in the store.")
    last_scan_time: Time | None = Field(
        default=None,
        description="When the keys were last counted, as of the last write of the status.",
    )
    next_scan_time: Time | None = Field(default=None, description="When the keys are counted next.")
    next: Sentence | None = Field(
        default=None, description="The next action of the janitor, its time and its condition."
    )
    next_cleanup_time: Time | None = Field(
        default=None, description="When the next automatic cleanup starts."
    )
    next_cleanup_reason: Word | None = Field(
        default=None, description="Why it will run: Daily, or Trigger to continue a capped cleanup."
    )
    last_run: LastStoreRun | None = Field(
        default=None, description="The last cleanup, with its explanation."
    )
    history: Annotated[list[StoreRun], Field(max_length=HISTORY_LENGTH)] | None = Field(
        default=None, description="The last ten cleanups, newest first."
    )
    timers: StoreTimers | None = Field(
        default=None, description="The last handled slot of each timer."
    )
    run: Run | None = Field(default=None, description="The cleanup that is claimed or running.")
    cooldown_until: Time | None = Field(
        default=None, description="A capped cleanup does not continue before this time."
    )
    last_handled_request: Annotated[str, Field(max_length=256)] | None = Field(
        default=None,
        description=f"The last handled value of the annotation {EMERGENCY_ANNOTATION}.",
    )
    backup: StoreBackupStatus | None = Field(
        default=None, description="Backups of the sessions; absent while none are configured."
    )
    conditions: Annotated[list[Condition], Field(max_length=32)] | None = Field(
        default=None,
        description="Ready, Stalled, LayoutValid, LargeCleanup, CleanupsHeld, BackedUp and Restorable; "
        "docs/keystore.md explains them.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
