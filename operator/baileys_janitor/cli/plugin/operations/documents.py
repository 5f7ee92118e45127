"""Operations as the API server has them, read within bounds."""

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
"""The phase of a rotation that waits for somebody to pair the tenant, for days perhaps."""
ENDED: Final = frozenset({COMPLETED, "Failed", "RolledBack"})
"""Phases after which nothing happens any more."""


class OperationDocument(TypedDict):
    """One operation, as `-o json` prints it; `status` is what of its status is within the bounds of the resource."""

    namespace: str
    name: str
    uid: str
    tenant: str
    action: str
    dryRun: bool
    created: str | None
    status: dict[str, Any]


def operation_document(found: Mapping[str, Any]) -> OperationDocument:
    """Return an operation from its object."""
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
    """Return the phase; Pending before the operator has looked at it."""
    return operation["status"].get("phase") or "Pending"


def has_ended(operation: OperationDocument, rests: Collection[str] = ()) -> bool:
    """Return whether nothing happens any more, or nothing that is waited for: it is in one of the phases `rests`."""
    return phase_of(operation) in ENDED or phase_of(operation) in rests


def has_succeeded(operation: OperationDocument, rests: Collection[str] = ()) -> bool:
    """Return whether it was done, or has come as far as is waited for."""
    return phase_of(operation) == COMPLETED or phase_of(operation) in rests


def line_of(operation: OperationDocument) -> str:
    """Return how it is, in a line: `shop/acme: Completed: Removed 12 files.`"""
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
