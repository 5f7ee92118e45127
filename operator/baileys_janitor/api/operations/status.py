"""The status of an operation, with its answer. As for tenants, stored statuses are read by this model."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from baileys_janitor.api.operations.quiesce import QuiesceStatus
from baileys_janitor.api.status import Condition, Reasons
from baileys_janitor.api.status_parts import Count, Sentence, StatusPart, Time, Word

Phase = Literal[
    "Pending",
    "Quiescing",
    "BackingUp",
    "Working",
    "Resuming",
    "AwaitingPairing",
    "Completed",
    "Failed",
    "RolledBack",
]
PENDING, WORKING, COMPLETED, FAILED = "Pending", "Working", "Completed", "Failed"
QUIESCING, BACKING_UP, RESUMING = "Quiescing", "BackingUp", "Resuming"
AWAITING, ROLLED_BACK = "AwaitingPairing", "RolledBack"
BEFORE: Final = frozenset({QUIESCING, BACKING_UP})
"""Phases of an operation that has begun, but has not changed the session yet."""
ENDED: Final = frozenset({COMPLETED, FAILED, ROLLED_BACK})
"""Final phases."""
STEPS_MAX = 20


class OperationStep(StatusPart):
    """One started step."""

    name: Word | None = Field(default=None, description="Name of the step, such as Clean.")
    time: Time | None = Field(default=None, description="When the step started.")
    outcome: Word | None = Field(
        default=None, description="How the step ended; absent while it runs."
    )


class OperationJob(StatusPart):
    """The Job of the operation."""

    uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Uid of the Job: a Job with another uid is ignored, whatever its labels.",
    )


class RepositoryAnswer(StatusPart):
    """The result of a backup or a drill in one repository."""

    name: Word | None = Field(default=None, description="The name of the repository.")
    outcome: Word | None = Field(
        default=None,
        description="Put, Unchanged, NothingToDo or Failed; for a drill, Passed or Failed.",
    )
    reason: Word | None = Field(default=None, description="Why it failed.")
    archive: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="The newest archive in the repository, or the archive of the drill.",
    )


class OperationResult(StatusPart):
    """The result in numbers."""

    outcome: Word | None = Field(
        default=None,
        description="Completed, Capped (files are left because of maxRemovals, or could not be restored), "
        "NothingToDo, DryRun, Quiet, Resumed, Paired, Superseded, RolledBack, Refused, Killed or "
        "Failed.",
    )
    before: Count | None = Field(default=None, description="Counted files before the operation.")
    after: Count | None = Field(default=None, description="Counted files after the operation.")
    removed: Count | None = Field(
        default=None, description="Files removed; in a dry run, files that would be removed."
    )
    restored: Count | None = Field(default=None, description="Restored files.")
    restored_by_kind: Reasons | None = Field(
        default=None, description="Restore: restored files, by kind."
    )
    archive: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="Restore: the archive that was used."
    )
    archive_time: Time | None = Field(
        default=None, description="Restore: when the session in it was read."
    )
    fingerprint: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Restore: the fingerprint of the archive. Rotate: the fingerprint of the ended pairing.",
    )
    left: Count | None = Field(default=None, description="Files that a further run would remove.")
    kept: Reasons | None = Field(
        default=None,
        description="Clean and RepairContact: kept files. Undo: files that stay in the trash. Restore: files of "
        "the archive that were not restored. By reason.",
    )
    repositories: Annotated[list[RepositoryAnswer], Field(max_length=4)] | None = Field(
        default=None,
        description="Backup and Drill, and the backup before a Restore or a Rotate: the result in each "
        "repository.",
    )
    duration: Word | None = Field(
        default=None, description="How long the Job worked, such as 2.9s."
    )


class OperationStatus(StatusPart):
    """The status of the operation."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was computed from; -1 before the first reconcile.",
    )
    phase: Phase | None = Field(
        default=None,
        description="Pending: it waits; message names the cause. Quiescing: it waits until no pod uses the "
        "claim. BackingUp: the session is backed up first. Working: the action runs. Resuming: the "
        "action has ended, and the stopped workload is started again. AwaitingPairing: the session "
        "was rotated, and nobody has paired the tenant yet. Completed, Failed or RolledBack: it has "
        "ended.",
    )
    tenant_uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Uid of the tenant: the operation does not apply to another tenant of the same name.",
    )
    start_time: Time | None = Field(default=None, description="When the operation started.")
    completion_time: Time | None = Field(default=None, description="When the operation ended.")
    run: Word | None = Field(
        default=None,
        description="Id of the run on the volume: that of the operation, or for Undo that of the run that it "
        "undoes.",
    )
    job: OperationJob | None = Field(default=None, description="The Job of the operation.")
    quiesce: QuiesceStatus | None = Field(
        default=None,
        description="The workload that is stopped, or was stopped, and its earlier replicas.",
    )
    steps: Annotated[list[OperationStep], Field(max_length=STEPS_MAX)] | None = Field(
        default=None, description="The started steps, in order."
    )
    result: OperationResult | None = Field(default=None, description="The result in numbers.")
    message: Sentence | None = Field(
        default=None, description="The cause of waiting, the result, or the reason of the failure."
    )
    conditions: Annotated[list[Condition], Field(max_length=8)] | None = Field(
        default=None,
        description="Complete and Failed, as for a Job; Quiesced, Fought and AwaitingPairing. `kubectl wait` can "
        "wait for any of them.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
