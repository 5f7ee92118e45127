"""All tenants on one screen: a summary line, a row for each, and advice."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from baileys_janitor.cli.plugin.tenants import (
    attention_of,
    files_of,
    level_of,
    to_do_about,
    worst_first,
)
from baileys_janitor.cli.terminal import formatting
from baileys_janitor.cli.terminal.columns import CUT, Styled, shortened
from baileys_janitor.cli.terminal.output import encodable, terminal_height, terminal_width
from baileys_janitor.cli.terminal.reporting import Said, merged
from baileys_janitor.cli.terminal.tables import level_cell, print_prose, print_table
from baileys_janitor.cli.watch.backups import backups, cell
from baileys_janitor.report.model import WORST_FIRST
from baileys_janitor.report.words import rate, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from baileys_janitor.cli.plugin.tenants import TenantDocument

NARROW: Final = (
    "NAME",
    "LEVEL",
    "FILES",
    "ATTENTION",
    "A-DAY",
    "FULL",
    "CLEANED",
    "BACKUP",
    "NEXT",
)
WIDE: Final = (*NARROW, "SINCE", "TOTAL", "SCANNED", "CLAIM", "PATH")
NUMERIC: Final = frozenset(
    {"FILES", "A-DAY", "FULL", "CLEANED", "BACKUP", "SINCE", "TOTAL", "SCANNED"}
)
NAMES: Final = frozenset({"NAME", "NAMESPACE"})
SPARED: Final = ("A-DAY", "NEXT", "CLEANED", "BACKUP", "FULL")
"""Columns that are left out first on a narrow terminal."""
_NAME_MOST: Final = 20
"""The maximum width of a name on a terminal of less than `_ROOMY` columns."""
_ROOMY: Final = 120
_TOLD_MOST: Final = 5
_REST: Final = 12
"""Lines of the screen that the table leaves free for the other output."""


def print_fleet(
    tenants: Sequence[TenantDocument],
    now: float,
    *,
    everywhere: bool,
    wide: bool,
    beneath: Sequence[str] = (),
) -> None:
    """Print the fleet; at a terminal only as many rows as fit, unless `wide`. `beneath`: lines about operations."""
    ordered = worst_first(tenants)
    print_prose([headline(ordered, everywhere=everywhere)])
    height = terminal_height(sys.stdout)
    most = len(ordered) if wide or height is None else max(5, height - _REST)
    headings = headings_of(everywhere=everywhere, wide=wide)
    rows = [row(each, headings, now) for each in ordered[:most]]
    if not wide and (terminal_width(sys.stdout) or _ROOMY) < _ROOMY:
        rows = shortened_names(rows, headings, CUT if encodable(CUT) else "~")
    print_table(headings, rows, NUMERIC, drop=SPARED, cut=NAMES, wide=wide)
    lines = []
    if len(ordered) > most:
        lines.append(f"... and {len(ordered) - most:,} more, none worse (-o wide shows all)")
    print_prose([*lines, *to_do(ordered, every=wide), *beneath])


def headline(tenants: Sequence[TenantDocument], *, everywhere: bool) -> str:
    """Return `118 tenants in 3 namespaces: 1 Emergency, 117 Healthy; 2 need attention, 1 suspended`."""
    levels = Counter(map(level_of, tenants))
    by_level = ", ".join(f"{levels[level]:,} {level}" for level in WORST_FIRST if levels[level])
    namespaces = {each["namespace"] for each in tenants}
    where = f" in {formatting.counted(len(namespaces), 'namespace')}" if everywhere else ""
    attention = sum(attention_of(each) not in (None, "Suspended") for each in tenants)
    suspended = sum(each["suspended"] for each in tenants)
    more = [f"{attention:,} with something to look at"] if attention else []
    more += [f"{suspended:,} suspended"] if suspended else []
    ended = f"; {', '.join(more)}" if more else ""
    return f"{formatting.counted(len(tenants), 'tenant')}{where}: {by_level}{ended}"


def shortened_names(
    rows: Sequence[Sequence[str]], headings: Sequence[str], mark: str
) -> list[list[str]]:
    """Return rows whose names leave room for the other columns of a narrow terminal."""
    return [
        [
            shortened(text, _NAME_MOST, mark) if heading in NAMES else text
            for heading, text in zip(headings, each, strict=True)
        ]
        for each in rows
    ]


def headings_of(*, everywhere: bool, wide: bool) -> list[str]:
    """Return the headings of the table."""
    return [*(["NAMESPACE"] if everywhere else []), *(WIDE if wide else NARROW)]


def row(tenant: TenantDocument, headings: Sequence[str], now: float) -> list[str]:
    """Return the cells of a tenant."""
    status, files = tenant["status"], files_of(tenant)
    growth = status.get("growthPerDay")
    cells = {
        "NAMESPACE": tenant["namespace"],
        "NAME": tenant["name"],
        "LEVEL": level_cell(level_of(tenant)),
        "FILES": share(files),
        "ATTENTION": Styled.of(attention_of(tenant) or "-", "33" if attention_of(tenant) else ""),
        "A-DAY": "-" if growth is None else rate(growth),
        "FULL": ahead((status.get("forecast") or {}).get("emergencyTime"), now),
        "CLEANED": formatting.age_of((status.get("lastCleanup") or {}).get("time"), now),
        "BACKUP": cell(backups(status), now),
        "NEXT": next_cleanup(tenant, now),
        "SINCE": formatting.age_of(status.get("levelSince"), now),
        "TOTAL": _number(files.get("total")),
        "SCANNED": formatting.age_of(status.get("lastScanTime"), now),
        "CLAIM": tenant["claimName"] or "-",
        "PATH": tenant["path"] or ".",
    }
    return [cells[heading] for heading in headings]


def share(files: dict[str, int]) -> str:
    """Return `176/180`: the counted files and the limit."""
    counted, limit = files.get("counted"), files.get("limit")
    return "-" if counted is None else f"{counted}/{limit}" if limit is not None else str(counted)


def ahead(time: str | None, now: float) -> str:
    """Return the time left until a moment: `21h`, `now` for one that has passed, `-` for none."""
    when = seconds_of(time)
    if when is None:
        return "-"
    return formatting.age(when - now) if when - now >= 1 else "now"


def next_cleanup(tenant: TenantDocument, now: float) -> str:
    """Return the next automatic cleanup and the time left: `Daily 14h`."""
    status = tenant["status"]
    if status.get("run"):
        return "running"
    if status.get("nextCleanupTime") is None:
        return "-"
    return f"{status.get('nextCleanupReason') or 'yes'} {ahead(status['nextCleanupTime'], now)}"


def to_do(tenants: Sequence[TenantDocument], *, every: bool) -> Iterator[str]:
    """Yield advice for the most severe tenants, equal advice merged into one."""
    said = [
        Said(f"{each['namespace']}/{each['name']}", text, ())
        for each in tenants
        if (text := to_do_about(each))
    ]
    found = merged(said, every=every)
    for each in found if every else found[:_TOLD_MOST]:
        yield f"{each.name}: {each.text}"
    if not every and len(found) > _TOLD_MOST:
        yield f"... and what to do about {len(found) - _TOLD_MOST:,} more (-o wide shows all)"


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)
