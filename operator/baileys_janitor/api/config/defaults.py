"""The default settings of a tenant, used if neither its spec nor the operator's configuration sets them.

The five limits are those that operators of Baileys sessions have long worked with; that a session is lost at a file
count is lore, so they are defaults and not truths. They were written down for a directory with about 60 LID mappings
and 40 pre-keys, which is the origin of the allowances.
"""

from __future__ import annotations

from baileys_janitor.api.spec import SharedSettings
from baileys_janitor.policy.archives.credential_copies import KEEP
from baileys_janitor.policy.settings import EMERGENCY_KEPT_PRE_KEYS, KEPT_PRE_KEYS

BUILT_IN: SharedSettings = SharedSettings.model_validate(
    {
        "mode": "Enforce",
        "thresholds": {
            "warning": 150,
            "critical": 170,
            "trigger": 175,
            "emergency": 180,
            "danger": 185,
            "count": "Pressure",
        },
        "allowances": {"preKeys": 50, "protected": 65},
        "retention": {
            "sessionMaxAge": "14d",
            "senderKeyMaxAge": "3d",
            "preKeys": KEPT_PRE_KEYS,
        },
        "emergencyRetention": {
            "sessionMaxAge": "7d",
            "senderKeyMaxAge": "1d",
            "preKeys": EMERGENCY_KEPT_PRE_KEYS,
        },
        "maxRemovals": {"percent": 60, "files": 500},
        "schedule": {
            "scanInterval": "1m",
            "adaptive": True,
            "triggerInterval": "30m",
            "dailyCleanup": "0 3 * * *",
            "timeZone": "UTC",
        },
        "cooldown": "6h",
        "emergencyCooldown": "30m",
        "undoWindow": "24h",
        "credentialsCopies": {"keep": KEEP, "every": "24h"},
        "job": {
            "resources": {
                "requests": {"cpu": "10m", "memory": "32Mi"},
                "limits": {"memory": "128Mi"},
            }
        },
    },
    extra="forbid",
)
