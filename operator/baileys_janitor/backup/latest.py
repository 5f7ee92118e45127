"""Which archive is the latest one of a session, and whose it must be.

Whoever has the public recipient can forge an archive and give it the newest time. So an archive counts if the session's
directory vouches for it, by name and SHA-256. Where nothing is known any more, because the directory is lost, a person
says whose archives count: by the fingerprint that `backup fingerprints` has printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from baileys_janitor.backup.errors import (
    FINGERPRINT_DIFFERS,
    FINGERPRINT_INVALID,
    IDENTITY_UNKNOWN,
    NO_ARCHIVE,
    BackupProblem,
)
from baileys_janitor.backup.known import Known, KnownArchive
from baileys_janitor.backup.names import ArchiveName
from baileys_janitor.policy.archives.archived import ArchivedSession
from baileys_janitor.policy.clocks import is_ahead

TRIED_MOST: Final = 20
"""How many archives are opened to find the newest one with the fingerprint that a person gave."""

_FORM: Final = re.compile(r"([0-9a-f]{16})(?:-([0-9a-f]{16}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Whose archives count: an identity, and its pairing where that was written down, too.

    The identity is made of public values, so whoever knows them can forge an archive that bears it; the pairing is a
    hash of secrets that only the tenant and its phone have.
    """

    identity: str
    pairing: str = ""

    def __str__(self) -> str:
        return f"{self.identity}-{self.pairing}" if self.pairing else self.identity

    def fits(self, other: Fingerprint) -> bool:
        """Return whether a session with that whole fingerprint is the one that is meant."""
        return self.identity == other.identity and self.pairing in ("", other.pairing)


class Paired(Protocol):
    """Whatever bears the two hashes of a session: its credentials, a known archive, the result of a backup."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def pairing(self) -> str: ...


def fingerprint_of(session: Paired) -> Fingerprint:
    """Return the whole fingerprint of a session."""
    return Fingerprint(session.fingerprint, session.pairing)


def read_fingerprint(text: str) -> Fingerprint:
    """Return the fingerprint that a person wrote; BackupProblem for anything else."""
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        raise BackupProblem(FINGERPRINT_INVALID)
    return Fingerprint(found[1], found[2] or "")


def candidates(
    names: Iterable[ArchiveName],
    known: Known,
    chosen: Fingerprint | None,
    now: float,
) -> list[ArchiveName]:
    """Return the archives of a repository that may be the latest, the best first.

    Where any is vouched for, that is the newest of these. Else it is the newest of all with the fingerprint that a
    person chose, so they must be opened one after the other; without one the newest is for showing whose it is.
    Archives from the future come last. Raises BackupProblem: NoArchive.
    """
    there = sorted(names, key=lambda each: (not is_ahead(each.time, now), each), reverse=True)
    if not there:
        raise BackupProblem(NO_ARCHIVE)
    ours = {
        each.name for each in known.archives if chosen is None or chosen.fits(fingerprint_of(each))
    }
    vouched = [each for each in there if each in ours]
    if vouched:
        return vouched[:1]
    return there[:1] if chosen is None else there[:TRIED_MOST]


def require_owner(
    session: ArchivedSession, known: KnownArchive | None, chosen: Fingerprint | None
) -> None:
    """Refuse an archive that is not of the one whom a person named; one that is vouched for needs nobody's word.

    Raises BackupProblem: FingerprintDiffers, IdentityUnknown; both show whose the archive is.
    """
    found = fingerprint_of(session.credentials)
    if chosen is not None and not chosen.fits(found):
        raise BackupProblem(FINGERPRINT_DIFFERS, found=str(found))
    if chosen is None and known is None:
        raise BackupProblem(IDENTITY_UNKNOWN, found=str(found))
