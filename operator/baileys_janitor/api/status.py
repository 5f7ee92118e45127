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
    """What the last look at the directory counted."""

    total: Count | None = Field(default=None, description="Every regular file.")
    counted: Count | None = Field(
        default=None, description="What is compared with the thresholds; see spec.thresholds.count."
    )
    limit: Count | None = Field(
        default=None, description="The emergency threshold in force for this tenant."
    )
    protected: Count | None = Field(
        default=None,
        description="Files of the kinds that no rule may remove, without unknown ones.",
    )
    reclaimable: Count | None = Field(
        default=None, description="Files that the retention in force would remove now."
    )
    bytes: Bytes | None = Field(default=None, description="Size of all files together, in bytes.")
    by_kind: ByKind | None = Field(default=None, description="Files of each kind.")
    kept: Reasons | None = Field(
        default=None,
        description="Files that the retention in force would not remove now, counted by the reason that keeps them.",
    )


class VolumeStatus(StatusPart):
    """The volume that the numbers are of, and what is free on it."""

    claim_name: Annotated[str, Field(max_length=253)] | None = Field(
        default=None, description="The claim that was looked at."
    )
    path: Annotated[str, Field(max_length=512)] | None = Field(
        default=None, description="The directory that was looked at."
    )
    free_bytes: Bytes | None = Field(default=None, description="Free space, in bytes.")
    free_inodes: Bytes | None = Field(default=None, description="Free inodes.")


class IdentityStatus(StatusPart):
    """Who the credentials say the session is."""

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
        description="Stands for one version of creds.json; equal while it is not written.",
    )
    suspect_since: Time | None = Field(
        default=None,
        description="Since when every look found the same creds.json unreadable. It is called corrupt "
        "only when successive looks agree, because it is written in place.",
    )


class Trash(StatusPart):
    """Removed files that can still be put back."""

    runs: Count | None = Field(default=None, description="Cleanups whose files are still there.")
    oldest_time: Time | None = Field(default=None, description="When the oldest of them ran.")
    files: Count | None = Field(default=None, description="Files in the trash, at most 5,000.")
    bytes: Bytes | None = Field(default=None, description="Their size when they were removed.")


class CopiesStatus(StatusPart):
    """Copies of creds.json that were known to be whole when they were kept."""

    count: Count | None = Field(
        default=None, description="How many lie in the session directory, of all pairings."
    )
    newest_time: Time | None = Field(default=None, description="When the newest was kept.")
    reason: Word | None = Field(
        default=None,
        description="Why no copy could be kept the last time that one was due; absent when one was.",
    )
    message: Sentence | None = Field(
        default=None, description="That in a sentence, with a way out."
    )
    attempt_time: Time | None = Field(
        default=None, description="When a Job looked last and kept none; absent when it kept one."
    )


class Timers(StatusPart):
    """The last slot of each timer that was handled; a restart neither repeats nor forgets one."""

    trigger: Time | None = Field(
        default=None, description="Last handled slot of the trigger timer."
    )
    daily: Time | None = Field(default=None, description="Last handled slot of the daily cleanup.")


class Forecast(StatusPart):
    """When thresholds will be reached."""

    warning_time: Time | None = Field(default=None, description="When Warning begins.")
    critical_time: Time | None = Field(default=None, description="When Critical begins.")
    emergency_time: Time | None = Field(default=None, description="When Emergency begins.")


class Run(StatusPart):
    """A cleanup that is claimed or running."""

    id: Word | None = Field(default=None, description="Id of the run; the Job carries it.")
    reason: Word | None = Field(
        default=None, description="Why it runs: Trigger, Daily, Emergency or Requested."
    )
    start_time: Time | None = Field(default=None, description="When it was claimed.")
    uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Uid of the run's Job: a Job of another uid counts for nothing, whatever its labels say.",
    )


class Cleanup(StatusPart):
    """One cleanup that is over."""

    run: Word | None = Field(
        default=None, description="Id of the run, as `baileys-janitor undo` takes it."
    )
    time: Time | None = Field(default=None, description="When it ended.")
    reason: Word | None = Field(
        default=None, description="Why it ran: Trigger, Daily, Emergency or Requested."
    )
    outcome: Word | None = Field(
        default=None,
        description="How it ended: Completed, Capped (maxRemovals or its time; it goes on), Killed (its Job was killed "
        "in the middle; it goes on), NothingToDo, DryRun, Refused, Repeated or Failed.",
    )
    removed: Count | None = Field(
        default=None, description="Files removed; in a dry run, that would be."
    )
    before: Count | None = Field(default=None, description="Counted files before it.")
    after: Count | None = Field(
        default=None,
        description="Counted files after it; for one that was Killed, at the first scan since.",
    )
    freed_bytes: Bytes | None = Field(
        default=None, description="Size of the removed files, in bytes."
    )
    duration: Annotated[str, Field(max_length=32)] | None = Field(
        default=None, description="How long the Job worked on the directory, such as 340ms."
    )
    removed_by_reason: Reasons | None = Field(
        default=None, description="Removed files, counted by the reason that let them go."
    )


class LastRestore(StatusPart):
    """A restore from an archive."""

    time: Time | None = Field(default=None, description="When it was over.")
    run: Word | None = Field(
        default=None, description="Its run id: the action Undo takes it back by that."
    )
    mode: Word | None = Field(default=None, description="Safe, Credentials or Whole.")
    archive: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="The archive that was used."
    )
    outcome: Word | None = Field(
        default=None, description="Completed, NothingToDo, Refused, Capped or Failed."
    )
    restored_by_kind: Reasons | None = Field(
        default=None, description="Files that came back, by kind."
    )
    message: Sentence | None = Field(
        default=None, description="What came back, what to know, or why nothing did."
    )


