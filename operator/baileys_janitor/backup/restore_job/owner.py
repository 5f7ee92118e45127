"""Whose archive may be restored: what a person has written out, or what is known of the tenant, and which archives are.

Both containers ask. The one that fetches chooses by it; the one that writes judges once more, and believes the other
one nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from baileys_janitor.backup.archive.manifest import Manifest
from baileys_janitor.backup.job.memory import NOBODY
from baileys_janitor.backup.latest import Fingerprint, fingerprint_of, read_fingerprint
from baileys_janitor.backup.restore_job.task import RestoreTask
from baileys_janitor.policy.archives.known_archives import KnownArchives, decode

_WHOLE_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose archives count.

    `written` is what a person has written out, `chosen` that or what is known of the tenant; None where nobody knows.
    """

    known: KnownArchives
    written: Fingerprint | None
    chosen: Fingerprint | None

    def vouches(self, manifest: Manifest) -> bool:
        """Return whether the tenant's status knows an archive, by its time and by the digest of its files."""
        return any(
            each.time == manifest.time and manifest.digest.startswith(each.digest)
            for each in self.known.archives
        )

    def is_proved(self, manifest: Manifest) -> bool:
        """Return whether it is known whose an archive is: by its digest, or by a pairing, which only its owner has."""
        chosen = self.chosen
        paired = chosen is not None and chosen.pairing and chosen.fits(fingerprint_of(manifest))
        return bool(paired) or self.vouches(manifest)


def owner_of(task: RestoreTask) -> Owner:
    """Return whose archives count for a task. Raises BackupProblem: FingerprintInvalid."""
    known = decode(task.known) or KnownArchives()
    written = read_fingerprint(task.fingerprint) if task.fingerprint else None
    return Owner(known, written, written or _remembered(known) or _recorded(task))


def _remembered(known: KnownArchives) -> Fingerprint | None:
    if known.fingerprint in ("", NOBODY):
        return None
    return Fingerprint(known.fingerprint, "" if known.pairing == NOBODY else known.pairing)


def _recorded(task: RestoreTask) -> Fingerprint | None:
    """Return the identity that a scan has seen last."""
    newest = max(task.recorded, default=None)
    return Fingerprint(newest[1]) if newest and len(newest[1]) == _WHOLE_DIGITS else None
