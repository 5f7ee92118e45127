"""The severity of a finding by its type, the same as in notifications."""

from __future__ import annotations

from typing import Final

from baileys_janitor.api.conditions.condition_kinds import (
    CONDITIONS,
    CRITICAL,
    EMERGENCY,
    RANKS,
    WARNING,
    Group,
)
from baileys_janitor.policy.findings import FAULT as FAULT_OF_FILES
from baileys_janitor.policy.findings import SEVERITIES
from baileys_janitor.report.model import FindingDocument
from baileys_janitor.report.words import number, several

_RANKS: Final = {
    kind.type: RANKS[kind.incident.severity if kind.incident is not None else WARNING]
    for kind in CONDITIONS.values()
}
ADVICE: Final = frozenset(kind.type for kind in CONDITIONS.values() if kind.group is Group.ADVICE)
"""Types of conditions that are findings while they are True."""
FAULT: Final = RANKS[CRITICAL]
"""The severity of a tenant that is not Ready."""


def severity_of(type_: str) -> int:
    """Return the severity of a finding, 1 to 3; an unknown type is a warning."""
    of_files = RANKS[CRITICAL] if SEVERITIES.get(type_) == FAULT_OF_FILES else RANKS[WARNING]
    return _RANKS.get(type_) or of_files


def of_level(
    level: str, counted: int | None, limit: int | None, could_go: int | None
) -> FindingDocument | None:
    """Return the finding for a level at `critical` or above; None for any other level."""
    if level not in {CRITICAL, EMERGENCY} or counted is None or limit is None:
        return None
    if could_go:
        does = f"A cleanup would remove {several(could_go, 'file')} now."
    else:
        does = "No cleanup lowers it now: see below why the files stay."
    return {
        "type": level,
        "severity": RANKS[level],
        "message": f"{number(counted)} counted files, and the limit is {number(limit)}. {does}",
    }
