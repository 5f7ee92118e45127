"""The row of key stores: databases that hold the keys of many sessions."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from charts.dashboard import panels
from charts.dashboard.queries import FLEET

_IDENTITY = "namespace, key_store"
_NAME = "{{namespace}}/{{key_store}}"


def _each(metric: str) -> str:
    return f"max by ({_IDENTITY}) ({metric}{{{FLEET}}})"


def _hourly(metric: str, by: str) -> str:
    return f"sum by ({by}) (increase({metric}{{{FLEET}}}[1h]))"


def add(page: build.Dashboard) -> None:
    """Add the row of key stores."""
    page.with_row(build.Row("Key stores"))
    name = "baileys_janitor_key_store"
    page.with_panel(
        panels.rows(
            "Key stores",
            "Each database: what is in it, and whether the janitor can count and clean it.",
            {
                "Keys": _each(f"{name}_keys"),
                "Expired": _each(f"{name}_expired_keys"),
                "Sessions": _each(f"{name}_sessions"),
                "Size": _each(f"{name}_table_bytes"),
                "Counted": f"time() - {_each(f'{name}_last_scan_timestamp_seconds')}",
                "Cannot act": f"1 - {_each(f'{name}_ready')}",
                "Cannot clean": f"1 - {_each(f'{name}_layout_valid')}",
                "Large cleanup": _each(f"{name}_large_cleanup"),
            },
            named={"namespace": "Namespace", "key_store": "Key store"},
            looks={
                "Size": {"unit": "bytes"},
                "Counted": {"unit": "s"},
                **{
                    head: {"mappings": [each.to_json() for each in panels.NO_YES]}
                    for head in ("Cannot act", "Cannot clean", "Large cleanup")
                },
            },
            height=6,
        )
    )
    page.with_panel(
        panels.lines(
            "Keys by age",
            "Keys of all stores by the time since their last write.",
            {"{{age}}": f"sum by (age) ({name}_keys_by_age{{{FLEET}}})"},
            span=8,
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Removed rows an hour",
            "Rows that cleanups removed.",
            {_NAME: _hourly(f"{name}_rows_removed_total", _IDENTITY)},
            span=8,
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Cleanups of key stores an hour",
            "How they ended, and why they ran.",
            {"{{reason}}, {{outcome}}": _hourly(f"{name}_cleanups_total", "reason, outcome")},
            span=8,
            stacked=True,
        )
    )
    _add_backups(page, f"{name}_backup")


def _add_backups(page: build.Dashboard, part: str) -> None:
    def of_repository(metric: str) -> str:
        return f"max by ({_IDENTITY}, repository) ({part}_{metric}{{{FLEET}}})"

    page.with_panel(
        panels.rows(
            "Backups of key stores",
            "How long ago all sessions of each database were last backed up to each repository, and when some of them "
            "were last restored in a drill.",
            {
                "Last backup, ago": f"time() - {of_repository('last_success_timestamp_seconds')}",
                "Took": of_repository("duration_seconds"),
                "Failed": of_repository("failed"),
                "Archives": of_repository("archives"),
                "Size": of_repository("bytes"),
                "Last drill, ago": f"time() - {of_repository('drill_last_success_timestamp_seconds')}",
                "All would take": of_repository("drill_duration_seconds"),
                "Drill failed": of_repository("drill_failed"),
            },
            named={
                "namespace": "Namespace",
                "key_store": "Key store",
                "repository": "Repository",
            },
            looks={
                **{
                    head: {"unit": "s"}
                    for head in ("Last backup, ago", "Took", "Last drill, ago", "All would take")
                },
                "Size": {"unit": "bytes"},
                **{
                    head: {"mappings": [each.to_json() for each in panels.NO_YES]}
                    for head in ("Failed", "Drill failed")
                },
            },
            height=6,
        )
    )
    page.with_panel(
        panels.lines(
            "Sessions and their backups",
            "Sessions of all stores by how the last backup of all of them went.",
            {"{{state}}": f"sum by (state) ({part}_sessions{{{FLEET}}})"},
            span=12,
        )
    )
    page.with_panel(
        panels.lines(
            "Key stores not backed up as promised",
            "Stores that are not backed up, or were not restored in a drill, as their settings promise, by reason.",
            {"{{reason}}": f"count by (reason) ({part}_problem{{{FLEET}}})"},
            span=12,
        )
    )
