"""Tables of the removed and kept files, for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

Object = dict[str, Any]


def cleanups(tenants: dict[str, Object]) -> Table:
    """Return a table of the last cleanup of each tenant."""
    table = Table(title="What was removed and kept", title_justify="left", box=None, pad_edge=False)
    for heading in ("TENANT", "REASON", "OUTCOME", "BEFORE", "AFTER", "REMOVED", "KEPT, BY REASON"):
        table.add_column(heading, justify="right" if heading in {"BEFORE", "AFTER"} else "left")
    for name, tenant in sorted(tenants.items()):
        last = tenant["status"].get("lastCleanup")
        if last is None:
            continue
        kinds = (last.get("removedByKind") or {}).items()
        kept = sorted((last.get("kept") or {}).items(), key=lambda pair: -pair[1])
        table.add_row(
            name,
            last.get("reason", ""),
            last.get("outcome", ""),
            str(last.get("before", "")),
            str(last.get("after", "")),
            f"{last.get('removed', 0)}: " + ", ".join(f"{n} {kind}" for kind, n in kinds),
            ", ".join(f"{n} {reason}" for reason, n in kept),
        )
    return table


def messages(console: Console, tenants: dict[str, Object]) -> None:
    """Print the conditions that need attention, with their messages."""
    console.print("\n[bold]What wants attention[/]")
    for name, tenant in sorted(tenants.items()):
        for condition in tenant["status"].get("conditions") or ():
            bad = condition["status"] == ("False" if condition["type"] == "Ready" else "True")
            quiet = {"Healthy", "Warning", "Stalled"}
            if bad and condition["type"] not in quiet and condition["message"]:
                console.print(
                    f"  {name}: {condition['type']}: {condition['message']}", highlight=False
                )
