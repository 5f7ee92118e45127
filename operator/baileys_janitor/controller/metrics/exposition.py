"""Writes the text format in pieces, so that ten thousand tenants neither block the event loop nor fill the memory.

prometheus_client writes the process's few metrics. The tenants' lines are written here: its encoder takes some eight
times as long for a line, which at that size is a sixth of a core (docs/decisions/2026-11-25-tenant-metrics.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from prometheus_client import CollectorRegistry, generate_latest

from baileys_janitor.controller.crash_handler import Contained
from baileys_janitor.metrics.tenants import Family
from baileys_janitor.metrics.text import families, lines_of
from baileys_janitor.tenants.record import TenantRecord

Contain = Callable[[str, Iterable[TenantRecord]], AbstractContextManager[Contained | None]]
SLICE = 250
"""Tenants in a piece: a millisecond or two of work."""


def let_pass(_where: str, _tenants: Iterable[TenantRecord]) -> AbstractContextManager[None]:
    """Let exceptions pass."""
    return nullcontext()


def pages(
    registry: CollectorRegistry,
    tenants: Sequence[TenantRecord],
    per_tenant: str,
    now: float,
    contain: Contain = let_pass,
) -> Iterator[bytes]:
    """Yield the exposition in pieces; the sender runs other tasks in between.

    `contain` handles an exception about one tenant, so that the others' series are written.
    """
    yield generate_latest(registry)
    if not tenants:
        return
    for family in families(per_tenant):
        head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n"
        for start in range(0, len(tenants), SLICE):
            lines = _piece(family, tenants[start : start + SLICE], now, contain)
            # Also an empty piece: reading records without a series takes time as well.
            yield (head + lines).encode() if lines else b""
            head = "" if lines else head


def _piece(family: Family, tenants: Sequence[TenantRecord], now: float, contain: Contain) -> str:
    lines = ""
    with contain("tenant", ()) as whole:
        lines = "".join(lines_of(family, tenants, now))
    if whole is None or not whole.crashed:
        return lines
    # One of them cannot be read: write the others.
    for tenant in tenants:
        with contain("tenant", [tenant]):
            lines += "".join(lines_of(family, [tenant], now))
    return lines
