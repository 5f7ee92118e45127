"""Annotations on every graph: cleanups of the chosen tenant, and changes of its level.

Grafana's builders support only the annotations that Grafana itself stores, so these are written in the format of
Grafana's Prometheus data source.
"""

from __future__ import annotations

from typing import Any

from charts.dashboard import panels
from charts.dashboard.queries import ONE, each

STEP = "1m"
"""The interval between two samples of a level; a change is marked once per sample."""


def listed() -> list[dict[str, Any]]:
    """Return the annotations, each of which can be switched off above the dashboard."""
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
        # Grafana does not mark a value of 0, which is that of Healthy.
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
