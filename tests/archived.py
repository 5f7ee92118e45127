"""Archived sessions for the tests: of any files, as an archive brings them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from baileys_janitor.policy.archives.archived import ArchivedFile, ArchivedSession
from baileys_janitor.policy.archives.pairing import read_credentials
from baileys_janitor.policy.files.identity import read_identity
from tests.pairings import whole

GROUP = "120363000000000001@g.us"
CONTACTS_KEY = f"sender-key-{GROUP}--220100000000001_1--0.json"
OWN_KEY = f"sender-key-{GROUP}--990011_1--3.json"
MEMORY = f"sender-key-memory-{GROUP}.json"


def record(*closed: float, **more: Any) -> bytes:
    """The bytes of a session's file with an entry for each of `closed`: -1 is the open one."""
    entries = {
        f"key{place}": {
            "registrationId": 17,
            "currentRatchet": {"rootKey": f"root{place}", "previousCounter": 0},
            "indexInfo": {"baseKey": f"key{place}", "baseKeyType": 1, "closed": each, "used": 5},
            "_chains": {"chain": {"chainKey": {"counter": -1}, "messageKeys": {}}},
        }
        for place, each in enumerate(closed)
    }
    return json.dumps({"_sessions": entries, "version": "v1", **more}).encode()


#: What a small session holds: two of each kind that comes back, and one of each that never does.
CONTENT: dict[str, bytes] = {
    "creds.json": whole(),
    "app-state-sync-key-AAAAAP____.json": b'{"keyData": "x"}',
    "app-state-sync-version-regular.json": b'{"version": 3}',
    "lid-mapping-2201.json": b'"220100000000001"',
    "lid-mapping-220100000000001_reverse.json": b'"2201"',
    "device-list-2201.json": b'["0"]',
    "tctoken-2201@lid.json": b'{"token": "x"}',
    "identity-key-2201.0.json": b'{"type": "Buffer", "data": "x"}',
    "pre-key-29.json": b'{"private": "x"}',
    "pre-key-30.json": b'{"private": "y"}',
    "session-2201.0.json": record(5, -1),
    "session-220100000000001_1.0.json": record(-1),
    "session-1100.4.json": record(-1),
    CONTACTS_KEY: b"[]",
    OWN_KEY: b"[]",
    MEMORY: b"{}",
}
#: What never comes back in the mode Safe.
NEVER = frozenset((OWN_KEY, MEMORY))
COMES_BACK = CONTENT.keys() - NEVER


def archived(
    content: Mapping[str, bytes], time: float, *, quiesced: bool = False, age: float = 3600.0
) -> ArchivedSession:
    """An archive of these files, made at `time`, each written `age` seconds before."""
    creds = content["creds.json"]
    credentials = read_credentials(creds)
    assert credentials is not None
    files = [
        ArchivedFile(name, len(data), int(time - age) * 10**9, 0o600, sha256(data).hexdigest())
        for name, data in content.items()
    ]
    return ArchivedSession(int(time), quiesced, files, read_identity(creds), credentials)
