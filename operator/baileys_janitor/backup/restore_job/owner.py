"""The owner whose archives may be restored: as a person has typed it, or as known of the tenant.

Both containers check it. The fetching one selects by it; the writing one checks again, and does not trust
the other.
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
    """The required owner of an archive.

    `written` was typed by a person, `chosen` is that or the known owner of the tenant; None if neither exists.
    """

    known: KnownArchives
    written: Fingerprint | None
    chosen: Fingerprint | None

    def vouches(self, manifest: Manifest) -> bool:
        """Return whether the tenant's status has recorded an archive, by its time and by the digest of its files."""
        return any(
            each.time == manifest.time and manifest.digest.startswith(each.digest)
            for each in self.known.archives
        )

    def is_proved(self, manifest: Manifest) -> bool:
        """Return whether an archive's owner is proved: by its digest, or by a pairing, which only its owner has."""
        chosen = self.chosen
        paired = chosen is not None and chosen.pairing and chosen.fits(fingerprint_of(manifest))
        return bool(paired) or self.vouches(manifest)


def owner_of(task: RestoreTask) -> Owner:
    """Return the required owner for a task. Raises BackupProblem: FingerprintInvalid."""
    known = decode(task.known) or KnownArchives()
    written = read_fingerprint(task.fingerprint) if task.fingerprint else None
    return Owner(known, written, written or _remembered(known) or _recorded(task))


def _remembered(known: KnownArchives) -> Fingerprint | None:
    if known.fingerprint in ("", NOBODY):
        return None
    return Fingerprint(known.fingerprint, "" if known.pairing == NOBODY else known.pairing)


def _recorded(task: RestoreTask) -> Fingerprint | None:
    """Return the identity in the latest scan."""
    newest = max(task.recorded, default=None)
    return Fingerprint(newest[1]) if newest and len(newest[1]) == _WHOLE_DIGITS else None
