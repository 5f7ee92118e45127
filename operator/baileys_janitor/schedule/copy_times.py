"""When a copy of a tenant's creds.json is to be kept.

A copy is due when creds.json has changed since the newest one and that is old enough. What is due in one namespace is
gathered, so that its tenants share Jobs: copies are kept at points of time that a namespace has for itself. A tenant
whose creds.json has not changed is never due, and after any outage one copy is.
"""

from __future__ import annotations

import math

from baileys_janitor.schedule import slots
from baileys_janitor.schedule.backoff import backoff_seconds
from baileys_janitor.schedule.tenant_state import TenantState

HOUR_SECONDS = 3600.0
SHARE = 1 / 24
"""Share of `every` within which tenants of a namespace are gathered: an hour of a day."""
FIRST_SECONDS = 600.0
"""Within how long they are gathered for a first copy at the most: a tenant without any waits for no hour."""


def copy_time(tenant: TenantState) -> float | None:
    """Return when a copy is to be kept (Unix seconds); None while there is nothing to keep, or nothing may be written.

    None as well while the tenant has a Job that writes, or waits for one: that brings it back.
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
    """Return within how many seconds the copies of a namespace are gathered."""
    return min(every * SHARE, HOUR_SECONDS)


def least_age(every: float) -> float:
    """Return how old the newest copy is at the least, in seconds, when another one is kept.

    Less than `every` by what gathering takes: one that was kept late does not make the next one later.
    """
    return every - gather_seconds(every)


def _free_after_failure(tenant: TenantState, every: float) -> float:
    """Return from when on it is tried again after no copy could be kept.

    What passes by itself is tried again after an hour, and then after twice as long each time; all else, which somebody
    must fix, no more often than a copy is kept.
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
    """Return the first point of time at or after `when` at which the copies of a namespace are kept."""
    offset = slots.spread(tenant.namespace, "copies", span)
    return math.ceil((when - offset) / span) * span + offset
