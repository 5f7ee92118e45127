"""The status of a tenant.

These models are the schema of the status: the CRD and the docs are generated from them, and `kube.decoding` reads every
stored status by their types and bounds. An older or a newer operator, or a person, may have written a status: invalid
values are dropped field by field and learned again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from baileys_janitor.api.backup.backup_status import BackupStatus
from baileys_janitor.api.config.last_valid import LAST_VALID_BYTES_MAX
from baileys_janitor.api.names import EMERGENCY_ANNOTATION
from baileys_janitor.api.status_parts import Bytes, Count, Sentence, StatusPart, Time, Word
from baileys_janitor.policy.ages.running_text import TEXT_BYTES_MAX

Reasons = Annotated[dict[Word, Count], Field(max_length=32)]
"""Files counted by a reason code; docs/rules.md explains them."""

Level = Literal["Healthy", "Warning", "Critical", "Emergency", "Unknown"]
CleanupReason = Literal["Trigger", "Daily", "Emergency", "Requested"]

HISTORY_LENGTH = 10


class ByKind(StatusPart):
    """Files of each kind."""

    creds: Count | None = Field(default=None, description="The credentials: creds.json.")
    app_state_sync: Count | None = Field(default=None, description="App-state keys and versions.")
    lid_mapping: Count | None = Field(
        default=None, description="Mappings of phone numbers to LIDs."
    )
    pre_key: Count | None = Field(default=None, description="One-time pre-keys.")
    session: Count | None = Field(default=None, description="Signal sessions with other devices.")
    sender_key: Count | None = Field(default=None, description="Sender keys of groups.")
    sender_key_memory: Count | None = Field(
        default=None, description="Records of who has the tenant's own sender keys."
    )
    device_list: Count | None = Field(default=None, description="Device lists of contacts.")
    tc_token: Count | None = Field(default=None, description="Trusted-contact tokens.")
    identity_key: Count | None = Field(default=None, description="Identity keys of contacts.")
    other: Count | None = Field(default=None, description="Everything else; never touched.")


class Files(StatusPart):
    """Counts of the last scan of the directory."""

    total: Count | None = Field(default=None, description="Every regular file.")
    counted: Count | None = Field(
        default=None,
        description="The count that is compared with the thresholds; see spec.thresholds.count.",
    )
    limit: Count | None = Field(
        default=None, description="The emergency threshold in force for this tenant."
    )
    protected: Count | None = Field(
        default=None,
        description="Files of the kinds that no rule may remove; unknown files are not included.",
    )
    reclaimable: Count | None = Field(
        default=None, description="Files that the retention in force would remove now."
    )
    bytes: Bytes | None = Field(default=None, description="Size of all files together, in bytes.")
    by_kind: ByKind | None = Field(default=None, description="Files of each kind.")
    kept: Reasons | None = Field(
        default=None,
        description="Files that the retention in force would not remove now, by reason.",
    )


class VolumeStatus(StatusPart):
    """The scanned volume, and its free space."""

    claim_name: Annotated[str, Field(max_length=253)] | None = Field(
        default=None, description="The claim that was scanned."
    )
    path: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="The directory that was scanned."
    )
    free_bytes: Bytes | None = Field(default=None, description="Free space, in bytes.")
    free_inodes: Bytes | None = Field(default=None, description="Free inodes.")


class IdentityStatus(StatusPart):
    """The identity in creds.json."""

    state: Word | None = Field(
        default=None,
        description="Paired, Unpaired, Corrupt, TooLarge (above 1 MiB), or Absent (no creds.json).",
    )
    fingerprint: Word | None = Field(
        default=None,
        description="One-way hash of the paired identity; it changes when the company pairs again.",
    )
    creds_token: Word | None = Field(
        default=None,
        description="Identifies one version of creds.json; it changes with each write of the file.",
    )
    suspect_since: Time | None = Field(
        default=None,
        description="When creds.json was first found unreadable, with the same content in every scan since. It "
        "is reported as corrupt only when successive scans agree, because the library writes it in "
        "place.",
    )


class Trash(StatusPart):
    """Removed files that can still be restored."""

    runs: Count | None = Field(
        default=None, description="Cleanups whose files are still in the trash."
    )
    oldest_time: Time | None = Field(default=None, description="When the oldest of them ran.")
    files: Count | None = Field(default=None, description="Files in the trash, at most 5,000.")
    bytes: Bytes | None = Field(default=None, description="Their size when they were removed.")


class CopiesStatus(StatusPart):
    """Copies of creds.json that were valid when they were made."""

    count: Count | None = Field(
        default=None, description="Copies in the session directory, of all pairings."
    )
    newest_time: Time | None = Field(default=None, description="When the newest copy was made.")
    reason: Word | None = Field(
        default=None,
        description="Why the last attempt to make a copy failed; absent if it succeeded.",
    )
    message: Sentence | None = Field(
        default=None, description="The reason as a sentence, with a remedy."
    )
    attempt_time: Time | None = Field(
        default=None,
        description="When a Job last ran without making a copy; absent if it made one.",
    )


class Timers(StatusPart):
    """The last handled slot of each timer; a restart neither repeats nor skips one."""

    trigger: Time | None = Field(
        default=None, description="Last handled slot of the trigger timer."
    )
    daily: Time | None = Field(default=None, description="Last handled slot of the daily cleanup.")


class Forecast(StatusPart):
    """When thresholds will be reached."""

    warning_time: Time | None = Field(
        default=None, description="When the level Warning will be reached."
    )
    critical_time: Time | None = Field(
        default=None, description="When the level Critical will be reached."
    )
    emergency_time: Time | None = Field(
        default=None, description="When the level Emergency will be reached."
    )


class Run(StatusPart):
    """A cleanup that is claimed or running."""

    id: Word | None = Field(default=None, description="Id of the run, as in the Job.")
    reason: Word | None = Field(
        default=None, description="Why it runs: Trigger, Daily, Emergency or Requested."
    )
    start_time: Time | None = Field(default=None, description="When it was claimed.")
    uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Uid of the run's Job: a Job with another uid is ignored, whatever its labels.",
    )


class Cleanup(StatusPart):
    """One finished cleanup."""

    run: Word | None = Field(default=None, description="Id of the run, for `baileys-janitor undo`.")
    time: Time | None = Field(default=None, description="When it ended.")
    reason: Word | None = Field(
        default=None, description="Why it ran: Trigger, Daily, Emergency or Requested."
    )
    outcome: Word | None = Field(
        default=None,
        description="How it ended: Completed, Capped (stopped by maxRemovals or its time limit; a later run "
        "continues it), Killed (its Job was killed; a later run continues it), NothingToDo, DryRun, "
        "Refused, Repeated or Failed.",
    )
    removed: Count | None = Field(
        default=None, description="Files removed; in a dry run, files that would be removed."
    )
    before: Count | None = Field(default=None, description="Counted files before the cleanup.")
    after: Count | None = Field(
        default=None,
        description="Counted files after the cleanup; after a Killed one, those of the next scan.",
    )
    freed_bytes: Bytes | None = Field(
        default=None, description="Size of the removed files, in bytes."
    )
    duration: Annotated[str, Field(max_length=32)] | None = Field(
        default=None, description="How long the Job worked on the directory, such as 340ms."
    )
    removed_by_reason: Reasons | None = Field(default=None, description="Removed files, by reason.")


class LastRestore(StatusPart):
    """A restore from an archive."""

    time: Time | None = Field(default=None, description="When it ended.")
    run: Word | None = Field(default=None, description="Id of the run, for the action Undo.")
    mode: Word | None = Field(default=None, description="Safe, Credentials or Whole.")
    archive: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="The archive that was used."
    )
    outcome: Word | None = Field(
        default=None, description="Completed, NothingToDo, Refused, Capped or Failed."
    )
    restored_by_kind: Reasons | None = Field(default=None, description="Restored files, by kind.")
    message: Sentence | None = Field(
        default=None,
        description="The restored files and notes about them, or why nothing was restored.",
    )


class LastCleanup(Cleanup):
    """The last cleanup, with its explanation."""

    message: Sentence | None = Field(
        default=None, description="Removed files, kept files and the reasons, in a sentence or two."
    )
    removed_by_kind: ByKind | None = Field(default=None, description="Removed files of each kind.")
    kept: Reasons | None = Field(default=None, description="Kept files, by reason.")
    left: Count | None = Field(
        default=None, description="Files left for the next run because of maxRemovals."
    )


class Condition(StatusPart):
    """A condition in the standard form of Kubernetes (metav1.Condition)."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(
        description="Type of the condition, such as Ready or Emergency."
    )
    status: Literal["True", "False", "Unknown"] = Field(
        description="Status of the condition: True, False or Unknown."
    )
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Reason for the status, in one CamelCase word."
    )
    message: Annotated[str, Field(max_length=32768)] = Field(
        description="Explanation for people, with numbers and a remedy."
    )
    last_transition_time: Time = Field(description="When the status of the condition last changed.")
    observed_generation: Annotated[int, Field(ge=0, le=2**62)] | None = Field(
        default=None, description="The generation of the spec that the condition was computed from."
    )


