"""A server's session directories as in real use: the usual mix of file kinds, of all ages."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = 200
DAY = 86_400
KEY = "mChxFS2HsVNo755krQIBBogy0Z4klwZFyr+K3HXDBmw="
CONTACTS, SESSIONS, OWN_DEVICES = 12, 21, 3
GROUPS, SENDER_KEYS, TOKENS, IDENTITIES = 3, 19, 11, 11
"""As in the fixture `warning`: a tenant with twelve contacts on 7.0.0-rc14."""
COLLECTIONS = ("critical_block", "critical_unblock_low", "regular", "regular_high", "regular_low")


def fill(root: Path, directories: int, now: float, files: int = FILES) -> None:
    """Write that many directories `company_<n>` of 200 files each; ages count from `now` (Unix seconds)."""
    for number in range(1, directories + 1):
        path = root / f"company_{number}"
        path.mkdir()
        _write(path, number, now, files)


def _write(path: Path, number: int, now: float, files: int) -> None:
    drawn = random.Random(number)
    there = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    paired = now - drawn.uniform(20, 90) * DAY
    for count, (name, days) in enumerate(_files(number, drawn, files)):
        file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=there)
        os.write(file, _credentials(number) if name == "creds.json" else b"{}")
        # All pre-keys are written in sequence when the tenant is paired.
        written = now - drawn.uniform(0.05, days) * DAY if days else paired + count / 1000
        os.utime(file, (written,) * 2)
        os.close(file)
    os.close(there)


def _files(number: int, drawn: random.Random, files: int) -> Iterator[tuple[str, float]]:
    """Yield names, and the days within which each was last written; 0 is the time of the pairing."""
    mobile, lid = 12_015_000_000 + number * 1_000, 240_000_000_000_000 + number * 1_000
    names: list[tuple[str, float]] = [("creds.json", 1), ("tctoken-__index.json", 7)]
    names += [(f"app-state-sync-key-AAAAA{letter}____.json", 90) for letter in "AQ"]
    names += [(f"app-state-sync-version-{each}.json", 7) for each in COLLECTIONS]
    for one in range(1, CONTACTS + 1):
        names += [(f"lid-mapping-{mobile + one}.json", 90)]
        names += [(f"lid-mapping-{lid + one}_reverse.json", 90)]
        names += [(f"device-list-{user + one}.json", 30) for user in (mobile, lid)]
    names += [
        (f"session-{lid + one}_1.{drawn.choice((0, 0, 12))}.json", 20)
        for one in range(1, SESSIONS - OWN_DEVICES + 1)
    ]
    names += [(f"session-{lid}_1.{device}.json", 2) for device in range(OWN_DEVICES)]
    groups = [f"{120_363_000_000_000_000 + number * 10 + one}@g.us" for one in range(GROUPS)]
    names += [(f"sender-key-memory-{group}.json", 5) for group in groups]
    names += [(f"sender-key-{group}--{lid}_1--7.json", 5) for group in groups]
    names += [
        (f"sender-key-{drawn.choice(groups)}--{lid + one}_1--0.json", 10)
        for one in range(1, SENDER_KEYS - GROUPS + 1)
    ]
    names += [(f"tctoken-{lid + one}@lid.json", 30) for one in range(1, TOKENS + 1)]
    names += [(f"identity-key-{lid + one}_1.0.json", 90) for one in range(1, IDENTITIES + 1)]
    yield from names
    # Of the 812 from the pairing, those that the server has not issued yet.
    for key in range(812 - (files - len(names)), 812):
        yield f"pre-key-{key}.json", 0


def _credentials(number: int) -> bytes:
    """Return creds.json as the library writes it, 1.7 kB."""
    pair = {name: {"type": "Buffer", "data": KEY} for name in ("private", "public")}
    account = ("details", "accountSignatureKey", "accountSignature", "deviceSignature")
    creds: dict[str, Any] = {
        "noiseKey": pair,
        "pairingEphemeralKeyPair": pair,
        "signedIdentityKey": pair,
        "signedPreKey": {
            "keyPair": pair,
            "signature": {"type": "Buffer", "data": KEY * 2},
            "keyId": 1,
        },
        "registrationId": number % 16_380 + 1,
        "advSecretKey": KEY,
        "processedHistoryMessages": [],
        "nextPreKeyId": 813,
        "firstUnuploadedPreKeyId": 813,
        "accountSyncCounter": 1,
        "accountSettings": {"unarchiveChats": False},
        "registered": False,
        "account": dict.fromkeys(account, KEY * 2),
        "me": {
            "id": f"{12_015_000_000 + number * 1_000}:7@s.whatsapp.net",
            "lid": f"{240_000_000_000_000 + number * 1_000}:7@lid",
            "name": "A company",
        },
        "signalIdentities": [
            {
                "identifier": {"name": "12015550100:7@s.whatsapp.net", "deviceId": 0},
                "identifierKey": {"type": "Buffer", "data": KEY},
            }
        ],
        "platform": "android",
        "routingInfo": {"type": "Buffer", "data": "CAUIAg=="},
        "lastAccountSyncTimestamp": 1_790_000_000,
        "myAppStateKeyId": "AAAAAAA=",
    }
    return json.dumps(creds, separators=(",", ":")).encode()
