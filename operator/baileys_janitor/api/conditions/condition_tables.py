"""The tables of the docs that come from the registry of conditions, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from baileys_janitor.api.conditions.condition_kinds import (
    CONDITIONS,
    ConditionKind,
    EventKind,
    Group,
)
from baileys_janitor.api.conditions.incident_kinds import INCIDENT_KINDS
from baileys_janitor.api.keystores.conditions import STORE_CONDITIONS
from baileys_janitor.api.tenant_sets.conditions import SET_CONDITIONS


def conditions() -> str:
    """Return the conditions that give advice, for docs/resource.md."""
    return markdown(
        ("Condition", "True when", "What to do", "Runbook"),
        (
            (f"`{kind.type}`", kind.when, _to_do(kind), _link(kind.runbook))
            for kind in CONDITIONS.values()
            if kind.group == Group.ADVICE
        ),
    )


def backup_conditions() -> str:
    """Return the conditions of backups, for docs/resource.md."""
    return markdown(
        ("Condition", "True when", "What to do", "Runbook"),
        (
            (f"`{kind.type}`", kind.when, _to_do(kind), _link(kind.runbook))
            for kind in CONDITIONS.values()
            if kind.group == Group.BACKUP
        ),
    )


def store_conditions() -> str:
    """Return the conditions of a key store besides Ready and Stalled, for docs/keystore.md."""
    return markdown(
        ("Condition", "When", "What to do"),
        (
            (f"`{kind.type}`", kind.when, _to_do(kind))
            for kind in STORE_CONDITIONS.values()
            if kind.type not in {"Ready", "Stalled"}
        ),
    )


def set_conditions() -> str:
    """Return the conditions of a set of tenants besides Ready and Stalled, for docs/tenant-sets.md."""
    return markdown(
        ("Condition", "When", "What to do"),
        (
            (f"`{kind.type}`", kind.when, _to_do(kind))
            for kind in SET_CONDITIONS.values()
            if kind.type not in {"Ready", "Stalled"}
        ),
    )


def events() -> str:
    """Return the Events that report conditions, for docs/events.md."""
    rows: list[tuple[str, EventKind, str]] = []
    for kind in CONDITIONS.values():
        if kind.event is not None:
            rows.append((kind.type, kind.event, kind.event.when or kind.when))
        rows += [(reason, each, each.when) for reason, each in kind.reason_events.items()]
        if kind.false_event is not None:
            rows.append((kind.false_event.reason, kind.false_event, kind.false_event.when))
    return markdown(
        ("Reason", "Type", "Action", "When"),
        ((f"`{reason}`", event.type, event.action, when) for reason, event, when in rows),
    )


def incidents() -> str:
    """Return the messages that can be sent, for docs/notifications.md."""
    of_conditions = {
        kind.incident.name: kind.when for kind in CONDITIONS.values() if kind.incident is not None
    }
    return markdown(
        ("Reason", "Severity", "When", "Runbook"),
        (
            (
                f"`{kind.name}`",
                kind.severity,
                kind.when or of_conditions[kind.name],
                _link(kind.runbook),
            )
            for kind in INCIDENT_KINDS.values()
        ),
    )


def _to_do(kind: ConditionKind) -> str:
    return kind.to_do or (kind.incident.to_do if kind.incident is not None else "")


def _link(runbook: str) -> str:
    return f"[{runbook}](runbooks/{runbook}.md)" if runbook else ""


def markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table as Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
