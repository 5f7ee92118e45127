"""A status with every field set, as an API server stores it."""

from __future__ import annotations

from typing import Any

_BY_KIND = {
    "creds": 1,
    "appStateSync": 6,
    "lidMapping": 60,
    "preKey": 40,
    "session": 40,
    "senderKey": 20,
    "senderKeyMemory": 4,
    "deviceList": 3,
    "tcToken": 1,
    "identityKey": 0,
    "other": 1,
}

_CLEANUP: dict[str, Any] = {
    "run": "20261122t030000z-7c1f",
    "time": "2026-11-22T03:00:04Z",
    "reason": "Trigger",
    "outcome": "Completed",
    "removed": 12,
    "before": 188,
    "after": 176,
    "freedBytes": 23456,
    "duration": "340ms",
    "removedByReason": {"SessionExpired": 12},
}

_BACKUP: dict[str, Any] = {
    "nextTime": "2026-11-22T09:05:00Z",
    "nextDrillTime": "2026-12-01T04:05:00Z",
    "lastSuccessTime": "2026-11-22T08:05:00Z",
    "known": "1;0a1b2c3d4e5f6071;8192a3b4c5d6e7f8;;;;81efeafc",
    "repositories": [
        {
            "name": "moscow",
            "time": "2026-11-22T08:05:00Z",
            "triedTime": "2026-11-22T08:05:00Z",
            "claimedTime": "2026-11-22T08:29:00Z",
            "seconds": 1.25,
            "outcome": "Put",
            "archive": "20261122T080500Z-0a1b2c3d.tar.gz.age",
            "archiveTime": "2026-11-22T08:05:00Z",
            "files": 176,
            "bytes": 89_123,
            "archives": 66,
            "oldestTime": "2025-12-01T00:05:00Z",
            "drill": {
                "time": "2026-11-01T04:05:00Z",
                "triedTime": "2026-11-01T04:05:00Z",
                "seconds": 0.75,
                "archive": "20261101T040500Z-0a1b2c3d.tar.gz.age",
                "files": 120,
            },
        },
        {
            "name": "eu",
            "triedTime": "2026-11-22T08:05:00Z",
            "failures": 3,
            "reason": "Forbidden",
            "message": "The store refuses to put objects there.",
            "outcome": "Failed",
        },
    ],
}

FULL_STATUS: dict[str, Any] = {
    "backup": _BACKUP,
    "observedGeneration": 3,
    "level": "Critical",
    "attention": "ThresholdUnreachable",
    "levelSince": "2026-11-22T07:15:00Z",
    "lastScanTime": "2026-11-22T08:30:00Z",
    "nextScanTime": "2026-11-22T08:31:00Z",
    "growthPerDay": 4.5,
    "forecast": {
        "warningTime": "2026-11-22T09:00:00Z",
        "criticalTime": "2026-11-22T09:00:00Z",
        "emergencyTime": "2026-11-23T05:50:00Z",
    },
    "next": "A Trigger cleanup runs at 2026-11-22T15:07:10Z.",
    "nextCleanupReason": "Trigger",
    "trend": "2 cleanups removed 24 files.",
    "activeSince": "2026-10-01T00:00:00Z",
    "running": "1;top2v4;1o;;;0;;b1,1a;60303ae2;2,3,1,4,9;;1o.1y7k0;00c0ffee",
    "lastActivityTime": "2026-11-22T08:29:12Z",
    "identity": {
        "state": "Paired",
        "fingerprint": "9f86d081884c",
        "credsToken": "60303ae22b99",
        "suspectSince": "2026-11-22T08:29:00Z",
    },
    "files": {
        "total": 176,
        "counted": 176,
        "limit": 180,
        "protected": 72,
        "reclaimable": 9,
        "bytes": 345678,
        "byKind": _BY_KIND,
        "kept": {"ProtectedKind": 72, "InUse": 90},
    },
    "volume": {
        "claimName": "data",
        "path": "company_962302",
        "freeBytes": 8 * 2**30,
        "freeInodes": 524288,
    },
    "credentialsCopies": {
        "count": 10,
        "newestTime": "2026-11-21T15:00:00Z",
        "reason": "DiskFull",
        "message": "The volume has too little room for a copy of creds.json: make room on it.",
        "attemptTime": "2026-11-22T08:00:00Z",
    },
    "trash": {"runs": 1, "oldestTime": "2026-11-22T03:00:04Z"},
    "timers": {"trigger": "2026-11-22T08:00:00Z", "daily": "2026-11-22T03:00:00Z"},
    "run": {"id": "20261122t083000z-01ab", "reason": "Daily", "startTime": "2026-11-22T08:30:00Z"},
    "cooldownUntil": "2126-11-22T09:00:00Z",
    "emergencyCooldownUntil": "2126-11-22T08:40:00Z",
    "nextCleanupTime": "2126-11-22T12:00:00Z",
    "lastCleanup": _CLEANUP
    | {
        "message": "Removed 12 of 188 files; 20 sessions are in use.",
        "removedByKind": _BY_KIND,
        "kept": {"Fresh": 3, "OwnDevice": 2},
        "left": 0,
    },
    "history": [_CLEANUP] * 10,
    "lastRestore": {
        "time": "2026-11-21T10:00:00Z",
        "run": "20261121-100000-abcdef",
        "mode": "Safe",
        "archive": "20261121T093500Z-0a1b2c3d.tar.gz.age",
        "outcome": "Completed",
        "restoredByKind": {"creds": 1, "session": 40},
        "message": "41 files came back.",
    },
    "lastHandledRequest": "1764000000",
    "lastValid": '{"volume":{"claimName":"baileys-962302","path":"company_962302"},"companyId":"962302"}',
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Observing",
            "message": "Counted 176 files.",
            "lastTransitionTime": "2026-11-22T08:30:00Z",
            "observedGeneration": 3,
        }
    ],
}
