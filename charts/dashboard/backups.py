"""The row of backups: whether every session is archived, and was restored in a rehearsal."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from charts.dashboard import panels
from charts.dashboard.queries import IDENTITY, WORST, each

_PART = "baileys_backup"


def _each(metric: str) -> str:
    return each(f"{_PART}_{metric}", also="repository")


def _by_repository(expression: str) -> str:
    return f"count by (repository) ({expression})"


def add(page: build.Dashboard) -> None:
    """Add the row of backups."""
    page.with_row(build.Row("Backups"))
    page.with_panel(
        panels.lines(
            "Not as promised",
            "Sessions that are not backed up, or were not restored in a drill, as their settings promise, by reason.",
            {
                "{{reason}}": f"count by (reason) ({each(f'{_PART}_problem', also='reason')})",
            },
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "Failing attempts",
            "Sessions whose last backup or drill from a repository failed.",
            {
                "{{repository}}": _by_repository(f"{_each('failed')} == 1"),
                "{{repository}}, drills": _by_repository(f"{_each('drill_failed')} == 1"),
            },
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "What is kept",
            "Archives in each repository, as far as they may be listed, and the size of the newest ones together.",
            {
                "{{repository}}": f"sum by (repository) ({_each('archives')})",
                "{{repository}}, bytes of the newest": f"sum by (repository) ({_each('bytes')})",
            },
            span=8,
        )
    )
    oldest = f"topk({WORST}, time() - {_each('last_success_timestamp_seconds')})"
    among = f"and on ({IDENTITY}, repository) {oldest}"
    page.with_panel(
        panels.rows(
            f"The {WORST} oldest backups",
            "How long ago each session was last backed up to each repository, or found unchanged, and when an archive "
            "was last restored in a drill.",
            {
                "Last backup, ago": oldest,
                "Took": f"{_each('duration_seconds')} {among}",
                "Last drill, ago": f"(time() - {_each('drill_last_success_timestamp_seconds')}) {among}",
                "Drill took": f"{_each('drill_duration_seconds')} {among}",
                "Archives": f"{_each('archives')} {among}",
                "Size": f"{_each('bytes')} {among}",
            },
            named={
                "namespace": "Namespace",
                "tenant": "Tenant",
                "company_id": "Company",
                "repository": "Repository",
            },
            looks={
                "Last backup, ago": {"unit": "s"},
                "Took": {"unit": "s"},
                "Last drill, ago": {"unit": "s"},
                "Drill took": {"unit": "s"},
                "Size": {"unit": "bytes"},
            },
            height=8,
        )
    )
