"""Prometheus's text format, for the series of tenants and for the counters of a process. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from baileys_janitor.metrics.definitions import Definition
from baileys_janitor.metrics.tenants import FAMILIES, LABELS, Family, Number, company
from baileys_janitor.tenants.record import TenantRecord

_PLAIN = re.compile(r"[\w.-]*")


def families(per_tenant: str) -> tuple[Family, ...]:
    """Return the families of a tenant that `metrics.perTenant` selects."""
    if per_tenant == "None":
        return ()
    return tuple(family for family in FAMILIES if family.brief or per_tenant == "Full")


def written(of: Definition, values: Mapping[tuple[str, ...], Number]) -> Iterator[str]:
    """Yield the lines of one metric with these values, by the values of its labels."""
    yield f"# HELP {of.name} {of.help}\n# TYPE {of.name} {of.kind}\n"
    for labels, value in values.items():
        named = ",".join(
            f'{label}="{escaped(text)}"' for label, text in zip(of.labels, labels, strict=True)
        )
        yield (
            f"{of.name}{{{named}}} {number_text(value)}\n"
            if named
            else f"{of.name} {number_text(value)}\n"
        )


def whole_family(family: Family, tenants: Iterable[TenantRecord], now: float) -> str:
    """Return a family with its head; empty if it has no series."""
    lines = "".join(lines_of(family, tenants, now))
    head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n"
    return head + lines if lines else ""


def lines_of(family: Family, tenants: Iterable[TenantRecord], now: float) -> Iterator[str]:
    """Yield a line for each series of a family."""
    name, one, many, label = family.name, family.one, family.many, family.label
    for tenant in tenants:
        if one is not None:
            number = one(tenant, now)
            if number is not None:
                yield f"{name}{{{_labels(tenant)}}} {number_text(number)}\n"
        elif many is not None:
            labels = _labels(tenant)
            for value, number in many(tenant, now):
                yield f'{name}{{{labels},{label}="{escaped(value)}"}} {number_text(number)}\n'


def _labels(tenant: TenantRecord) -> str:
    # In the order of LABELS.
    return (
        f'{LABELS[0]}="{escaped(tenant.namespace)}",{LABELS[1]}="{escaped(tenant.name)}",'
        f'{LABELS[2]}="{escaped(company(tenant))}"'
    )


def escaped(value: str) -> str:
    """Return a label's value, escaped for the text format."""
    if _PLAIN.fullmatch(value):
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number_text(number: Number) -> str:
    """Return a number in the text format."""
    return "+Inf" if number == math.inf else repr(number)
