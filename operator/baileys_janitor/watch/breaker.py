"""The circuit breaker of one server: holds automatic cleanups after abnormally large removals."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from baileys_janitor.api.config.config import CircuitBreaker
from baileys_janitor.api.values.timestamps import from_rfc3339, to_rfc3339
from baileys_janitor.schedule.circuit_breaker import Breakers, Hold, named
from baileys_janitor.watch.others import AUTOMATIC
from baileys_janitor.watch.record import DirectoryRecord

logger = logging.getLogger("janitor.watch")


class Breaker:
    """Counts cleanups. `memory` is the time in seconds for which one counts."""

    def __init__(self, config: CircuitBreaker) -> None:
        self._enabled = config.enabled
        self._all = Breakers(
            config.window.seconds,
            config.percent,
            config.runs,
            config.hold.seconds,
            lambda: 1,
        )
        self.memory = float(config.window.seconds + config.hold.seconds)

    def hold(self, record: DirectoryRecord, now: float) -> Hold | None:
        """Return the reason to hold automatic cleanups, or None."""
        return self._all.hold(record.namespace, now)

    def any(self, now: float) -> Hold | None:
        """Return the same for any directory."""
        return self._all.any(now)

    def shift(self, step: float) -> None:
        """Shift all times after a clock change."""
        self._all.shift(step)

    def count(self, record: DirectoryRecord, entry: Mapping[str, Any], now: float) -> bool:
        """Add a cleanup; return False for one that is too old, since all earlier ones are, too."""
        when = min(from_rfc3339(entry.get("time")) or now, now)
        if when < now - self.memory:
            return False
        if (
            not self._enabled
            or entry.get("reason") not in AUTOMATIC
            or entry.get("outcome") == "DryRun"
        ):
            return True
        before = self.hold(record, now)
        removed = int(entry.get("removed") or 0)
        total = record.look.total if record.look is not None else None
        files = max(int(entry.get("before") or 0), removed + (total or 0))
        run = str(entry.get("run"))
        self._all.note(record.namespace, record.name, run, when, removed, files)
        hold = self.hold(record, now)
        if hold is not None and before is None:
            logger.warning(
                "Cleanups removed abnormally much: the circuit breaker holds automatic ones",
                extra={
                    "action": "clean",
                    "until": to_rfc3339(hold.until),
                    "detail": named(hold.tenants),
                },
            )
        self._all.tidy(now)
        return True
