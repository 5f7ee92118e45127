"""Every reason code of the rules, with a sentence for each: for status, the CLI and docs/rules.md."""

from __future__ import annotations

# Why a file is removed.
SESSION_EXPIRED = "SessionExpired"
SENDER_KEY_EXPIRED = "SenderKeyExpired"
OWN_SENDER_KEY_EXPIRED = "OwnSenderKeyExpired"
MEMORY_WITHOUT_KEY = "MemoryWithoutKey"
PRE_KEY_SURPLUS = "PreKeySurplus"

REMOVED = {
    SESSION_EXPIRED: "A contact's session that was not used for longer than sessionMaxAge.",
    SENDER_KEY_EXPIRED: (
        "A group member's sender key that was not used for longer than senderKeyMaxAge."
    ),
    OWN_SENDER_KEY_EXPIRED: (
        "The tenant's own sender key of a group together with its memory file, both unused for"
        " longer than senderKeyMaxAge."
    ),
    MEMORY_WITHOUT_KEY: (
        "A repair: the memory file says that members hold the tenant's sender key of this group,"
        " but the key is gone or empty, so the next message there would be unreadable."
    ),
    PRE_KEY_SURPLUS: (
        "A pre-key older than the newest ones that retention keeps, on a library that uploads 30."
    ),
}

# Why a file stays.
PROTECTED_KIND = "ProtectedKind"
UNKNOWN_FILE = "UnknownFile"
OWN_DEVICE = "OwnDevice"
OWN_LID_UNKNOWN = "OwnLidUnknown"
FRESH = "Fresh"
FUTURE_TIME = "FutureTime"
STOPPED = "Stopped"
JUST_WOKE = "JustWoke"
IN_USE = "InUse"
OWN_KEY_IN_USE = "OwnKeyInUse"
LARGE_UPLOADS = "LargeUploads"
PRE_KEYS_IN_DOUBT = "PreKeysInDoubt"
LATEST_PRE_KEY = "LatestPreKey"
NEWEST_PRE_KEYS = "NewestPreKeys"
RETRY_PRE_KEY = "RetryPreKey"
NOT_NEEDED = "NotNeeded"
NO_GAIN = "NoGain"
NEXT_RUN = "NextRun"
EMERGENCY_ONLY = "EmergencyOnly"
PRE_KEYS_WITHOUT_GAIN = "PreKeysWithoutGain"
TEMPORARY_FILE = "TemporaryFile"
SILENCE_NOT_COUNTED = "SilenceNotCounted"
AGE_COUNTS_ANEW = "AgeCountsAnew"
TIME_UNKNOWN = "TimeUnknown"

