"""Faults for tests: refused and delayed requests."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from sandbox.server.failures import RefusedError


@dataclass(slots=True)
class Fault:
    """Matching requests are refused with `status`, or only delayed when it is 0.

    Attributes:
        method: an HTTP method, or empty for any.
        path: a regular expression, searched in the path and query.
        times: how many more requests it affects; None for all, until removed.
        delay: seconds before the request continues (or is refused).
        retry_after: seconds, for 429.
        agent: a regular expression, searched in the User-Agent.
        cut: the request is carried out, and its answer is cut off in the middle.
        hits: how many requests it has affected.
    """

    method: str = ""
    path: str = ""
    status: int = 0
    reason: str = ""
    message: str = ""
    times: int | None = None
    delay: float = 0.0
    retry_after: int | None = None
    agent: str = ""
    cut: bool = False
    hits: int = field(default=0, init=False)

    async def strike(self) -> None:
        """Delay the request, then refuse it, as configured.

        Raises:
            RefusedError: unless the fault is only a delay.
        """
        await asyncio.sleep(self.delay)
        if not self.status:
            return
        raise RefusedError(
            self.status,
            self.message or f"injected fault {self.status}",
            reason=self.reason or None,
            retry_after=self.retry_after,
        )


class Faults:
    """The active faults; the first match applies to a request."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        if fault in self._faults:
            self._faults.remove(fault)

    def clear(self) -> None:
        self._faults.clear()

    def meet(self, method: str, path: str, agent: str = "") -> Fault | None:
        """Return the fault for a request, and count it."""
        for fault in self._faults:
            if fault.method and fault.method.upper() != method:
                continue
            if not re.search(fault.path, path) or not re.search(fault.agent, agent):
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault
        return None
