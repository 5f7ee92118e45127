"""When to keep a copy of a tenant's creds.json.

A copy is due when creds.json has changed since the newest copy and that is old enough. Due copies of one namespace are
gathered, so that its tenants share Jobs: each namespace has its own points of time for copies. A tenant whose
creds.json has not changed is never due, and after any outage one copy is.
"""

from __future__ import annotations

import math

from baileys_janitor.schedule import slots
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.tenant_state import TenantState

HOUR_SECONDS = 3600.0
SHARE = 1 / 24
"""Share of `every` over which tenants of a namespace are gathered: one hour of a day."""
FIRST_SECONDS = 600.0
"""Longest gathering time before a first copy: a tenant without any copy does not wait for an hour."""


def copy_time(tenant: TenantState) -> float | None:
    """Return when to keep a copy (Unix seconds); None if there is nothing to keep, or nothing may be written.

    Also None while the tenant has a Job that writes, or waits for one: the end of that Job requeues the tenant.
    """
    effective, changed_since = tenant.effective, tenant.copies.changed_since
    if effective is None or effective.copies is None or changed_since is None:
        return None
    if tenant.run is not None or tenant.jobs.work is not None or tenant.copies.waiting:
        return None
    if tenant.fault is not None and tenant.fault.stalled:
        return None
    every = float(effective.copies.every)
    ready = max(changed_since, _free_after_failure(tenant, every))
    newest = tenant.copies.newest_of_pairing
    if newest is None:
        when = _gathered(tenant, min(gather_seconds(every), FIRST_SECONDS), ready)
    else:
        when = _gathered(tenant, gather_seconds(every), max(ready, newest + least_age(every)))
    return max(when, tenant.backoff.retry_at)


def gather_seconds(every: float) -> float:
    """Return over how many seconds the copies of a namespace are gathered."""
    return min(every * SHARE, HOUR_SECONDS)


def least_age(every: float) -> float:
    """Return the minimum age in seconds of the newest copy before another one is kept.

    It is `every` less the gathering time, so that a late copy does not delay the next one.
    """
    return every - gather_seconds(every)


def _free_after_failure(tenant: TenantState, every: float) -> float:
    """Return the earliest time of a retry after a copy could not be kept.

    Reasons that pass by themselves are retried after an hour, then with doubled pauses. All others, which somebody must
    fix, are retried no more often than copies are kept.
    """
    copies = tenant.copies
    if copies.tried_at is None:
        return 0.0
    longest = least_age(every)
    if not copies.passing:
        return copies.tried_at + longest
    return copies.tried_at + backoff_seconds(
        copies.failures - 1, min(HOUR_SECONDS, longest), longest
    )


def _gathered(tenant: TenantState, span: float, when: float) -> float:
    """Return the first point of time at or after `when` for the copies of a namespace."""
    offset = slots.spread(tenant.namespace, "copies", span)
    return math.ceil((when - offset) / span) * span + offset
