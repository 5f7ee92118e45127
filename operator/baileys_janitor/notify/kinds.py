"""What can be told of: how grave it is, where help is written, and what it replaces. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WARNING, CRITICAL, EMERGENCY = "Warning", "Critical", "Emergency"
RANKS: Final = {WARNING: 1, CRITICAL: 2, EMERGENCY: 3}
"""Severities, the gravest last."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be told of a tenant, or of the fleet.

    `family` numbers what excludes each other: a tenant is in one state of a family at a time, and moves
    between them. `ends` is False where nobody waits for the end; then it is not repeated either.
    """

    name: str
    family: int
    severity: str
    runbook: str
    label: str
    """What it is called when it is over."""
    one: str
    """A title for one tenant: {name}, {files}."""
    many: str
    """A title for {n} tenants."""
    means: str
    """Why it matters, in a sentence or two."""
    ends: bool = True

    @property
    def rank(self) -> int:
        """How grave it is, from 1 to 3."""
        return RANKS[self.severity]


LEVEL, CREDENTIALS, CLEANUP, DISK, SCAN, INACTIVE, IDENTITY, BREAKER = range(8)
FAMILIES: Final = range(8)

STALLED_FOR = 900.0
"""Seconds that a fault must last: most pass by themselves."""

_ALL = (
    Kind(
        "TenantWarning",
        LEVEL,
        WARNING,
        "tenant-warning",
        "Warning",
        "{name} has {files}",
        "{n} tenants are above their warning threshold",
        "The directory fills up; nothing hurts yet.",
    ),
    Kind(
        "TenantCritical",
        LEVEL,
        CRITICAL,
        "tenant-critical",
        "Critical",
        "{name} has {files}",
        "{n} tenants are above their critical threshold",
        "The count is near the limit. The session itself works on.",
    ),
    Kind(
        "TenantEmergency",
        LEVEL,
        EMERGENCY,
        "tenant-emergency",
        "Emergency",
        "{name} has {files}",
        "{n} tenants have reached their limit",
        "The limit is reached. The session itself works on; operators have seen sessions with too many files dropped.",
    ),
    Kind(
        "ThresholdUnreachable",
        LEVEL,
        WARNING,
        "threshold-unreachable",
        "unreachable limits",
        "no cleanup can bring {name} below its limits",
        "no cleanup can bring {n} tenants below their limits",
        "So many files are protected or in use that the limits cannot hold.",
    ),
    Kind(
        "CredentialsCorrupt",
        CREDENTIALS,
        EMERGENCY,
        "credentials-corrupt",
        "broken creds.json",
        "creds.json of {name} cannot be read",
        "creds.json of {n} tenants cannot be read",
        "The running process still has the credentials in memory. Started anew it reads the broken file, and "
        "a phone has to be paired again.",
    ),
    Kind(
        "CleanupFailing",
        CLEANUP,
        CRITICAL,
        "cleanup-failing",
        "failing cleanups",
        "the cleanup of {name} failed",
        "cleanups of {n} tenants fail",
        "The directory only grows meanwhile. Nothing is lost.",
    ),
    Kind(
        "DiskPressure",
        DISK,
        EMERGENCY,
        "disk-pressure",
        "disk pressure",
        "the volume of {name} is nearly full",
        "the volumes of {n} tenants are nearly full",
        "On a full volume the next write of creds.json is cut, and a phone has to be paired again.",
    ),
    Kind(
        "ScanStale",
        SCAN,
        WARNING,
        "scan-stale",
        "failing scans",
        "{name} cannot be looked at",
        "{n} tenants cannot be looked at",
        "Nobody knows how full the directory is, and nothing is cleaned. The session itself is not affected.",
    ),
    Kind(
        "SessionInactive",
        INACTIVE,
        WARNING,
        "session-inactive",
        "silence",
        "{name} has had no traffic for long",
        "{n} tenants have had no traffic for long",
        "No message went in or out: the process is stopped or unlinked, or nobody writes. WhatsApp unlinks a "
        "device whose phone was not seen for 14 days.",
    ),
    Kind(
        "IdentityChanged",
        IDENTITY,
        WARNING,
        "identity-changed",
        "paired again",
        "{name} was paired again",
        "{n} tenants were paired again",
        "The session belongs to another identity than before. Nothing has to be done if that was on purpose.",
        ends=False,
    ),
    Kind(
        "CircuitBreakerOpen",
        BREAKER,
        CRITICAL,
        "circuit-breaker-open",
        "hold of automatic cleanups",
        "automatic cleanups are held for all tenants",
        "automatic cleanups are held for all tenants",
        "Many cleanups removed abnormally much in a short time: a fleet that was never cleaned before, or a "
        "mistake in a setting.",
    ),
)
KINDS: Final = {kind.name: kind for kind in _ALL}
"""By name; `api.notifications.Reason` lists the same names."""
