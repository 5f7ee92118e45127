"""Every code of a restore from an archive, with its sentence and the remedy."""

from __future__ import annotations

from baileys_janitor.policy import reasons
from baileys_janitor.policy.archives.restore_credentials import (
    APP_STATE_KEY_MISSING,
    CREDENTIALS_WHOLE,
    NOT_WHOLE,
    NOTHING_BESIDE,
    PRE_KEY_IDS_EXHAUSTED,
    PRE_KEYS_REWRITTEN,
    SIGNED_PRE_KEY_ROTATED,
)
from baileys_janitor.policy.archives.restore_credentials import (
    EXPLANATIONS as CREDENTIALS_EXPLANATIONS,
)

# Modes.
SAFE = "Safe"
CREDENTIALS = "Credentials"
WHOLE = "Whole"
MODES = (SAFE, CREDENTIALS, WHOLE)

# Codes that must be acknowledged first.
NOTHING_RAN_SINCE = "NothingRanSince"

# How a file is put back.
AS_ARCHIVED = "AsArchived"
CLOSED = "Closed"
RAISED = "Raised"

# Why a file of the archive is not restored.
ALREADY_THERE = "AlreadyThere"
OWN_SENDER_KEY = "OwnSenderKey"
MEMORY_FILE = "MemoryFile"
UNKNOWN_FILE = "UnknownFile"
OWN_LID_UNKNOWN = "OwnLidUnknown"
EMPTY_FILE = "EmptyFile"
LIBRARY_TOO_OLD = "LibraryTooOld"
SESSION_FORM_UNKNOWN = "SessionFormUnknown"
CONTENT_DIFFERS = "ContentDiffers"

# Why nothing is restored at all.
FINGERPRINT_DIFFERS = "FingerprintDiffers"
ANOTHER_IDENTITY = "AnotherIdentity"
ANOTHER_PAIRING = "AnotherPairing"
IDENTITY_UNKNOWN = "IdentityUnknown"
CREDENTIALS_INCOMPLETE = "CredentialsIncomplete"
NOT_QUIESCED = "NotQuiesced"
NOT_AS_ARCHIVED = "NotAsArchived"

# Notes for the person who restores.
OWN_DEVICE_WAITS = "OwnDeviceWaits"
COUNTERS_RAISED = "CountersRaised"
LID_FILES_LEFT = "LidFilesLeft"
EMPTY_DIRECTORY = "EmptyDirectory"
LONE_MEMORIES = "LoneMemories"


KEPT_BACK: dict[str, str] = {
    ALREADY_THERE: "The directory has a file of that name, which is never replaced.",
    OWN_SENDER_KEY: (
        "The tenant's own sender key: with an old one its messages to that group would be unreadable."
    ),
    MEMORY_FILE: (
        "It says which members have the tenant's own sender key of a group, and that key is not put back."
    ),
    UNKNOWN_FILE: "The library does not write this name.",
    OWN_LID_UNKNOWN: (
        "Under a LID while neither creds.json contains the tenant's own LID: it could be its own."
    ),
    EMPTY_FILE: "It was archived empty.",
    LIBRARY_TOO_OLD: (
        "No file shows that Baileys 7.0.0-rc.7 or newer was used, and an older version cannot send with a closed"
        " session. Without this file the library makes a new session."
    ),
    SESSION_FORM_UNKNOWN: "A session in a form that is not known, so it cannot be closed.",
    CONTENT_DIFFERS: "Its content is not what the archive's list says, or is cut.",
}

_AS_FOR_COPIES = (
    PRE_KEY_IDS_EXHAUSTED,
    SIGNED_PRE_KEY_ROTATED,
    PRE_KEYS_REWRITTEN,
    APP_STATE_KEY_MISSING,
    NOTHING_BESIDE,
)

EXPLANATIONS: dict[str, str] = {
    **{code: CREDENTIALS_EXPLANATIONS[code] for code in _AS_FOR_COPIES},
    NOT_WHOLE: "The archive holds no whole creds.json of a paired account, so nothing of it can be put back.",
    CREDENTIALS_WHOLE: (
        f"creds.json can be read and is paired, so it stays. To bring other files back: --mode {SAFE}."
    ),
    FINGERPRINT_DIFFERS: (
        "The archive has another fingerprint than the one that was written out, so nothing is put back."
    ),
    ANOTHER_IDENTITY: (
        "The archive is of another identity than this directory, so nothing is put back: choose an archive of this"
        " tenant."
    ),
    ANOTHER_PAIRING: (
        "The archive is not of the pairing that creds.json or its kept copies have: it is from before the tenant was"
        " paired again, or is forged. Choose another archive."
    ),
    IDENTITY_UNKNOWN: (
        "It is unknown which account this session belongs to, and anyone who knows the public recipient can make an"
        " archive. Compare its fingerprint with the one that you have recorded of this tenant, and write it out."
    ),
    CREDENTIALS_INCOMPLETE: (
        "creds.json is paired but lacks keys that a session cannot start without. If no process can use it, move it"
        " elsewhere and restore again."
    ),
    reasons.CREDENTIALS_TOO_LARGE: (
        "creds.json is too large to be read, so the account is unknown. Check the process that writes it."
    ),
    NOT_QUIESCED: (
        f"The archive was made while the session's process ran, so it cannot be put back as a whole: --mode {SAFE}"
        " can put it back."
    ),
    NOTHING_RAN_SINCE: (
        "A session that was used after the archive was made breaks when it is put back as a whole. If no process has"
        f" used it since, add --acknowledge {NOTHING_RAN_SINCE}; otherwise --mode {SAFE}."
    ),
    NOT_AS_ARCHIVED: (
        "The directory holds session files that are not those of the archive, so a process has used the session"
        f" since, or it is another one: restore into an empty directory, or with --mode {SAFE}."
    ),
    OWN_DEVICE_WAITS: (
        "Messages from the company's own phone and its other devices are lost until this session has sent its first"
        " message, so send one."
    ),
    COUNTERS_RAISED: (
        "The archive knows of pre-keys that creds.json would hand out again, so its counters are raised above them."
    ),
    LID_FILES_LEFT: (
        "The tenant's own LID is not known, so what the archive has under LIDs stays out: contacts make new sessions."
    ),
    LONE_MEMORIES: (
        "The tenant's own sender keys of some groups are lost while memory files still list the members that have"
        " them, so its messages there would be unreadable. A restore moves these memory files into the trash: the keys"
        " are then sent again."
    ),
    EMPTY_DIRECTORY: (
        "The directory holds no session. If somebody logged it out, or unlinked it on the phone, do not restore it: the"
        " server has deleted it, and only a new pairing helps."
    ),
}
