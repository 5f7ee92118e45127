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
        description="true: go on with emergencyRetention while the count is at critical or above, as an Emergency "
        "cleanup does. Unset: only the normal retention.",
    )


class UndoRequest(Model):
    """What to put back."""

    run: RunId | None = Field(
        default=None,
        description="Id of the cleanup, as in status.history of the tenant or status.run of an operation. Unset: the "
        "last one that removed something.",
    )


class OperationSpec(Model):
    """What is asked for. It cannot be changed: create another operation instead."""

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
        description="Clean: clean the session directory now. Undo: put back what a cleanup or a repair removed, or "
        "take away what a restore put there. Backup: back the session up now, to all of its repositories. Drill: "
        "rehearse a restore from each of them. Quiesce: have nothing use the claim, and keep it so. Resume: start "
        "again what was stopped for the tenant. Restore: put the session back from an archive. "
        "RepairContact: have the library build the sessions with one contact, or keys of a group, anew. Rotate: end "
        "the pairing, so that the tenant is paired anew in its directory. Rollback: take a rotation back before that."
    )
    dry_run: bool | None = Field(
        default=None, description="true: report what would be done, and change nothing."
    )
    clean: CleanRequest | None = Field(default=None, description="How to clean.")
    undo: UndoRequest | None = Field(default=None, description="What to put back.")
    quiesce: QuiesceRequest | None = Field(
        default=None,
        description="How to have nothing use the claim. Restore, RepairContact, Rotate and Rollback: meanwhile; unset, "
        "they wait until somebody else has stopped the workload.",
    )
    restore: RestoreRequest | None = Field(
        default=None, description="What to restore, and whose it must be."
    )
    repair_contact: RepairContactRequest | None = Field(
        default=None, description="Whose sessions or keys are built anew."
    )
    rotate: RotateRequest | None = Field(default=None, description="How to rotate.")
    rollback: RollbackRequest | None = Field(default=None, description="What to roll back.")
