"""Broken or missing credentials of a session directory: never healthy, and a restart never helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from baileys_janitor.policy import reasons
from baileys_janitor.policy.findings import MISSING, OF_CREDENTIALS

if TYPE_CHECKING:
    from baileys_janitor.cli.terminal.json_output import DirectoryDocument

FAULTS: Final = frozenset(
    {reasons.CREDENTIALS_CORRUPT, reasons.CREDENTIALS_TOO_LARGE, reasons.CREDENTIALS_ABSENT}
)
"""The codes of a run that removes nothing because of creds.json."""


def sentence(code: str) -> str:
    """Return the fault and the remedy, for checks that read only creds.json."""
    return MISSING if code == reasons.CREDENTIALS_ABSENT else reasons.explain(code)


def sentence_of(found: DirectoryDocument, code: str) -> str | None:
    """Return the message of `scan` on this directory's creds.json, None if a run was refused for another reason.

    A tenant that was never paired has no fault, although a run is refused because it lacks credentials.
    """
    if code not in FAULTS:
        return None
    return next(
        (each["message"] for each in found["findings"] if each["code"] in OF_CREDENTIALS), None
    )
