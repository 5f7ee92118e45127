"""Writes the text format, a piece at a time, so that ten thousand tenants neither hold up the event loop nor fill
the memory.

The process's few metrics are written by prometheus_client. The tenants' lines are written here: its encoder takes
some eight times as long for a line, which at that size is a sixth of a core
(docs/decisions/2026-11-25-tenant-metrics.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from prometheus_client import CollectorRegistry, generate_latest

from baileys_janitor.controller.crash_handler import Contained
from baileys_janitor.metrics.tenants import FAMILIES, LABELS, Family, Number, company
from baileys_janitor.tenants.record import TenantRecord

Contain = Callable[[str, Iterable[TenantRecord]], AbstractContextManager[Contained | None]]
SLICE = 250
"""Tenants a piece: a millisecond or two of work."""


def let_pass(_where: str, _tenants: Iterable[TenantRecord]) -> AbstractContextManager[None]:
    """Let exceptions pass."""
    return nullcontext()


def families(per_tenant: str) -> tuple[Family, ...]:
    """Return the families of a tenant that `metrics.perTenant` asks for."""
    if per_tenant == "None":
        return ()
    return tuple(family for family in FAMILIES if family.brief or per_tenant == "Full")


def pages(
    registry: CollectorRegistry,
    tenants: Sequence[TenantRecord],
    per_tenant: str,
    now: float,
    contain: Contain = let_pass,
) -> Iterator[bytes]:
    """Yield the exposition in pieces; the sender lets others work in between.

    `contain` keeps an exception about one tenant from costing the others their series.
    """
    yield generate_latest(registry)
    if not tenants:
        return
    for family in families(per_tenant):
        head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n"
        for start in range(0, len(tenants), SLICE):
            lines = _piece(family, tenants[start : start + SLICE], now, contain)
            # An empty piece, too: looking in vain takes time as well.
            yield (head + lines).encode() if lines else b""
            head = "" if lines else head


def _piece(family: Family, tenants: Sequence[TenantRecord], now: float, contain: Contain) -> str:
    lines = ""
    with contain("tenant", ()) as whole:
        lines = "".join(_lines(family, tenants, now))
    if whole is None or not whole.crashed:
        return lines
    # One of them cannot be read: the others are.
    for tenant in tenants:
        with contain("tenant", [tenant]):
            lines += "".join(_lines(family, [tenant], now))
    return lines


def _lines(family: Family, tenants: Iterable[TenantRecord], now: float) -> Iterator[str]:
    name, one, many, label = family.name, family.one, family.many, family.label
    for tenant in tenants:
        if one is not None:
            number = one(tenant, now)
            if number is not None:
                yield f"{name}{{{_labels(tenant)}}} {_text(number)}\n"
        elif many is not None:
            labels = _labels(tenant)
            for value, number in many(tenant, now):
                yield f'{name}{{{labels},{label}="{_escaped(value)}"}} {_text(number)}\n'


def _labels(tenant: TenantRecord) -> str:
    # In the order of LABELS. Names of the API server's objects need no escaping.
    return (
        f'{LABELS[0]}="{tenant.namespace}",{LABELS[1]}="{tenant.name}",'
        f'{LABELS[2]}="{_escaped(company(tenant))}"'
    )


def _escaped(value: str) -> str:
    if value.isalnum():
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _text(number: Number) -> str:
    return "+Inf" if number == math.inf else repr(number)