class LastCleanup(Cleanup):
    """The last cleanup, with what explains it."""

    message: Sentence | None = Field(
        default=None, description="What it did, what stayed and why, in a sentence or two."
    )
    removed_by_kind: ByKind | None = Field(default=None, description="Removed files of each kind.")
    kept: Reasons | None = Field(
        default=None, description="Files that stayed, counted by the reason that kept them."
    )
    left: Count | None = Field(
        default=None, description="Files that maxRemovals left for the next run."
    )


class Condition(StatusPart):
    """A condition in the standard form of Kubernetes (metav1.Condition)."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(
        description="What the condition is about, such as Ready or Emergency."
    )
    status: Literal["True", "False", "Unknown"] = Field(
        description="Whether it holds: True, False or Unknown."
    )
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Why, in one CamelCase word."
    )
    message: Annotated[str, Field(max_length=32768)] = Field(
        description="Why, for people, with numbers and a way out."
    )
    last_transition_time: Time = Field(description="When status last changed.")
    observed_generation: Annotated[int, Field(ge=0, le=2**62)] | None = Field(
        default=None, description="The generation of the spec that this was said of."
    )


class TenantStatus(StatusPart):
    """What the operator knows of this tenant."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was made from; -1 before the first "
        "look.",
    )
    level: Level | None = Field(
        default=None,
        description="Healthy, Warning, Critical or Emergency; Unknown before the first scan, after three missed "
        "ones, and while creds.json is missing, broken, too large or of no paired account.",
    )
    attention: Word | None = Field(
        default=None,
        description="The gravest advice or fault that holds, as a condition's type or a reason; "
        "absent while there is none.",
    )
    level_since: Time | None = Field(
        default=None, description="Since when the level is what it is, or has been Unknown."
    )
    last_scan_time: Time | None = Field(
        default=None,
        description="When the files were last counted, as of the last time that the status was written: a scan "
        "that finds nothing new is not written down.",
    )
    next_scan_time: Time | None = Field(
        default=None,
        description="When they are counted after that, at the earliest. In the past, it says that scans went on "
        "and found nothing new; the level becomes Unknown when they do not.",
    )
    growth_per_day: Annotated[float, Field(ge=-1e9, le=1e9)] | None = Field(
        default=None, description="By how many counted files the directory grows a day."
    )
    forecast: Forecast | None = Field(
        default=None,
        description="When thresholds will be reached at the present growth, without a cleanup; only what lies "
        "ahead, and within a year.",
    )
    next: Sentence | None = Field(
        default=None,
        description="What somebody must do first, if anything; then what the janitor does next, when, and what it "
        "hangs on.",
    )
    active_since: Time | None = Field(
        default=None,
        description="Since when the session has had traffic without a pause of more than a day. Absent while the "
        "session is stopped (no traffic for three days).",
    )
    running: Annotated[str, Field(max_length=TEXT_BYTES_MAX)] | None = Field(
        default=None,
        description="When the session had traffic, as far as ages need it: one line for the operator, with a "
        "checksum. Ages count traffic; see docs/rules.md.",
    )
    last_activity_time: Time | None = Field(
        default=None, description="When a session or a sender key was last written."
    )
    identity: IdentityStatus | None = Field(
        default=None, description="Who the credentials say the session is."
    )
    files: Files | None = Field(
        default=None, description="What the last look at the directory counted."
    )
    volume: VolumeStatus | None = Field(
        default=None, description="The volume that the numbers are of, and what is free on it."
    )
    trash: Trash | None = Field(
        default=None, description="Removed files that can still be put back."
    )
    credentials_copies: CopiesStatus | None = Field(
        default=None,
        description="Kept copies of creds.json, from which a broken one can be restored (docs/credentials.md).",
    )
    timers: Timers | None = Field(
        default=None, description="The last slot of each timer that was handled."
    )
    run: Run | None = Field(default=None, description="The cleanup that is claimed or running.")
    cooldown_until: Time | None = Field(
        default=None, description="No Trigger cleanup starts before this time."
    )
    emergency_cooldown_until: Time | None = Field(
        default=None, description="No automatic Emergency cleanup starts before this time."
    )
    next_cleanup_time: Time | None = Field(
        default=None,
        description="When the next cleanup begins that nobody has to ask for, unless something changes before.",
    )
    next_cleanup_reason: Word | None = Field(
        default=None, description="Why it will run: Daily, Trigger or Emergency."
    )
    last_cleanup: LastCleanup | None = Field(
        default=None, description="The last cleanup, with what explains it."
    )
    history: Annotated[list[Cleanup], Field(max_length=HISTORY_LENGTH)] | None = Field(
        default=None, description="The last ten cleanups, newest first."
    )
    trend: Sentence | None = Field(
        default=None,
        description="Whether the cleanups in history keep up with what comes, in a sentence; from two on.",
    )
    last_restore: LastRestore | None = Field(
        default=None, description="The last restore from an archive that was not a dry run."
    )
    backup: BackupStatus | None = Field(
        default=None, description="Backups of the session; absent while none are configured."
    )
    last_handled_request: Annotated[str, Field(max_length=256)] | None = Field(
        default=None,
        description=f"The last value of the annotation {EMERGENCY_ANNOTATION} that was handled.",
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
