"""Whole creds.json files for the tests: of any pairing, with any counters."""

from __future__ import annotations

import json
from typing import Any


def whole(pairing: str = "a", **changes: Any) -> bytes:
    """The bytes of a creds.json that a session can start with; a change of `...` leaves a key out."""
    content: dict[str, Any] = {
        "noiseKey": pair("noise" + pairing),
        "pairingEphemeralKeyPair": pair("ephemeral"),
        "signedIdentityKey": pair("identity" + pairing),
        "signedPreKey": {
            "keyPair": pair("signed" + pairing),
            "signature": buffer("signature"),
            "keyId": 1,
        },
        "registrationId": 17,
        "advSecretKey": "adv" + pairing,
        "processedHistoryMessages": [{"key": {"id": "3EB0"}, "messageTimestamp": 1764240000}],
        "nextPreKeyId": 31,
        "firstUnuploadedPreKeyId": 31,
        "accountSyncCounter": 0,
        "accountSettings": {"unarchiveChats": False},
        "registered": False,
        "account": {"details": "CAEQARgBKAA=", "accountSignature": "sig" + pairing},
        "me": {"id": "1100:3@s.whatsapp.net", "lid": "990011:3@lid", "name": "Acm\u00e9 \u2713"},
        "platform": "android",
        "myAppStateKeyId": "AAAAAP//",
    }
    content.update(changes)
    return json.dumps({key: value for key, value in content.items() if value is not ...}).encode()


def pair(seed: str) -> dict[str, Any]:
    return {"private": buffer(seed + "-private"), "public": buffer(seed + "-public")}


def buffer(seed: str) -> dict[str, str]:
    return {"type": "Buffer", "data": seed}
