"""A tenant's level and its readiness, as conditions with sentences for people. Pure."""

from __future__ import annotations

from collections.abc import Callable

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS
from baileys_janitor.api.conditions.conditions import MESSAGE_LIMIT, Conditions, find
from baileys_janitor.api.values.timestamps import to_rfc3339
from baileys_janitor.job.result import ScanResult
from baileys_janitor.policy import levels
from baileys_janitor.policy.files.file_kinds import KINDS, SESSION
from baileys_janitor.policy.levels import LEVELS
from baileys_janitor.policy.settings import Thresholds
from baileys_janitor.schedule import cleanup_times, scan_times
from baileys_janitor.schedule.circuit_breaker import Hold, named
from baileys_janitor.tenants.fault import Fault
from baileys_janitor.tenants.record import TenantRecord
from baileys_janitor.tenants.wording import files, files_are, listed


def level_of(tenant: TenantRecord, now: float) -> str | None:
    """Return the level, or None while there is no valid count.

    None before the first scan, after three missed ones, and while creds.json is missing, corrupt, too large to read, or
    of no paired account: a count alone does not make a session healthy.
    """
    if tenant.effective is None:
        return None
    missed = scan_times.missed_time(tenant)
    if missed is not None and now >= missed:
        return None
    look = tenant.look
    if look is None:
        return _stored_level(tenant)
    if look.error is not None or look.counted is None or _of_credentials(tenant, now) is not None:
        return None
    return levels.level(look.counted, tenant.effective.policy.thresholds)


SESSIONS = KINDS.index(SESSION)
NO_SESSION = {
    "Absent": ("NotPaired", "There is no creds.json, so this tenant is not paired."),
    "Unpaired": ("NotPaired", "creds.json names no paired account, so there is no session yet."),
    "TooLarge": (
        "CredentialsTooLarge",
        "creds.json is larger than 1 MiB, so it is not read, and nothing is removed.",
    ),
}
BROKEN = (
    "CredentialsCorrupt",
    "creds.json cannot be read, so the state of the session is unknown; see CredentialsCorrupt.",
)
LOST = (
    "CredentialsMissing",
    "creds.json is missing beside session files, so the state of the session is unknown; see CredentialsMissing.",
)
IN_DOUBT = (
    "CredentialsInDoubt",
    "The first scan could not read creds.json. It may just have been written; the next scans look again.",
)


_OF_CREDENTIALS = frozenset(reason for reason, _ in (*NO_SESSION.values(), BROKEN, LOST, IN_DOUBT))


def _of_credentials(tenant: TenantRecord, now: float) -> tuple[str, str] | None:
    """Return why the state of creds.json makes the level unknown, as reason and message; None if it does not.

    A single failed read decides nothing: the level stays until successive scans agree.
    """
    look = tenant.look
    state = look.identity_state if look is not None else None
    if look is not None and is_lost(look):
        return LOST
    if state == "Corrupt":
        if tenant.scan.is_corrupt(now):
            return BROKEN
        return None if tenant.stored.level in LEVELS else IN_DOUBT
    return NO_SESSION.get(str(state))


def is_lost(look: ScanResult) -> bool:
    """Return whether creds.json is missing beside session files."""
    return look.identity_state == "Absent" and bool(look.by_kind and look.by_kind[SESSIONS])


def _stored_level(tenant: TenantRecord) -> str | None:
    """Return the level that an earlier operator wrote, unless its count is too old."""
    assert tenant.effective is not None
    counted = tenant.stored.counted
    if counted is None or tenant.stored.level not in LEVELS or tenant.scan.last_scan is None:
        return None
    return levels.level(counted, tenant.effective.policy.thresholds)


def state_levels(
    conditions: Conditions, tenant: TenantRecord, level: str | None, now: float
) -> None:
    """State the four level conditions: exactly one True, or all Unknown."""
    if level is None:
        reason, message = _unknown(tenant, now)
        for kind in LEVELS:
            conditions.set(kind, None, reason, message)
        return
    message = _count_sentence(tenant, level)
    for kind in LEVELS:
        conditions.set(
            kind, kind == level, level, message if kind == level else _why_not(tenant, kind, level)
        )


