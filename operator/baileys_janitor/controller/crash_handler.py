"""Contains unexpected exceptions: each is reported as a fault of its tenant, and the loop goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from types import TracebackType

from baileys_janitor.controller.clock import Clock
from baileys_janitor.status.changes import ChangeBus, Crashed
from baileys_janitor.tenants.fault import INTERNAL_ERROR
from baileys_janitor.tenants.record import AnyRecord

logger = logging.getLogger("janitor.reconciler")

LOG_AGAIN_SECONDS = 600.0
"""Seconds until a traceback of the same place and tenant is logged again."""
LOGGED_MAX = 256
"""Maximum number of tracebacks remembered as logged."""


class Contained:
    """A block whose exceptions end only the block; `crashed` is True afterwards if there was one."""

    def __init__(self, handle: Callable[[BaseException], None]) -> None:
        self._handle = handle
        self.crashed = False

    def __enter__(self) -> Contained:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.crashed = True
        self._handle(error)
        return True


class CrashHandler:
    """Handles exceptions: logs and counts them, and reports them on their tenants."""

    def __init__(self, clock: Clock, bus: ChangeBus) -> None:
        self._clock = clock
        self._bus = bus
        self._logged: dict[tuple[str, str, str], float] = {}

    def contain(self, where: str, tenants: Iterable[AnyRecord] = ()) -> Contained:
        """Return a context that contains the exceptions of a block; `where` is one of `changes.CRASH_SITES`.

        The block's tenants back off, and their condition Ready reports the exception, unless their spec is refused.
        """
        concerned = list(tenants)

        def handle(error: BaseException) -> None:
            self._log(where, error, concerned)
            self._bus.publish(Crashed(where))
            self.back_off(concerned)

        return Contained(handle)

    def back_off(self, tenants: Iterable[AnyRecord]) -> None:
        """Let tenants back off after an unexpected exception in their handling."""
        now = self._clock.now()
        for tenant in tenants:
            if tenant.backoff.retry_at > now and tenant.fault == INTERNAL_ERROR:
                continue
            tenant.crash(now)

    def _log(self, where: str, error: BaseException, tenants: list[AnyRecord]) -> None:
        about = tenants[0].text if tenants else "operator"
        key, now = (where, about, type(error).__name__), self._clock.monotonic()
        if now - self._logged.get(key, -LOG_AGAIN_SECONDS) < LOG_AGAIN_SECONDS:
            logger.debug("%s: unforeseen once more (%s)", about, key[2])
            return
        self._logged.pop(key, None)
        self._logged[key] = now
        if len(self._logged) > LOGGED_MAX:
            del self._logged[next(iter(self._logged))]
        logger.error("%s: unforeseen", about, exc_info=error)
