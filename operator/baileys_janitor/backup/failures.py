"""Errors of one session, in a process that handles many sessions one after another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from baileys_janitor.backup.errors import IDENTITY_UNREADABLE, BackupProblem
from baileys_janitor.volume.errors import VolumeProblem
from baileys_janitor.volume.files.safe_open import open_session

if TYPE_CHECKING:
    from baileys_janitor.backup.archive.encryption import Identities

UNEXPECTED: Final = "Unexpected"
_IDENTITY_FILE_MAX: Final = 65_536


def failure_of(error: Exception) -> tuple[str, str]:
    """Return the code and the sentence of an exception; of an unexpected one, only its type.

    The text of an unexpected exception may hold a file's name.
    """
    if isinstance(error, (BackupProblem, VolumeProblem)):
        return error.code, str(error)
    return UNEXPECTED, f"Something unforeseen happened ({type(error).__name__})."


@contextmanager
def session_directory(root: str, path: str) -> Iterator[int]:
    """Open the session directory `path` beneath `root`, and close it. Raises VolumeProblem."""
    directory = open_session(root, path)
    try:
        yield directory
    finally:
        os.close(directory)


def read_identities(path: str, what: str, way_out: str) -> Identities:
    """Return the identities in a file; `what` (the file's description) and `way_out` are for people.

    Raises BackupProblem: IdentityUnreadable, IdentityInvalid.
    """
    from baileys_janitor.backup.archive.encryption import Identities

    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - cheap to load
            text = file.read(_IDENTITY_FILE_MAX)
    except (OSError, ValueError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else "it is not text"
        raise BackupProblem(IDENTITY_UNREADABLE, what=what, why=why, way_out=way_out) from None
    return Identities(text)