#: A scan reports these by their position here: append, never reorder.
KEPT = {
    PROTECTED_KIND: "The session needs files of this kind, at any age.",
    UNKNOWN_FILE: "The library does not write this name, so the janitor leaves the file alone.",
    OWN_DEVICE: (
        "A session with one of the tenant's own devices: its messages would be lost for good."
    ),
    OWN_LID_UNKNOWN: (
        "Under a LID while creds.json does not contain the tenant's own LID: it could be its own."
    ),
    FRESH: "Written within the last 15 minutes.",
    FUTURE_TIME: "Its modification time lies in the future, so its age is unknown.",
    STOPPED: (
        "The tenant has had no traffic for 72 hours (pre-keys: 24 hours), so its files may be old only"
        " because it is stopped."
    ),
    JUST_WOKE: (
        "A pre-key of a tenant that had no traffic for more than a day until less than a day ago:"
        " messages that strangers sent meanwhile arrive now."
    ),
    IN_USE: "Used more recently than the retention's limit.",
    OWN_KEY_IN_USE: (
        "The tenant's own sender key or its memory file is younger than the limit, and the two"
        " only go together."
    ),
    LARGE_UPLOADS: (
        "The pre-keys cover more than 100 ids, as on the library that uploads 812 of them: the server"
        " may still hand out any."
    ),
    PRE_KEYS_IN_DOUBT: ("It is not certain how these pre-keys were uploaded, so all of them stay."),
    LATEST_PRE_KEY: "The latest pre-key, which the library looks for at each login, or a newer one.",
    NEWEST_PRE_KEYS: "Among the newest uploaded pre-keys that retention keeps.",
    RETRY_PRE_KEY: "Perhaps a single pre-key from a retry receipt, which stay for 30 days.",
    NOT_NEEDED: "Old enough for an emergency, but the count is below critical without it.",
    NO_GAIN: "Its removal would not lower the count, so an emergency leaves it alone.",
    NEXT_RUN: "To be removed, but past maxRemovals: left for the next run.",
    EMERGENCY_ONLY: (
        "Young enough for retention, old enough for emergencyRetention: only an emergency may take it."
    ),
    PRE_KEYS_WITHOUT_GAIN: (
        "A pre-key. Those above the allowance are not counted, so removing one gains nothing, and a new"
        " contact's first message may need it. Set retention.preKeys to have old ones removed."
    ),
    TEMPORARY_FILE: (
        "The temporary file of a write that is under way or was cut off. Where it is old, it can be"
        " deleted by hand."
    ),
    SILENCE_NOT_COUNTED: (
        "Unused for longer than the limit by the calendar, but not in time with traffic: silences of more"
        " than a day may be stops, and count a day at most."
    ),
    AGE_COUNTS_ANEW: (
        "Its age counts from a later time than it shows: files were put in from elsewhere (a restore, an"
        " undo, a copy), the tenant was paired again, or the clock was set back."
    ),
    TIME_UNKNOWN: "Its modification time is before 2015, as some restores leave it, so its age is unknown.",
}

# Why a run removes nothing at all.
CREDENTIALS_CORRUPT = "CredentialsCorrupt"
CREDENTIALS_TOO_LARGE = "CredentialsTooLarge"
NOT_PAIRED = "NotPaired"
CREDENTIALS_ABSENT = "CredentialsAbsent"
TOO_MANY_FILES = "TooManyFiles"
CLOCK_UNUSABLE = "ClockUnusable"
CLOCK_SKEW = "ClockSkew"

SAVE_FIRST = (
    "Do not stop or restart the tenant's process: while it runs, it holds the only good copy. Make room if the disk"
    " is full, and make it save again (saveCreds, or a reconnect)."
)
"""The first step before any restore of a broken creds.json."""

RESTORE_COMMAND = "baileys-janitor restore PATH --mode Credentials"

SAVE_CREDENTIALS = (
    f"{SAVE_FIRST} Only if that fails, stop it and put a kept copy back ({RESTORE_COMMAND}), or creds.json from a"
    " backup; pairing again comes last."
)
"""The remedy for a broken creds.json, the same in every message."""

REFUSED = {
    CREDENTIALS_CORRUPT: (
        "creds.json cannot be read, so which files are the tenant's own is unknown. "
        + SAVE_CREDENTIALS
    ),
    CREDENTIALS_TOO_LARGE: (
        "creds.json is larger than 1 MiB, where real ones have up to 200 kB, so it is not read and"
        " nothing is removed. It may be whole: do not replace it. Find out what makes it grow."
    ),
    NOT_PAIRED: "creds.json names no paired account; nothing is removed until it does.",
    CREDENTIALS_ABSENT: (
        "There is no creds.json; nothing is removed until the tenant has been paired."
    ),
    TOO_MANY_FILES: (
        "The directory has more than 200,000 entries; they are only counted. Check the process that"
        " writes there before anything is removed."
    ),
    CLOCK_UNUSABLE: (
        "The clock shows no time between 2015 and 2242, so ages cannot be computed. Set the clock of the machine"
        " that the volume is mounted on."
    ),
    CLOCK_SKEW: (
        "The clocks of the operator and of the volume's node differ by more than ten minutes, so ages"
        " cannot be computed. Set the clock that is wrong; time synchronisation (NTP) keeps it right."
    ),
}

#: Every code with its explanation.
EXPLANATIONS: dict[str, str] = {**REMOVED, **KEPT, **REFUSED}


def explain(code: str) -> str:
    """Return the sentence for a reason code; the code itself when it is not defined here."""
    return EXPLANATIONS.get(code, code)