class TenantStatus(StatusPart):
    """The status of the tenant, as the operator observes it."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was computed from; -1 before the first scan.",
    )
    level: Level | None = Field(
        default=None,
        description="Healthy, Warning, Critical or Emergency; Unknown before the first scan, after three missed "
        "scans, and while creds.json is missing, broken, too large or has no paired account.",
    )
    attention: Word | None = Field(
        default=None,
        description="The most severe current advice or fault, as a condition's type or a reason; absent if there "
        "is none.",
    )
    level_since: Time | None = Field(default=None, description="When the level last changed.")
    last_scan_time: Time | None = Field(
        default=None,
        description="When the files were last counted, as of the last write of the status: a scan without "
        "changes is not written.",
    )
    next_scan_time: Time | None = Field(
        default=None,
        description="Earliest time of the scan after that. A time in the past means that scans continue and find "
        "no changes; if scans fail, the level becomes Unknown.",
    )
    growth_per_day: Annotated[float, Field(ge=-1e9, le=1e9)] | None = Field(
        default=None, description="Growth of the directory in counted files per day."
    )
    forecast: Forecast | None = Field(
        default=None,
        description="When thresholds will be reached at the present growth, without a cleanup; only future times "
        "within a year.",
    )
    next: Sentence | None = Field(
        default=None,
        description="The action that a person must take first, if any; then the next action of the janitor, its "
        "time and its condition.",
    )
    active_since: Time | None = Field(
        default=None,
        description="Start of the current traffic, without a pause of more than a day. Absent while the session "
        "is stopped (no traffic for three days).",
    )
    running: Annotated[str, Field(max_length=TEXT_BYTES_MAX)] | None = Field(
        default=None,
        description="Periods with traffic, as needed to compute ages: one line for the operator, with a "
        "checksum. Ages count traffic; see docs/rules.md.",
    )
    last_activity_time: Time | None = Field(
        default=None, description="When a session or a sender key was last written."
    )
    identity: IdentityStatus | None = Field(default=None, description="The identity in creds.json.")
    files: Files | None = Field(
        default=None, description="Counts of the last scan of the directory."
    )
    volume: VolumeStatus | None = Field(
        default=None, description="The scanned volume, and its free space."
    )
    trash: Trash | None = Field(
        default=None, description="Removed files that can still be restored."
    )
    credentials_copies: CopiesStatus | None = Field(
        default=None,
        description="Copies of creds.json, from which a broken one can be restored (docs/credentials.md).",
    )
    timers: Timers | None = Field(default=None, description="The last handled slot of each timer.")
    run: Run | None = Field(default=None, description="The cleanup that is claimed or running.")
    cooldown_until: Time | None = Field(
        default=None, description="No Trigger cleanup starts before this time."
    )
    emergency_cooldown_until: Time | None = Field(
        default=None, description="No automatic Emergency cleanup starts before this time."
    )
    next_cleanup_time: Time | None = Field(
        default=None,
        description="When the next automatic cleanup starts, unless something changes before.",
    )
    next_cleanup_reason: Word | None = Field(
        default=None, description="Why it will run: Daily, Trigger or Emergency."
    )
    last_cleanup: LastCleanup | None = Field(
        default=None, description="The last cleanup, with its explanation."
    )
    history: Annotated[list[Cleanup], Field(max_length=HISTORY_LENGTH)] | None = Field(
        default=None, description="The last ten cleanups, newest first."
    )
    trend: Sentence | None = Field(
        default=None,
        description="Whether the cleanups in history keep up with growth, as a sentence; absent before the "
        "second cleanup.",
    )
    last_restore: LastRestore | None = Field(
        default=None, description="The last restore from an archive that was not a dry run."
    )
    backup: BackupStatus | None = Field(
        default=None, description="Backups of the session; absent while none are configured."
    )
    last_handled_request: Annotated[str, Field(max_length=256)] | None = Field(
        default=None,
        description=f"The last handled value of the annotation {EMERGENCY_ANNOTATION}.",
    )
    last_valid: Annotated[str, Field(max_length=LAST_VALID_BYTES_MAX)] | None = Field(
        default=None,
        description="The last valid spec, as JSON on one line, for the operator: its settings stay in force while a "
        "later edit is invalid. It is validated anew whenever it is used.",
    )
    conditions: Annotated[list[Condition], Field(max_length=32)] | None = Field(
        default=None,
        description="Levels, readiness and advice as conditions; docs/resource.md lists them all.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
