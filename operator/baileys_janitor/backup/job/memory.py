"""A Job's record of the archives of its tenants: it comes with the task, and changes go into the result.

A claim is mounted read-only, so nothing is recorded in the session's directory, unlike on one server. The text has
room only for the first digits of each hash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from baileys_janitor.backup.known import (
    NEVER_VERIFIED,
    Known,
    KnownArchive,
)
from baileys_janitor.backup.names import name_of
from baileys_janitor.policy.archives.known_archives import (
    DIGEST_DIGITS,
    SHA256_DIGITS,
    KnownArchives,
    PutArchive,
    encode,
)

NOBODY: Final = "0" * 16
"""The value for an unknown fingerprint, pairing or set of recipients."""


def known_of(archives: KnownArchives) -> Known:
    """Return the record of a text in the form that a backup needs."""
    fingerprint = archives.fingerprint or NOBODY
    pairing = archives.pairing or NOBODY
    recipients = archives.recipients or NOBODY
    return Known(
        tuple(
            KnownArchive(
                name=name_of(each.time, each.digest, encrypted=each.encrypted),
                digest=each.digest,
                sha256=each.sha256,
                size=each.size,
                files=each.files,
                fingerprint=fingerprint,
                pairing=pairing,
                recipients=recipients,
                verified={
                    name: each.time if name in each.verified else NEVER_VERIFIED
                    for name in each.held
                },
            )
            for each in archives.archives
        ),
        dict(archives.listed),
    )


def archive_of(known: KnownArchive) -> PutArchive:
    """Return an archive in the form of a text."""
    return PutArchive(
        known.time,
        known.digest[:DIGEST_DIGITS],
        known.sha256[:SHA256_DIGITS],
        known.size,
        known.files,
        known.name.encrypted,
        frozenset(known.verified),
        frozenset(name for name, time in known.verified.items() if time != NEVER_VERIFIED),
    )


def text_of(known: Known) -> str:
    """Return the newest archive of each repository as a text, for a drill."""
    if not known.archives:
        return encode(KnownArchives())
    newest = known.archives[0]
    kept: list[PutArchive] = []
    there: set[str] = set()
    for each in known.archives:
        if not each.verified.keys() <= there and each.pairing == newest.pairing:
            kept.append(archive_of(each))
            there |= each.verified.keys()
    return encode(KnownArchives(tuple(kept), newest.fingerprint, newest.pairing, newest.recipients))


class TaskMemory:
    """The record of one tenant during its backup. `entered` is called with an archive before it is put."""

    def __init__(self, known: Known, entered: Callable[[KnownArchive], None]) -> None:
        self.known = known
        self._entered = entered

    def read(self) -> Known:
        """Return the record."""
        return self.known

    def change(self, change: Callable[[Known], Known]) -> Known:
        """Change the record, and return it."""
        before, self.known = self.known, change(self.known)
        for each in self.known.archives:
            if before.of_name(each.name) is None:
                self._entered(each)
        return self.known
