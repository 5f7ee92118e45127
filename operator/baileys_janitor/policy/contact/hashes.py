"""A contact's name for reports: HMAC-SHA-256 of its number, with a key that never leaves the volume.

Without a key, a hash of a phone number would be no secret: all numbers of a country can be tried in seconds.
"""

from __future__ import annotations

import hmac

from baileys_janitor.policy.contact.users import canonical

KEY_BYTES = 32
#: Hexadecimal digits of a hash: 64 bits, short enough for a column.
HASH_DIGITS = 16

_HEX = frozenset("0123456789abcdef")


def contact_hash(key: bytes, user: str) -> str:
    """Return the hash of a user as file names spell it (`1100`, `1100_128`, `2200_1`): 16 hex digits.

    All spellings of a phone number have one hash, and so have those of a LID; a phone number and the LID of the same
    person have two.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("a key for contacts has 32 bytes")
    return hmac.new(key, canonical(user).encode(), "sha256").hexdigest()[:HASH_DIGITS]


def is_hash(text: str) -> bool:
    """Return whether a text has the form of such a hash."""
    return len(text) == HASH_DIGITS and _HEX.issuperset(text)
