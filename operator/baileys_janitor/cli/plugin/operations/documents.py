"""Operations as read from the API server, with bounded values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

from baileys_janitor.api.bounded import part
from baileys_janitor.api.names import OPERATION_KIND
from baileys_janitor.api.status_readers import reader_of
from baileys_janitor.cli.plugin.tenants import readable, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

COMPLETED: Final = "Completed"
AWAITING: Final = "AwaitingPairing"
"""The phase of a rotation that waits for a pairing, perhaps for days."""
ENDED: Final = frozenset({COMPLETED, "Failed", "RolledBack"})
"""The final phases."""


class OperationDocument(TypedDict):
    """One operation, as `-o json` prints it; `status` holds the valid part of its status."""

    namespace: str
    name: str
    uid: str
    tenant: str
    action: str
    dryRun: bool
    created: str | None
    status: dict[str, Any]


def operation_document(found: Mapping[str, Any]) -> OperationDocument:
    """Return the document of an operation object."""
    meta, spec = part(found, "metadata"), part(found, "spec")
    return {
        "namespace": shown(meta.get("namespace")),
        "name": shown(meta.get("name")),
        "uid": shown(meta.get("uid"), 64),
        "tenant": shown(spec.get("tenant")),
        "action": shown(spec.get("action"), 32),
        "dryRun": spec.get("dryRun") is True,
        "created": shown(meta.get("creationTimestamp"), 32) or None,
        "status": readable(reader_of(OPERATION_KIND).read(found.get("status"))),
    }


def phase_of(operation: OperationDocument) -> str:
    """Return the phase; Pending while the operator has set none."""
    return operation["status"].get("phase") or "Pending"


def has_ended(operation: OperationDocument, rests: Collection[str] = ()) -> bool:
    """Return whether an operation is in a final phase, or in one of the phases `rests`."""
    return phase_of(operation) in ENDED or phase_of(operation) in rests


def has_succeeded(operation: OperationDocument, rests: Collection[str] = ()) -> bool:
    """Return whether an operation is completed, or in one of the phases `rests`."""
    return phase_of(operation) == COMPLETED or phase_of(operation) in rests


def line_of(operation: OperationDocument) -> str:
    """Return the state in one line, such as `shop/acme: Clean Completed: Removed 12 files.`"""
    where = f"{operation['namespace']}/{operation['tenant']}"
    dry = " (dry run)" if operation["dryRun"] else ""
    message = operation["status"].get("message")
    if not message:
        waits = (
            "the operator has not looked at it yet" if not operation["status"].get("phase") else ""
        )
        message = waits
    said = f": {message}" if message else ""
    return f"{where}: {operation['action']}{dry} {phase_of(operation)}{said}"
