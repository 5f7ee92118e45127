"""Selecting the latest archive of a session, and checking its owner.

Anybody with the public recipient can forge an archive and give it the newest time. So an archive counts if it is in
the record of the session's directory, by name and SHA-256. If the record is lost with the directory, a person states
which owner's archives count: by the fingerprint that `backup fingerprints` has printed.
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
"""The number of archives opened to find the newest one with the fingerprint that a person gave."""

_FORM: Final = re.compile(r"([0-9a-f]{16})(?:-([0-9a-f]{16}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The required owner: an identity, and its pairing if that was given, too.

    The identity is made of public values, so anybody who knows them can forge an archive with it; the pairing is a
    hash of secrets that only the tenant and its phone have.
    """

    identity: str
    pairing: str = ""

    def __str__(self) -> str:
        return f"{self.identity}-{self.pairing}" if self.pairing else self.identity

    def fits(self, other: Fingerprint) -> bool:
        """Return whether a session with that whole fingerprint is the one meant."""
        return self.identity == other.identity and self.pairing in ("", other.pairing)


class Paired(Protocol):
    """Anything with the two hashes of a session: its credentials, a known archive, the result of a backup."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def pairing(self) -> str: ...


def fingerprint_of(session: Paired) -> Fingerprint:
    """Return the whole fingerprint of a session."""
    return Fingerprint(session.fingerprint, session.pairing)


def read_fingerprint(text: str) -> Fingerprint:
    """Return the fingerprint that a person typed; raise BackupProblem for any other text."""
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

    If any is recorded, that is the newest of these. Otherwise they are the newest ones, to be opened one after the
    other until one has the fingerprint that a person chose; without one, only the newest, to show its owner.
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
    """Refuse an archive of another owner than the chosen one; without a choice, one that is not recorded.

    Raises BackupProblem: FingerprintDiffers, IdentityUnknown; both name the archive's owner.
    """
    found = fingerprint_of(session.credentials)
    if chosen is not None and not chosen.fits(found):
        raise BackupProblem(FINGERPRINT_DIFFERS, found=str(found))
    if chosen is None and known is None:
        raise BackupProblem(IDENTITY_UNKNOWN, found=str(found))
