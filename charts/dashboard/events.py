"""What is marked on every graph: cleanups of the chosen tenant, and changes of its level.

Grafana's builders know only the annotations that Grafana itself stores, so that these are written as Grafana's
Prometheus data source reads them.
"""

from __future__ import annotations

from typing import Any

from charts.dashboard import panels
from charts.dashboard.queries import ONE, each

STEP = "1m"
"""Two looks at a level; a change is told of once a look."""


def listed() -> list[dict[str, Any]]:
    """The annotations, each of which can be switched off above the dashboard."""
    # The value is the time, in milliseconds.
    cleanups = f"{each('baileys_session_last_cleanup_timestamp_seconds', ONE)} * 1000"
    found = [
        _annotation(
            "Cleanups", "purple", cleanups, "A cleanup of {{namespace}}/{{tenant}} ended", at=True
        )
    ]
    for number, level in panels.LEVELS.items():
        if level == "Unknown":
            continue
        now = each("baileys_session_level", ONE)
        before = now.replace("}", f"}} offset {STEP}")
        # Nothing is marked where the value is 0, which is that of Healthy.
        changed = f"({now} == {number} unless {before} == {number}) + 1 and {before}"
        text = f"{{{{namespace}}}}/{{{{tenant}}}} is {level} now"
        found.append(_annotation(f"Now {level}", panels.COLORS[level], changed, text))
    return found


def _annotation(
    name: str, color: str, expr: str, title: str, *, at: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": panels.SOURCE.to_json(),
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": STEP,
        "titleFormat": title,
        "textFormat": "",
        "tagKeys": "",
        "useValueForTime": at,
    }
