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
    """One step that was begun."""

    name: Word | None = Field(default=None, description="What was done, such as Clean.")
    time: Time | None = Field(default=None, description="When it began.")
    outcome: Word | None = Field(
        default=None, description="How it ended; absent while it is under way."
    )


class OperationJob(StatusPart):
    """The Job that carries the operation out."""

    uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Its uid: a Job of another uid counts for nothing, whatever its labels say.",
    )


class RepositoryAnswer(StatusPart):
    """How a backup or a drill ended in one repository."""

    name: Word | None = Field(default=None, description="The name of the repository.")
    outcome: Word | None = Field(
        default=None,
        description="Put, Unchanged, NothingToDo or Failed; of a drill Passed or Failed.",
    )
    reason: Word | None = Field(default=None, description="Why it failed.")
    archive: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="The archive that is there now, or that was drilled."
    )


class OperationResult(StatusPart):
    """What was done, in numbers."""

    outcome: Word | None = Field(
        default=None,
        description="Completed, Capped (something is left: by maxRemovals, or what could not go back), NothingToDo, "
        "DryRun, Quiet, Resumed, Paired, Superseded, RolledBack, Refused, Killed or Failed.",
    )
    before: Count | None = Field(default=None, description="Counted files before it.")
    after: Count | None = Field(default=None, description="Counted files after it.")
    removed: Count | None = Field(
        default=None, description="Files removed; in a dry run, that would be."
    )
    restored: Count | None = Field(
        default=None, description="Files that are in their places again."
    )
    restored_by_kind: Reasons | None = Field(
        default=None, description="Restore: files that came back, by kind."
    )
    archive: Annotated[str, Field(max_length=128)] | None = Field(
        default=None, description="Restore: the archive that was used."
    )
    archive_time: Time | None = Field(
        default=None, description="Restore: when the session in it was read."
    )
    fingerprint: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Restore: the fingerprint of the archive. Rotate: of the pairing that was ended.",
    )
    left: Count | None = Field(default=None, description="Files that a further run would remove.")
    kept: Reasons | None = Field(
        default=None,
        description="Clean and RepairContact: files that stayed. Undo: files that stay in the trash. Restore: files "
        "of the archive that were not put back. By the reason.",
    )
    repositories: Annotated[list[RepositoryAnswer], Field(max_length=4)] | None = Field(
        default=None,
        description="Backup and Drill, and the backup before a Restore or a Rotate: how it ended in each repository.",
    )
    duration: Word | None = Field(
        default=None, description="How long the Job worked, such as 2.9s."
    )


class OperationStatus(StatusPart):
    """What became of the operation."""

    observed_generation: Annotated[int, Field(ge=-1, le=2**62)] | None = Field(
        default=None,
        description="The generation of the spec that the status was made from; -1 before the first look.",
    )
    phase: Phase | None = Field(
        default=None,
        description="Pending: it waits, and message says for what. Quiescing: nothing may use the claim any more. "
        "BackingUp: the session is backed up first. Working: it is being done. Resuming: it is done or has failed, and "
        "what was stopped is started again. AwaitingPairing: the session was rotated, and nobody has paired the tenant "
        "yet. Completed, Failed or RolledBack: it is over.",
    )
    tenant_uid: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description="Uid of the tenant: another one of that name is not what the operation is about.",
    )
    start_time: Time | None = Field(default=None, description="When it was begun.")
    completion_time: Time | None = Field(default=None, description="When it was over.")
    run: Word | None = Field(
        default=None,
        description="Id of the run on the volume: of the cleanup that this is, or that this puts back.",
    )
    job: OperationJob | None = Field(
        default=None, description="The Job that carries the operation out."
    )
    quiesce: QuiesceStatus | None = Field(
        default=None, description="The workload that is stopped, or was, and what it had."
    )
    steps: Annotated[list[OperationStep], Field(max_length=STEPS_MAX)] | None = Field(
        default=None, description="The steps that were begun, in their order."
    )
    result: OperationResult | None = Field(default=None, description="What was done, in numbers.")
    message: Sentence | None = Field(
        default=None, description="What it waits for, what was done, or why it failed."
    )
    conditions: Annotated[list[Condition], Field(max_length=8)] | None = Field(
        default=None,
        description="Complete and Failed, as of a Job; Quiesced, Fought and AwaitingPairing. `kubectl wait` can wait "
        "for any.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
