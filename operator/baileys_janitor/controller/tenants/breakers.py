"""Counts the files that cleanups have removed for the circuit breakers, and logs when one opens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from baileys_janitor.api.config.config import CircuitBreaker
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.controller.clock import Clock
from baileys_janitor.schedule.circuit_breaker import Breakers, Hold, named
from baileys_janitor.tenants.record import TenantRecord

Object = dict[str, Any]
logger = logging.getLogger("janitor.reconciler")
HELD = "Cleanups removed abnormally much: the circuit breaker holds automatic ones"


def breakers_of(configured: CircuitBreaker, namespaces: Callable[[], int]) -> Breakers:
    """Return the breakers as configured; `namespaces` returns the number of namespaces with tenants."""
    return Breakers(
        configured.window.seconds,
        configured.percent,
        configured.runs,
        configured.hold.seconds,
        namespaces,
    )


class CleanupCounter:
    """Adds cleanups to the breakers. `started` is when the operator began, in Unix seconds."""

    def __init__(
        self, configured: CircuitBreaker, breakers: Breakers, clock: Clock, started: float
    ) -> None:
        self._enabled = configured.enabled
        self._breakers = breakers
        self._memory = configured.window.seconds + configured.hold.seconds
        self._clock = clock
        self.started = started

    def remembers(self, last: float | None) -> bool:
        """Return whether a cleanup may count if the tenant's last one was then (Unix seconds; None: unknown)."""
        return last is None or last >= self.started - self._memory

    def count(self, tenant: TenantRecord, entry: Object) -> bool:
        """Add a cleanup to the circuit breaker; return False if it is too old, as are all before it.

        Requested cleanups and those without figures do not count.
        """
        now = self._clock.now()
        when = min(from_rfc3339(entry.get("time")) or now, now)
        if when < self.started - self._memory:
            return False
        automatic = entry.get("reason") != "Requested" and entry.get("outcome") != "DryRun"
        if self._enabled and automatic:
            total = tenant.look.total if tenant.look is not None else None
            removed = int(entry.get("removed") or 0)
            before = max(int(entry.get("before") or 0), removed + (total or 0))
            was = self._breakers.hold(tenant.namespace, when), self._breakers.fleet(when)
            run = str(entry.get("run"))
            self._breakers.note(tenant.namespace, tenant.name, run, when, removed, before)
            self._log_hold(tenant.namespace, was, now)
            self._breakers.tidy(now)
        return True

    def _log_hold(self, namespace: str, was: tuple[Hold | None, Hold | None], now: float) -> None:
        """Log that a breaker has opened, and which tenants or namespaces opened it."""
        hold, fleet = self._breakers.hold(namespace, now), self._breakers.fleet(now)
        if fleet is not None and was[1] is None:
            about = {"namespaces": named(fleet.namespaces), "until": to_rfc3339(fleet.until)}
            logger.warning(f"{HELD} in all namespaces", extra={"action": "clean", **about})
        elif hold is not None and was[0] is None:
            about = {"tenants": named(hold.tenants), "until": to_rfc3339(hold.until)}
            logger.warning(HELD, extra={"action": "clean", "namespace": namespace, **about})
