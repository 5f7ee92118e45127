"""Sentences of a restore's Job for codes whose text for the command line would mislead: one each."""

from __future__ import annotations

from typing import Final

from baileys_janitor.backup import errors
from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives import restore_codes
from baileys_janitor.policy.archives.restore_credentials import (
    CREDENTIALS_WHOLE,
    PRE_KEYS_REWRITTEN,
    SIGNED_PRE_KEY_ROTATED,
)
from baileys_janitor.volume.errors import (
    CREDENTIALS_CHANGING,
    DISK_FULL,
    PERMISSION_DENIED,
    READ_ONLY,
    SENTENCES,
)

BETWEEN_BROKEN: Final = "HandoverBroken"
STILL_WRITING: Final = "StillWriting"
WRITTEN_OVER: Final = "WrittenOver"
TOO_SLOW: Final = "TooSlow"
ENDED: Final = "Interrupted"

_OWN: Final[dict[str, str]] = {
    BETWEEN_BROKEN: "The container that fetches left something that is not an archive of this tenant, so nothing was "
    "restored. It may have been tampered with: look at the node and the image before the next try.",
    STILL_WRITING: "Somebody has just written to the session's files, so a process uses them: nothing was restored. "
    "Stop the workload first.",
    WRITTEN_OVER: "A process has written to the session right after the restore, so it was not stopped, and what it "
    "held in memory may be on the disk again. Stop it and look at the session.",
    TOO_SLOW: "Getting the archive took too long and was given up, so nothing was restored: look at the store and at "
    "the network between, and try again.",
    ENDED: "The process that fetches the archive has ended in the middle of it, perhaps for lack of memory. Nothing "
    "was restored: try again.",
    errors.IDENTITY_MISSING: "The archive is encrypted: name the Secret with the recovery key in "
    "restore.identitySecretName.",
    errors.IDENTITY_UNKNOWN: "It is unknown which account this session belongs to, and anyone with the public key can "
    "make an archive. Compare {found} with the fingerprint that you have recorded, and write it into restore.identity.",
    errors.FINGERPRINT_DIFFERS: "The archive is of another session than the one that is known or was written into "
    "restore.identity: its fingerprint is {found}.",
    errors.NO_ARCHIVE: "The repository holds no archive of this tenant: check the repository's URL, and the names of "
    "the namespace and of the tenant, which are part of an archive's name.",
    errors.ARCHIVE_MISSING: "The repository has no archive of that name: correct restore.archive, or leave it out for "
    "the latest one.",
    errors.OTHERS_ALONE: "None of the newest archives is one of this tenant that can be used, so somebody may be "
    "putting forged ones there: name an older one in restore.archive.",
    CREDENTIALS_WHOLE: "creds.json can be read and is paired, so it stays. To bring other files back: restore.mode "
    "Safe.",
    SIGNED_PRE_KEY_ROTATED: "A newer copy of creds.json has another signed pre-key, so first messages of new contacts "
    "would fail until the application rotates it again. To restore all the same, restore.acknowledge: "
    "[SignedPreKeyRotated].",
    PRE_KEYS_REWRITTEN: "Pre-keys with ids below the archive's counters were written after it was made, as they are "
    "after a new pairing. If the tenant was not paired again since, restore.acknowledge: [PreKeysRewritten].",
    restore_codes.NOT_QUIESCED: "The archive was made while the session's process ran, so it cannot be put back as a "
    "whole: restore.mode Safe can put it back.",
    restore_codes.NOTHING_RAN_SINCE: "A session that was used after the archive was made breaks when it is put back as "
    "a whole. If no process has used it since, restore.acknowledge: [NothingRanSince]; otherwise restore.mode Safe.",
    restore_codes.NOT_AS_ARCHIVED: "The directory holds session files that are not those of the archive: restore into "
    "an empty directory, or with restore.mode Safe.",
    CREDENTIALS_CHANGING: "creds.json changed between reads, so a process is writing it: nothing was restored. Stop "
    "the workload first.",
    READ_ONLY: "The volume is mounted read-only, so nothing was restored: a restore needs a writable mount.",
    DISK_FULL: "The disk has too little room for what the archive holds, so nothing was restored: make room on it.",
    PERMISSION_DENIED: "The volume does not let the Job write: set spec.job.runAsUser to the user id that owns the "
    "session files. On a new volume whose root belongs to root, start the workload once and stop it again.",
}


def sentence_of(code: str, found: str = "") -> str:
    """Return the sentence of a code; `found` is the archive's fingerprint."""
    for sentences in (_OWN, restore_codes.EXPLANATIONS, SENTENCES):
        if code in sentences:
            return sentences[code].replace("{found}", found)
    return reasons.explain(code)


def has_own(code: str) -> bool:
    """Return whether a code has a sentence here."""
    return code in _OWN
