"""Broken or missing credentials of a session directory: never healthy, and never to be solved by a restart."""

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
    """Return what is wrong and the way out, for what looks at creds.json and at no more."""
    return MISSING if code == reasons.CREDENTIALS_ABSENT else reasons.explain(code)


def sentence_of(found: DirectoryDocument, code: str) -> str | None:
    """Return what `scan` says of this directory's creds.json, None where a run was refused for something else.

    A tenant that nobody paired yet has no fault, though a run is refused for its lack of credentials.
    """
    if code not in FAULTS:
        return None
    return next(
        (each["message"] for each in found["findings"] if each["code"] in OF_CREDENTIALS), None
    )