def _why_not(tenant: TenantRecord, kind: str, level: str) -> str:
    """Return why a level is not the tenant's: a sentence that is true without context."""
    assert tenant.effective is not None
    limits = tenant.effective.policy.thresholds
    look = tenant.look
    known = look is not None and look.counted is not None
    counted = files_are(tenant.scan.counted if known else tenant.stored.counted or 0)
    if LEVELS.index(kind) > LEVELS.index(level):
        return f"{counted} counted; {kind} begins at {_LIMITS[kind](limits)}."
    above = LEVELS[LEVELS.index(kind) + 1]
    return f"{counted} counted; from {_LIMITS[above](limits)} on, the level is above {kind}."


_LIMITS: dict[str, Callable[[Thresholds], int]] = {
    levels.WARNING: lambda limits: limits.warning,
    levels.CRITICAL: lambda limits: limits.critical,
    levels.EMERGENCY: lambda limits: limits.emergency,
}


def _unknown(tenant: TenantRecord, now: float) -> tuple[str, str]:
    if tenant.effective is None:
        return "InvalidSpec", "The spec is not valid, so nothing is counted; see Ready."
    credentials = _of_credentials(tenant, now)
    missed = scan_times.missed_time(tenant)
    counts = missed is None or now < missed
    if credentials is not None and (counts or credentials is not IN_DOUBT):
        return credentials
    if tenant.look is None and counts:
        # Right after a start, the finding of an earlier operator stays until the first scan.
        before = find(tenant.stored.status.get("conditions"), levels.HEALTHY) or {}
        if before.get("status") == "Unknown" and before.get("reason") in _OF_CREDENTIALS:
            return str(before["reason"]), str(before.get("message") or "")
    if tenant.scan.last_scan is None and tenant.effective.suspend:
        return "NotScanned", "The files are not counted, because spec.suspend is true."
    if tenant.scan.last_scan is None:
        return "NotScanned", "The files have not been counted yet."
    when = to_rfc3339(tenant.scan.last_scan)
    return (
        "ScansMissed",
        f"The last count, of {when}, is too old to be trusted; see Ready.",
    )


def _count_sentence(tenant: TenantRecord, level: str) -> str:
    assert tenant.effective is not None
    limits = tenant.effective.policy.thresholds
    look = tenant.look
    if look is None or look.counted is None:
        return f"{files(tenant.stored.counted or 0)} counted before the operator started; the next scan counts anew."
    said = f"{files_are(look.counted)} counted; {_near(level, limits)}."
    if look.total is not None and look.total != look.counted:
        said += (
            f" {look.total} are there; the other {look.total - look.counted}, pre-keys and protected files above "
            "the allowances, do not count."
        )
    said += f" {look.reclaimable or 0} can be removed now."
    if look.counted >= limits.danger:
        said = f"In danger, at {limits.danger} or above: {said}"
    if level == levels.EMERGENCY and not look.gain:
        said += f" An emergency cleanup would gain nothing: {keeps_up(tenant)}"
    elif level == levels.EMERGENCY:
        said += f" An emergency cleanup would lower the count by {look.gain}."
    return said


def _near(level: str, limits: Thresholds) -> str:
    """Describe which threshold was reached, and which comes next."""
    return {
        levels.HEALTHY: f"Warning begins at {limits.warning}",
        levels.WARNING: f"Warning begins at {limits.warning}, Critical at {limits.critical}",
        levels.CRITICAL: f"Critical begins at {limits.critical}, Emergency at {limits.emergency}",
        levels.EMERGENCY: f"Emergency begins at {limits.emergency}",
    }[level]


def keeps_up(tenant: TenantRecord) -> str:
    """Describe why the count stays high when nothing may be removed."""
    look = tenant.look
    if look is None:
        return "nothing is known yet."
    if look.identity_state == "Unpaired":
        return "creds.json names no paired account, so nothing is removed."
    if look.identity_state == "TooLarge":
        return "creds.json is larger than 1 MiB, so it is not read and nothing is removed."
    if look.identity_state != "Paired":
        return "creds.json cannot be read, so nothing is removed."
    if tenant.scan.active_since is None and tenant.scan.running is not None:
        return "the session is stopped, so nothing counts as old."
    if look.kept:
        return f"there are {listed(look.kept)}."
    return f"{look.protected or 0} files are protected and the others are in use or too young."


