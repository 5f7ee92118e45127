"""The operations of a tenant, and those of a fleet that need attention.

API servers from 1.31 on select them by field, if the CRD allows it; from older ones all are read, up to a limit.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from baileys_janitor.cli.kubectl.refusals import NO_RESOURCE, NO_SELECTOR, Request
from baileys_janitor.cli.kubectl.resources import OPERATIONS
from baileys_janitor.cli.plugin.operations.documents import (
    has_ended,
    has_succeeded,
    operation_document,
    phase_of,
)
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.report.words import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from baileys_janitor.cli.kubectl.client import Kubectl
    from baileys_janitor.cli.plugin.operations.documents import OperationDocument

_READ_MOST: Final = 2000
"""The most operations that are read if the API server cannot select by field."""
_DAY_SECONDS: Final = 86_400.0
_ENDED_MOST: Final = 4
_TOLD_MOST: Final = 3


class Listed(NamedTuple):
    """Operations, and whether there may be more that were not read."""

    operations: list[OperationDocument]
    cut: bool = False


def of_tenant(kubectl: Kubectl, namespace: str, tenant: str) -> list[OperationDocument]:
    """Return the operations of a tenant: the active ones, next first, then the last ones that have ended."""
    found = [
        each
        for each in _listed(kubectl, namespace, f"spec.tenant={tenant}").operations
        if each["tenant"] == tenant
    ]
    active = sorted((each for each in found if not has_ended(each)), key=_turn)
    ended = sorted((each for each in found if has_ended(each)), key=_since, reverse=True)
    return [*active, *ended[:_ENDED_MOST]]


def of_fleet(kubectl: Kubectl, namespace: str | None, now: float) -> Listed:
    """Return the active operations, and those that failed within a day; `namespace` None means all namespaces."""
    found = _listed(kubectl, namespace, "status.phase!=Completed")
    told = [
        each
        for each in found.operations
        if not has_ended(each) or (not has_succeeded(each) and now - _since(each) < _DAY_SECONDS)
    ]
    return Listed(sorted(told, key=lambda each: (not has_ended(each), _since(each))), found.cut)


def _listed(kubectl: Kubectl, namespace: str | None, selector: str) -> Listed:
    try:
        chosen = kubectl.select(OPERATIONS, namespace, {"fieldSelector": selector})
        return Listed([operation_document(each) for each in chosen])
    except Request as refused:
        if refused.code == NO_RESOURCE:
            return Listed([])
        if refused.code != NO_SELECTOR:
            raise
    everything = kubectl.select(OPERATIONS, namespace)
    read = [operation_document(each) for each in islice(everything, _READ_MOST)]
    return Listed(read, next(everything, None) is not None)


def _since(operation: OperationDocument) -> float:
    """Return the time at which the operation ended, else started, else was created."""
    status = operation["status"]
    times = (status.get("completionTime"), status.get("startTime"), operation["created"])
    return next((found for each in times if (found := seconds_of(each)) is not None), 0.0)


def _turn(operation: OperationDocument) -> tuple[bool, float]:
    return phase_of(operation) == "Pending", _since(operation)


def sentence(operation: OperationDocument, now: float) -> str:
    """Return `Undo Failed 2h ago: ...` or `Clean Pending for 5m: ...`."""
    status = operation["status"]
    age = formatting.age(max(0.0, now - _since(operation)))
    when = f"{age} ago" if has_ended(operation) else f"for {age}"
    dry = " (dry run)" if operation["dryRun"] else ""
    run = f" (run {status['run']})" if status.get("run") and has_ended(operation) else ""
    message = status.get("message") or (
        "" if status.get("phase") else "the operator has not looked at it yet"
    )
    said = f"{operation['action']}{dry} {phase_of(operation)} {when}{run}"
    return f"{said}: {message}" if message else said


def told(listed: Listed, now: float, *, every: bool) -> Iterator[str]:
    """Yield the lines about a fleet's operations; none if there are no operations to report."""
    found = listed.operations
    if found:
        yield f"Operations: {', '.join(_counts(found))}."
    shown = found if every else found[:_TOLD_MOST]
    for each in shown:
        yield f"{each['namespace']}/{each['tenant']}: {sentence(each, now)}"
    if len(found) > len(shown):
        yield f"... and {len(found) - len(shown):,} more operations (-o wide shows all)"
    if listed.cut:
        yield (
            f"There are more than {_READ_MOST:,} operations, of which this API server does not choose some; "
            "kubectl get bop shows all."
        )


def _counts(operations: Iterable[OperationDocument]) -> Iterator[str]:
    found = list(operations)
    failed = sum(has_ended(each) for each in found)
    waiting = sum(phase_of(each) == "Pending" for each in found)
    under_way = len(found) - failed - waiting
    if failed:
        yield f"{failed:,} failed within a day"
    if under_way:
        yield f"{under_way:,} under way"
    if waiting:
        yield f"{waiting:,} {'waits' if waiting == 1 else 'wait'}"
