"""Reason codes in a few words each, to follow a number: "25 in use". Pure.

Statuses and Events use them in sentences; `policy.reasons` explains each at length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from baileys_janitor.policy import reasons

NAMED = 8
"""How many reasons a sentence names; it sums up the others. The status's fields have all of them."""

PHRASES: Final[Mapping[str, str]] = {
    reasons.SESSION_EXPIRED: "sessions unused for long",
    reasons.SENDER_KEY_EXPIRED: "sender keys unused for long",
    reasons.OWN_SENDER_KEY_EXPIRED: "own sender keys and memory files of quiet groups",
    reasons.MEMORY_WITHOUT_KEY: "memory files that had lost their key",
    reasons.PRE_KEY_SURPLUS: "surplus pre-keys",
    reasons.PROTECTED_KIND: "of protected kinds",
    reasons.UNKNOWN_FILE: "unknown",
    reasons.OWN_DEVICE: "sessions with own devices",
    reasons.OWN_LID_UNKNOWN: "perhaps the tenant's own",
    reasons.FRESH: "written minutes ago",
    reasons.FUTURE_TIME: "dated in the future",
    reasons.STOPPED: "of a stopped tenant",
    reasons.JUST_WOKE: "pre-keys of a tenant that has just woken",
    reasons.SILENCE_NOT_COUNTED: "old only with silences counted",
    reasons.AGE_COUNTS_ANEW: "whose ages start again",
    reasons.TIME_UNKNOWN: "without a usable time",
    reasons.IN_USE: "in use",
    reasons.OWN_KEY_IN_USE: "own sender keys in use",
    reasons.LARGE_UPLOADS: "pre-keys that the server may hand out",
    reasons.PRE_KEYS_IN_DOUBT: "pre-keys in doubt",
    reasons.LATEST_PRE_KEY: "latest pre-keys",
    reasons.NEWEST_PRE_KEYS: "newest pre-keys",
    reasons.RETRY_PRE_KEY: "pre-keys of retries",
    reasons.NOT_NEEDED: "not needed to get below critical",
    reasons.NO_GAIN: "that do not count",
    reasons.NEXT_RUN: "left for the next run",
    reasons.EMERGENCY_ONLY: "that only an emergency may take",
    reasons.PRE_KEYS_WITHOUT_GAIN: "pre-keys whose removal gains nothing",
    reasons.TEMPORARY_FILE: "temporary files of writes",
    reasons.CREDENTIALS_CORRUPT: "while creds.json cannot be read",
    reasons.CREDENTIALS_TOO_LARGE: "while creds.json is too large to be read",
    reasons.NOT_PAIRED: "while no account is paired",
    reasons.CREDENTIALS_ABSENT: "while there is no creds.json",
    reasons.TOO_MANY_FILES: "too many to check",
    reasons.CLOCK_UNUSABLE: "while the clock is unusable",
    reasons.CLOCK_SKEW: "while two clocks differ",
    "Changed": "written to meanwhile",
    "Gone": "gone meanwhile",
    "NotPermitted": "that the file system does not release",
    "WithItsPair": "whose pair had to stay",
    "NameTooLong": "whose names are too long for the trash",
    "SeveralLinks": "with several hard links",
    "OtherOwner": "of another owner",
}

ONE: Final[Mapping[str, str]] = {
    reasons.SESSION_EXPIRED: "session unused for long",
    reasons.SENDER_KEY_EXPIRED: "sender key unused for long",
    reasons.OWN_SENDER_KEY_EXPIRED: "own sender key or memory file of a quiet group",
    reasons.MEMORY_WITHOUT_KEY: "memory file that had lost its key",
    reasons.PRE_KEY_SURPLUS: "surplus pre-key",
    reasons.PROTECTED_KIND: "of a protected kind",
    reasons.OWN_DEVICE: "session with an own device",
    reasons.OWN_KEY_IN_USE: "own sender key in use",
    reasons.LARGE_UPLOADS: "pre-key that the server may hand out",
    reasons.PRE_KEYS_IN_DOUBT: "pre-key in doubt",
    reasons.LATEST_PRE_KEY: "latest pre-key",
    reasons.NEWEST_PRE_KEYS: "newest pre-key",
    reasons.RETRY_PRE_KEY: "pre-key of a retry",
    reasons.NO_GAIN: "that does not count",
    reasons.PRE_KEYS_WITHOUT_GAIN: "pre-key whose removal gains nothing",
    reasons.TEMPORARY_FILE: "temporary file of a write",
}
"""The words after the number one, where they differ."""


def files(count: int) -> str:
    """Return "1 file", "2 files"."""
    return counted(count, "file")


def counted(count: int, unit: str) -> str:
    """Return "1 key", "2 keys" for the unit "key"."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def files_are(count: int) -> str:
    """Return "1 file is", "2 files are"."""
    return f"{files(count)} {'is' if count == 1 else 'are'}"


def listed(counts: Mapping[str, int] | None) -> str:
    """Return "802 pre-keys that the server may hand out, 25 in use", largest count first; "" for nothing."""
    found = sorted(((n, code) for code, n in (counts or {}).items() if n), key=_most)
    parts = [f"{n} {_phrase(n, code)}" for n, code in found[:NAMED]]
    others = sum(n for n, _ in found[NAMED:])
    if others:
        parts.append("1 other" if others == 1 else f"{others} others")
    return ", ".join(parts)


def _phrase(count: int, code: str) -> str:
    many = PHRASES.get(code, code)
    return ONE.get(code, many) if count == 1 else many


def _most(pair: tuple[int, str]) -> tuple[int, str]:
    return -pair[0], pair[1]