def state_readiness(
    conditions: Conditions, tenant: TenantRecord, now: float, hold: Hold | None
) -> None:
    """State Ready, Stalled and CleanupsHeld: whether the janitor can observe and act."""
    fault = tenant.fault or tenant.backoff.work_fault
    suspended = tenant.effective is not None and tenant.effective.suspend
    missed = scan_times.missed_time(tenant)
    held = held_by(hold) if hold is not None and tenant.effective is not None else None
    conditions.advise(CONDITIONS["CleanupsHeld"], None if suspended else held)
    conditions.advise(CONDITIONS["UnknownAnnotation"], tenant.resource.unknown)
    waits = cleanup_times.request_waits(tenant)
    said = f"The requested cleanup waits: {_WAITS.get(waits, _FAULT)}." if waits else None
    conditions.advise(CONDITIONS["RequestWaiting"], said, reason=waits or "")
    if tenant.invalid is not None:
        _state_refusal(conditions, tenant.invalid, None if suspended else tenant.backoff.fault)
        return
    if fault is not None and fault.stalled and not suspended:
        conditions.set("Ready", False, fault.reason, fault.message)
        conditions.set("Stalled", True, fault.reason, fault.message)
        return
    there = fault is None or not fault.stalled
    calm = "There is no fault." if there else "spec.suspend is true, so no fault applies."
    conditions.set("Stalled", False, "NoFault", calm)
    if suspended:
        conditions.set("Ready", True, "Suspended", "spec.suspend is true: no Job runs.")
    elif fault is not None:
        conditions.set("Ready", True, fault.reason, fault.message)
    elif hold is not None:
        conditions.set("Ready", True, "CleanupsHeld", held_by(hold))
    elif tenant.scan.last_scan is None:
        conditions.set("Ready", None, "NotScanned", "The first scan is under way.")
    elif missed is not None and now >= missed:
        conditions.set(
            "Ready",
            None,
            "ScansMissed",
            "Three scans in a row brought no result and no reason; see the janitor's Jobs in this namespace.",
        )
    else:
        conditions.set("Ready", True, *_mode(tenant))


def _state_refusal(conditions: Conditions, invalid: Fault, fault: Fault | None) -> None:
    """State that the spec is invalid, and any other fault that prevents even the settings in force from working."""
    besides = f" Besides: {fault.message}" if fault is not None and fault.stalled else ""
    message = (invalid.message + besides)[:MESSAGE_LIMIT]
    conditions.set("Ready", False, invalid.reason, message)
    conditions.set("Stalled", True, invalid.reason, message)


_WAITS = {
    cleanup_times.SUSPENDED: "set spec.suspend to false to let it run",
    cleanup_times.INVALID: "correct the spec first, as Ready says",
}
_FAULT = "it runs once the fault that Ready names is gone"
"""What a waiting request waits for, by the reason."""


def held_by(hold: Hold) -> str:
    """Describe who opened the circuit breaker, as far as this namespace may know, and which cleanups still run."""
    where = f"in {len(hold.namespaces)} namespaces" if hold.fleet else "in this namespace"
    if hold.fleet and len(hold.namespaces) == 1:
        where = "in the only namespace"
    who = f" (here those of {named(hold.tenants)})" if hold.tenants else ""
    return (
        f"Cleanups {where} removed abnormally much in a short time{who}, so automatic ones hold until "
        f"{to_rfc3339(hold.until)}. An Emergency one runs and removes a quarter of maxRemovals at most; requested "
        "ones run."
    )


def _mode(tenant: TenantRecord) -> tuple[str, str]:
    assert tenant.effective is not None
    if tenant.effective.mode == "DryRun":
        return "DryRun", "Cleanups are decided and reported, and nothing is removed (mode DryRun)."
    if tenant.effective.mode == "Observe":
        return "Observe", "Files are counted and nothing is decided (mode Observe)."
    if tenant.look is not None and tenant.look.identity_state not in {cleanup_times.PAIRED, None}:
        return (
            "Observing",
            "The files are counted; nothing is removed while creds.json shows no account.",
        )
    return "Observing", "The files are counted, and cleaned when they have to be."
