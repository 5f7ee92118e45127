"""Advice as conditions: information for a tenant's operator beyond the level. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from baileys_janitor.api.conditions.condition_kinds import ADVICE, CONDITIONS
from baileys_janitor.api.conditions.conditions import Conditions
from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.values.quantities import amount_of
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.job.result import CAPPED, COMPLETED, NOTHING_TO_DO, ScanResult
from baileys_janitor.policy import advice, findings
from baileys_janitor.policy.cleanup.estimate import Outlook
from baileys_janitor.policy.counts import Census
from baileys_janitor.status import level_and_ready
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.scan_state import RE_PAIRED_SECONDS

CREDENTIALS_CORRUPT = CONDITIONS["CredentialsCorrupt"]
CREDENTIALS_MISSING = CONDITIONS["CredentialsMissing"]
PAIRING_NEEDED = CONDITIONS["PairingNeeded"]
IDENTITY_CHANGED = CONDITIONS["IdentityChanged"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The configured limits of advice."""

    inactive_after: float
    free_bytes: int
    free_inodes: int

    @classmethod
    def of(cls, config: OperatorConfig) -> Limits:
        """Read the limits from the configuration."""
        full = config.disk_pressure
        return cls(
            config.session_inactive_after.seconds, int(amount_of(full.free_bytes)), full.free_inodes
        )


def state(
    conditions: Conditions,
    tenant: TenantRecord,
    now: float,
    limits: Limits,
    pairing: str | None = "",
) -> None:
    """State every piece of advice; carry over those that cannot be judged now.

    `pairing` is the message about a new pairing that is due, empty if none is due, None while unknown.
    """
    if pairing is None:
        conditions.keep(PAIRING_NEEDED.type)
    else:
        conditions.advise(PAIRING_NEEDED, pairing or None)
    look = tenant.look
    if tenant.effective is None or look is None or not tenant.scan.counts:
        for kind in ADVICE:
            conditions.keep(kind)
        return
    given = {
        advice.SESSION_INACTIVE: advice.session_inactive(
            look.newest_activity, now, limits.inactive_after
        ),
    }
    if look.free_bytes is not None or look.free_inodes is not None:
        given[advice.DISK_PRESSURE] = advice.disk_pressure(
            look.free_bytes,
            look.free_inodes,
            look.volume_bytes,
            limits.free_bytes,
            limits.free_inodes,
        )
    for kind, said in (given | _of_counts(tenant, look)).items():
        conditions.advise(CONDITIONS[kind], said.message if said else None)
    # Advice that depends on figures missing from the result stays as it was.
    conditions.keep(advice.DISK_PRESSURE)
    conditions.keep(advice.ROTATION_RECOMMENDED)
    conditions.advise(
        CREDENTIALS_CORRUPT, _corrupt(tenant, now), calm=_READ.get(str(look.identity_state), "")
    )
    lost = level_and_ready.is_lost(look)
    conditions.advise(CREDENTIALS_MISSING, findings.MISSING + _kept(tenant) if lost else None)
    since = conditions.true_since(IDENTITY_CHANGED.type)
    if tenant.scan.re_paired is None and now - since < RE_PAIRED_SECONDS:
        # Published by an earlier operator.
        conditions.keep(IDENTITY_CHANGED.type)
    else:
        conditions.advise(IDENTITY_CHANGED, _re_paired(tenant, now))


def _of_counts(tenant: TenantRecord, look: ScanResult) -> dict[str, advice.Advice | None]:
    assert tenant.effective is not None
    settings = tenant.effective.policy
    refused = None if look.identity_state == "Paired" else str(look.identity_state)
    outlook = Outlook(
        counted=tenant.scan.counted,
        reclaimable=tenant.scan.reclaimable,
        emergency_gain=look.gain or 0,
        floor=look.floor or 0,
        refused=refused,
    )
    found = {advice.THRESHOLD_UNREACHABLE: advice.threshold_unreachable(outlook, settings)}
    if look.by_kind is not None:
        census = Census()
        census.total = look.total or 0
        census.by_kind = list(look.by_kind)
        census.protected = look.protected or 0
        census.upload_span = look.pre_key_span or 0
        low = outlook.floor < settings.thresholds.critical
        cleanups = () if low else cleaned(tenant)
        rotation = advice.rotation_recommended(census, outlook, settings, cleanups)
        found[advice.ROTATION_RECOMMENDED] = rotation
    return found


def cleaned(tenant: TenantRecord) -> list[advice.Cleaned]:
    """Return the files left by the cleanups in the history, newest first; dry runs and failures are skipped."""
    return [
        advice.Cleaned(entry["after"], entry["removed"])
        for entry in tenant.cleanup.history
        if entry.get("outcome") in _CLEANED
        and isinstance(entry.get("after"), int)
        and isinstance(entry.get("removed"), int)
    ]


_CLEANED = frozenset((COMPLETED, CAPPED, NOTHING_TO_DO))
_READ = {
    "Paired": "creds.json can be read.",
    "Unpaired": "creds.json can be read.",
    "Absent": "There is no creds.json.",
    "TooLarge": "creds.json is larger than 1 MiB and is not read.",
}
"""Messages about creds.json while it is not known to be corrupt, by its state at the last scan."""


def _corrupt(tenant: TenantRecord, now: float) -> str | None:
    doubt = tenant.scan.suspicion
    if doubt is None or not tenant.scan.is_corrupt(now):
        return None
    return findings.corrupt(doubt.looks, int(now - doubt.since)) + _kept(tenant)


def _kept(tenant: TenantRecord) -> str:
    """Return which copies and archives can be restored."""
    newest = tenant.copies.newest
    said = None if newest is None else to_rfc3339(newest)
    return findings.kept_copies(tenant.copies.count or 0, said)


def _re_paired(tenant: TenantRecord, now: float) -> str | None:
    if tenant.scan.re_paired is None or now - tenant.scan.re_paired[0] > RE_PAIRED_SECONDS:
        return None
    return (
        f"The session was paired again: its identity changed from {tenant.scan.re_paired[1]} to "
        f"{tenant.scan.fingerprint} (one-way fingerprints). Older cleanups can no longer be undone."
    )
