"""Every code of a repair, with a sentence for each. None of them holds a number."""

from __future__ import annotations

# Why a file is moved.
SESSION_REPAIR = "SessionRepair"
AUTHOR_KEY_REPAIR = "AuthorKeyRepair"
OWN_KEY_REPAIR = "OwnKeyRepair"

MOVED = {
    SESSION_REPAIR: "A session with the contact. The next message in either direction builds a new one.",
    AUTHOR_KEY_REPAIR: (
        "A group member's sender key. Its next message there fails once, is asked for again, and brings the key."
    ),
    OWN_KEY_REPAIR: (
        "The tenant's own sender key of the group, with the memory of who has it. The next message there brings"
        " every member a new one."
    ),
}

# Why a named file stays.
NOT_NAMED = "NotNamed"

KEPT = {NOT_NAMED: "Not a file of the contact or group that was named."}

# Why nothing is moved at all.
OWN_USER = "OwnUser"
LID_MAY_BE_OWN = "LidMayBeOwn"
HASH_UNKNOWN = "HashUnknown"
HASH_AMBIGUOUS = "HashAmbiguous"
NO_CONTACT_KEY = "NoContactKey"
NOTHING_FOUND = "NothingFound"
OTHER_FORM = "OtherForm"

REFUSED = {
    OWN_USER: (
        "This is the tenant itself. Sessions with its own devices never heal, so they are never moved."
    ),
    LID_MAY_BE_OWN: (
        "creds.json does not contain the tenant's own LID, so this LID could be its own, and sessions with own devices"
        " never heal. Name the contact by its phone number, or let the bot connect once: it then writes me.lid."
    ),
    HASH_UNKNOWN: (
        "No contact of this directory has this hash. Each directory has hashes of its own; repair --list shows them."
    ),
    HASH_AMBIGUOUS: "Several contacts have this hash. Name the contact by its number.",
    NO_CONTACT_KEY: (
        "This directory has no key for hashes of contacts yet (.janitor~key). repair --list makes it."
    ),
    NOTHING_FOUND: "There is no file of this contact or group here, so there is nothing to repair.",
    OTHER_FORM: (
        "No file here has this number, but some have its other form: in Brazil with or without the"
        " ninth digit, in Mexico and Argentina with or without the digit behind the country code (521, 549). Name that"
        " one."
    ),
}

# Notes on a plan.
LID_NOT_FOLLOWED = "LidNotFollowed"
NO_MAPPING = "NoMapping"
MAPPINGS_DISAGREE = "MappingsDisagree"
MEMORY_ALONE = "MemoryAlone"
LID_KEYS_STAY = "LidKeysStay"
UNREAD_KEYS = "UnreadKeys"
TOO_MANY = "TooMany"

NOTES = {
    LID_NOT_FOLLOWED: (
        "creds.json does not contain the tenant's own LID, so only the form that was named is taken: phone number or"
        " LID."
    ),
    NO_MAPPING: "No mapping file ties its phone number to a LID, so only the form that was named is taken.",
    MAPPINGS_DISAGREE: (
        "The mapping files of its phone number and LID do not name each other, so only the form that was named is"
        " taken."
    ),
    MEMORY_ALONE: (
        "The group's memory says that members have the tenant's key, and the key is missing: only the memory file"
        " moves."
    ),
    LID_KEYS_STAY: (
        "creds.json does not contain the tenant's own LID, so keys under a LID stay: one of them could be its own."
    ),
    UNREAD_KEYS: "Keys of this group whose names the library would not write stay where they are.",
    TOO_MANY: "More files than one run may move: run it again for the others.",
}

EXPLANATIONS: dict[str, str] = {**MOVED, **KEPT, **REFUSED, **NOTES}
