"""Broken or missing credentials of a session directory: never healthy, and never to be solved by a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.problems import Problem
from baileys_janitor.policy import reasons
from baileys_janitor.policy.file_kinds import CREDS, OTHER
from baileys_janitor.policy.identity import ABSENT, CORRUPT, TOO_LARGE

if TYPE_CHECKING:
    from baileys_janitor.cli.json_output import DirectoryDocument

FAULTS: Final = frozenset(
    {reasons.CREDENTIALS_CORRUPT, reasons.CREDENTIALS_TOO_LARGE, reasons.CREDENTIALS_ABSENT}
)
"""The codes of credentials that a session cannot start with."""

_SENTENCES: Final = {
    reasons.CREDENTIALS_ABSENT: (
        "There is no creds.json beside the session files, so nothing is removed. If this tenant was paired: "
        f"{reasons.SAVE_CREDENTIALS[0].lower()}{reasons.SAVE_CREDENTIALS[1:]}"
    )
}


def fault_of(identity: str, by_kind: dict[str, int]) -> str | None:
    """Return what is wrong with creds.json, None where it is whole or the tenant was never paired."""
    if identity == CORRUPT:
        return reasons.CREDENTIALS_CORRUPT
    if identity == TOO_LARGE:
        return reasons.CREDENTIALS_TOO_LARGE
    beside = any(number for kind, number in by_kind.items() if kind not in {CREDS, OTHER})
    return reasons.CREDENTIALS_ABSENT if identity == ABSENT and beside else None


def sentence(fault: str) -> str:
    """Return what is wrong and the way out."""
    return _SENTENCES.get(fault) or reasons.explain(fault)


def problem_of(found: DirectoryDocument) -> Problem | None:
    """Return the problem with the credentials of a directory, None without one."""
    fault = fault_of(found["identity"], found["byKind"])
    return None if fault is None else Problem(f"{found['path']}: {sentence(fault)}", code=fault)
