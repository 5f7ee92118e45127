"""After a rotation: who must pair the tenant, and what ends the waiting. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from baileys_janitor.api.bounded import part, text
from baileys_janitor.api.operations.spec import ROLLBACK, ROTATE
from baileys_janitor.api.operations.status import AWAITING
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.controller.operations import progress
from baileys_janitor.controller.operations.record import OperationRecord
from baileys_janitor.controller.operations.stages.verdict import Do, Verdict
from baileys_janitor.job.result import CleanResult, UndoResult
from baileys_janitor.policy.rotation import UNDO_SECONDS
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.wording import files

Object = dict[str, Any]
PAIRED, SUPERSEDED, OLD_PAIRING = "Paired", "Superseded", "OldPairing"
FINGERPRINT_MAX: Final = 64


def is_awaiting(operation: OperationRecord) -> bool:
    """Return whether the stored operation waits for a pairing."""
    return operation.status.get("phase") == AWAITING


def rotates(operation: OperationRecord) -> bool:
    """Return whether a new pairing is due after an operation."""
    spec = operation.spec
    return spec is not None and spec.action == ROTATE and not spec.dry_run


def undo_seconds(operation: OperationRecord) -> float:
    """Return for how many seconds a rotation can be rolled back."""
    spec = operation.spec
    asked = None if spec is None or spec.rotate is None else spec.rotate.undo
    return float(UNDO_SECONDS if asked is None else asked.seconds)


def rolled_back_run(operation: OperationRecord, others: Iterable[OperationRecord]) -> str | None:
    """Return the rotation that a rollback undoes; None for the volume's latest one."""
    spec = operation.spec
    if spec is not None and spec.rollback is not None and spec.rollback.run is not None:
        return spec.rollback.run
    return next((each.run for each in reversed(list(others)) if is_awaiting(each)), None)


def rolls_back(operation: OperationRecord) -> bool:
    """Return whether an operation rolls a rotation back."""
    return operation.spec is not None and operation.spec.action == ROLLBACK


def is_rolled_back_by(awaiting: OperationRecord, rollback: OperationRecord) -> bool:
    """Return whether a finished rollback belongs to a rotation."""
    return is_awaiting(awaiting) and rolls_back(rollback) and rollback.run in (None, awaiting.run)


def decide(
    operation: OperationRecord,
    tenant: TenantRecord | None,
    others: Iterable[OperationRecord],
) -> Verdict:
    """Return the verdict on an operation that waits for a pairing; `others` are those of its tenant."""
    if tenant is None:
        return Verdict(Do.WAIT)
    since = from_rfc3339(progress.step_time(operation.current)) or operation.created
    for each in others:
        later = from_rfc3339(progress.step_time(each.current)) or each.created
        if each is not operation and is_awaiting(each) and later > since:
            message = f"The operation {each.name} has rotated the session again."
            return Verdict(Do.COMPLETE, SUPERSEDED, message)
    look, begun = tenant.look, tenant.scan.begun_at
    if look is None or look.identity_state != PAIRED or begun is None or begun <= since:
        return Verdict(Do.WAIT)
    before = text(part(operation.current, "result").get("fingerprint"), FINGERPRINT_MAX)
    found = look.fingerprint
    if before and found == before:
        message = (
            "creds.json is that of the pairing that was rotated out: its process was not stopped, or the session was "
            "restored. Stop the process, and create an operation Rotate again, or Rollback."
        )
        return Verdict(Do.WAIT, OLD_PAIRING, message)
    return Verdict(Do.COMPLETE, PAIRED, f"The tenant is paired: its fingerprint is {found}.")


def due(operation: OperationRecord, now: float) -> str:
    """Return the sentence about what somebody must do while an operation waits for a pairing."""
    until = _until(operation)
    back = (
        ""
        if until is None or until <= now
        else f" Until {to_rfc3339(until)}, and while nobody has, an operation Rollback brings the old session back."
    )
    return (
        f"The operation {operation.name} has rotated the session: pair the tenant with the QR code or the pairing code "
        f"that its application shows.{back}"
    )


def _until(operation: OperationRecord) -> float | None:
    began = from_rfc3339(operation.current.get("startTime"))
    return None if began is None else began + undo_seconds(operation)


def rotated_sentence(result: CleanResult, dry_run: bool) -> str:
    """Return the result of a rotation, or of its dry run, as a sentence."""
    stay = sum((result.kept or {}).values())
    verb = "stays" if stay == 1 else "stay"
    left = f" {files(stay)} {verb}: LID mappings and files of unknown names." if stay else ""
    moved = files(result.removed or 0)
    if dry_run:
        return (
            f"{moved} would move into the trash, and the tenant would have to be paired anew.{left}"
        )
    return f"{moved} moved into the trash.{left} Pair the tenant anew."


def rolled_back_sentence(result: UndoResult) -> str:
    """Return the result of a rollback as a sentence."""
    said = f"{files(result.restored or 0)} came back: the old session is as it was."
    if result.taken_away:
        said += f" {files(result.taken_away)} of the process that waited for a pairing moved aside."
    return said
