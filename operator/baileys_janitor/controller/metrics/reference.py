"""Writes docs/metrics.md's tables from the definitions: `python -m baileys_janitor.controller.metrics.reference PAGE`.

With `--check` nothing is written, and the exit code is 1 if the page is not current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from baileys_janitor.api.conditions.condition_tables import markdown
from baileys_janitor.api.generated import docs_tables
from baileys_janitor.controller.metrics.key_stores import STORE_DEFINITIONS
from baileys_janitor.controller.metrics.tenant_sets import SET_DEFINITIONS
from baileys_janitor.metrics.definitions import DEFINITIONS, Definition
from baileys_janitor.metrics.tenants import FAMILIES, most

UNITS = {"_timestamp_seconds": "Unix time", "_seconds": "seconds", "_bytes": "bytes"}


def unit(name: str) -> str:
    """Return the unit at the end of a name, by the convention of Prometheus; other metrics count objects."""
    stem = name.removesuffix("_total")
    return next((told for end, told in UNITS.items() if stem.endswith(end)), "")


def tables() -> dict[str, str]:
    """Return the tables as Markdown by the name of their marker."""
    brief = [family for family in FAMILIES if family.brief]
    return {
        "tenants": markdown(
            ("Metric", "Unit", "Further label", "Series, at most", "In Brief", "Meaning"),
            (
                (
                    f"`{family.name}`",
                    unit(family.name),
                    f"`{family.label}`" if family.label else "",
                    str(family.most),
                    "yes" if family.brief else "",
                    family.help,
                )
                for family in FAMILIES
            ),
        ),
        "bounds": markdown(
            ("`metrics.perTenant`", "Series of a tenant, at most", "At 10,000 tenants, at most"),
            (
                (f"`{mode}`", str(bound), f"{bound * 10_000:,}")
                for mode, bound in (("Full", most(FAMILIES)), ("Brief", most(brief)), ("None", 0))
            ),
        ),
        "operator": _definitions(DEFINITIONS),
        "key-stores": _definitions(STORE_DEFINITIONS),
        "tenant-sets": _definitions(SET_DEFINITIONS),
    }


def _definitions(listed: Iterable[Definition]) -> str:
    return markdown(
        ("Metric", "Type", "Unit", "Labels", "Series, at most", "Meaning"),
        (
            (
                f"`{d.name}`",
                d.kind,
                unit(d.name),
                ", ".join(f"`{label}`" for label in d.labels),
                " x ".join(d.labels) if d.most is None else str(d.most),
                d.help,
            )
            for d in listed
        ),
    )


def with_tables(page: str) -> str:
    """Return the page with every table between its markers rewritten."""
    return docs_tables.with_tables(page, tables())


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    place = Path(arguments[-1])
    page = place.read_text(encoding="utf-8")
    if "--check" in arguments:
        if page != with_tables(page):
            sys.stderr.write(f"{place} is not current\n")
            return 1
        return 0
    place.write_text(with_tables(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
