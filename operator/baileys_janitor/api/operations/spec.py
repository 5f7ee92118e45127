"""The spec of a `BaileysOperation`. It never changes, so that an answer always belongs to its question."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from baileys_janitor.api.operations.quiesce import QuiesceRequest
from baileys_janitor.api.operations.repair import RepairContactRequest
from baileys_janitor.api.operations.restore import RestoreRequest
from baileys_janitor.api.operations.rotate import RollbackRequest, RotateRequest, RunId
from baileys_janitor.api.values.base import Model, rule, rules
from baileys_janitor.api.values.patterns import OBJECT_NAME

Action = Literal[
    "Clean",
    "Undo",
    "Backup",
    "Drill",
    "Quiesce",
    "Resume",
    "Restore",
    "RepairContact",
    "Rotate",
    "Rollback",
]
CLEAN, UNDO, BACKUP, DRILL = "Clean", "Undo", "Backup", "Drill"
QUIESCE, RESUME = "Quiesce", "Resume"
RESTORE = "Restore"
REPAIR_CONTACT = "RepairContact"
ROTATE, ROLLBACK = "Rotate", "Rollback"
REPLACING: Final = frozenset({RESTORE, ROTATE})
"""Actions before which the session is backed up."""
STOPPING: Final = REPLACING | {REPAIR_CONTACT, ROLLBACK}
"""Actions that need a session without users, and can have its workload stopped meanwhile."""
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
"""All actions."""
BY_DEFAULT: Final[tuple[Action, ...]] = ("Clean", "Undo", "Backup", "Drill", "Resume")
"""Actions that are allowed by default: none that stops or replaces anything."""


class CleanRequest(Model):
    """How to clean."""

    emergency: bool | None = Field(
        default=None,
        description="true: continue with emergencyRetention while the count is at critical or above, as an "
        "Emergency cleanup does. Unset: only the normal retention.",
    )


class UndoRequest(Model):
    """The run to undo."""

    run: RunId | None = Field(
        default=None,
        description="Id of the cleanup, as in status.history of the tenant or status.run of an operation. Unset: the "
        "last one that removed something.",
    )


class OperationSpec(Model):
    """The requested action. It cannot be changed: create another operation instead."""

    model_config = rules(
        rule("self == oldSelf", "the spec cannot be changed: create another operation"),
        rule(
            "!has(self.dryRun) || !self.dryRun"
            " || self.action in ['Clean', 'Restore', 'RepairContact', 'Rotate', 'Rollback']",
            "dryRun is for Clean, Restore, RepairContact, Rotate and Rollback: the other actions have none",
        ),
        rule("!has(self.clean) || self.action == 'Clean'", "clean is for the action Clean"),
        rule("!has(self.undo) || self.action == 'Undo'", "undo is for the action Undo"),
        rule(
            "!has(self.quiesce)"
            " || self.action in ['Quiesce', 'Restore', 'RepairContact', 'Rotate', 'Rollback']",
            "quiesce is for Quiesce, Restore, RepairContact, Rotate and Rollback",
        ),
        rule(
            "!has(self.quiesce) || !has(self.dryRun) || !self.dryRun",
            "a dry run stops nothing: leave quiesce out",
        ),
        rule(
            "has(self.restore) == (self.action == 'Restore')",
            "restore is for the action Restore, which needs it",
        ),
        rule(
            "has(self.repairContact) == (self.action == 'RepairContact')",
            "repairContact is for the action RepairContact, which needs it",
        ),
        rule("!has(self.rotate) || self.action == 'Rotate'", "rotate is for the action Rotate"),
        rule(
            "!has(self.rollback) || self.action == 'Rollback'",
            "rollback is for the action Rollback",
        ),
    )

    tenant: Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)] = Field(
        description="Name of the BaileysTenant, in the namespace of this resource."
    )
    action: Action = Field(
        description="Clean: clean the session directory now. Undo: restore the files that a cleanup or a repair "
        "removed, or remove the files that a restore wrote. Backup: back up the session now, to all "
        "of its repositories. Drill: rehearse a restore from each of them. Quiesce: stop the "
        "workload, or wait until no pod uses the claim. Resume: start the workloads that were "
        "stopped for the tenant. Restore: restore the session from an archive. RepairContact: make "
        "the library rebuild the sessions with one contact, or keys of a group. Rotate: end the "
        "pairing, so that the tenant is paired again in its directory. Rollback: undo a rotation, as "
        "long as nobody has paired the tenant again."
    )
    dry_run: bool | None = Field(
        default=None, description="true: report the changes, and make none."
    )
    clean: CleanRequest | None = Field(default=None, description="How to clean.")
    undo: UndoRequest | None = Field(default=None, description="The run to undo.")
    quiesce: QuiesceRequest | None = Field(
        default=None,
        description="How to stop the use of the claim. Restore, RepairContact, Rotate and Rollback: during the "
        "operation; if unset, they wait until a person has stopped the workload.",
    )
    restore: RestoreRequest | None = Field(
        default=None, description="The archive to restore, and the identity that it must have."
    )
    repair_contact: RepairContactRequest | None = Field(
        default=None, description="The contact whose sessions or keys are rebuilt."
    )
    rotate: RotateRequest | None = Field(default=None, description="How to rotate.")
    rollback: RollbackRequest | None = Field(default=None, description="The rotation to roll back.")
