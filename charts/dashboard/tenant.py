"""The second row: one tenant, chosen above."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from charts.dashboard import panels
from charts.dashboard.queries import ONE, each


def add(page: build.Dashboard) -> None:
    """Add the row."""
    page.with_row(build.Row("Tenant $tenant"))
    page.with_panel(
        panels.figures(
            "Level",
            "Of the last count; Unknown while there is none that still holds.",
            {"": each("baileys_session_level", ONE)},
            mappings=panels.levels(),
        )
    )
    page.with_panel(
        panels.figures(
            "Ago",
            "When it was last counted, when the session was last active, when the last cleanup ended, when a copy of "
            "creds.json was kept.",
            {
                "scan": f"time() - {each('baileys_session_last_scan_timestamp_seconds', ONE)}",
                "activity": f"time() - {each('baileys_session_last_activity_timestamp_seconds', ONE)}",
                "cleanup": f"time() - {each('baileys_session_last_cleanup_timestamp_seconds', ONE)}",
                "copy": f"time() - {each('baileys_session_credentials_copy_timestamp_seconds', ONE)}",
            },
            span=6,
            unit="s",
        )
    )
    page.with_panel(
        panels.figures(
            "To come",
            "When the emergency threshold is reached at the present growth, when the count is too old, "
            "and when a cooldown ends.",
            {
                "emergency": f"{each('baileys_session_emergency_predicted_seconds', ONE)} < +Inf",
                "stale": f"{each('baileys_session_scan_stale_timestamp_seconds', ONE)} - time()",
                "{{cleanup}} cooldown": f"{each('baileys_session_cooldown_end_timestamp_seconds', ONE, 'cleanup')}"
                " - time()",
            },
            span=6,
            unit="s",
        )
    )
    page.with_panel(
        panels.figures(
            "Last cleanup failed",
            "Whether the last cleanup failed.",
            {"": each("baileys_session_last_cleanup_failed", ONE)},
            mappings=panels.NO_YES,
        )
    )
    page.with_panel(
        panels.figures(
            "Copies of creds.json",
            "Kept copies of creds.json in the session directory.",
            {"": each("baileys_session_credentials_copies", ONE)},
        )
    )
    page.with_panel(
        panels.lines(
            "Counted files and thresholds",
            "What is compared, and with what.",
            {
                "counted": each("baileys_session_files_counted", ONE),
                "{{threshold}}": each("baileys_session_files_threshold", ONE, "threshold"),
                "reclaimable": each("baileys_session_files_reclaimable", ONE),
                "protected": each("baileys_session_files_protected", ONE),
            },
            dashed="^(warning|critical|trigger|emergency|danger)$",
        )
    )
    page.with_panel(
        panels.lines(
            "Files by kind",
            "All files of the session directory.",
            {"{{file_type}}": each("baileys_session_files_count", ONE, "file_type")},
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Growth a day",
            "By how many counted files the directory grows.",
            {"files a day": each("baileys_session_files_growth_per_day", ONE)},
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "Bytes",
            "The size of the files, and what is free on the volume.",
            {
                "files": each("baileys_session_bytes", ONE),
                "free": each("baileys_volume_free_bytes", ONE),
            },
            span=8,
            unit="bytes",
        )
    )
    page.with_panel(
        panels.lines(
            "Free inodes",
            "Files that can still be made on the volume.",
            {"free": each("baileys_volume_free_inodes", ONE)},
            span=8,
        )
    )
