"""Refuses a commit whose subject is not `area: what it does`: `python -m docsite.subject FILE`, as git calls it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

MAX: Final = 72
"""The maximum length of a subject, in characters."""
_FORM: Final = re.compile(r"[\w ./,*-]+: \S.*[^.\s]")
_MADE_BY_GIT: Final = ("Merge ", "Revert ", "fixup! ", "squash! ", "amend! ")


def fault(message: str) -> str | None:
    """Return the fault in a commit's message, or None."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if subject.startswith(_MADE_BY_GIT):
        return None
    if len(subject) > MAX:
        return f"The subject has {len(subject)} characters: write at most {MAX}, and the rest into the body"
    if not _FORM.fullmatch(subject):
        return "Write the subject as `area: what it does`, without a full stop"
    if len(lines) > 1 and lines[1].strip():
        return "Leave the line after the subject empty"
    return None


if __name__ == "__main__":
    sys.exit(fault(Path(sys.argv[1]).read_text(encoding="utf-8")))
