"""The last rows: the results of cleanups, and the operator's own health."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from charts.dashboard import panels
from charts.dashboard.queries import OPERATOR, hourly, quantile, rate, summed


def add_cleanups(page: build.Dashboard) -> None:
    """Add the row of cleanups."""
    page.with_row(build.Row("Cleanups"))
    of = "baileys_janitor_cleanups_total"
    page.with_panel(
        panels.lines(
            "Cleanups an hour, by outcome",
            "How they ended.",
            {"{{outcome}}": hourly(of, "outcome")},
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Cleanups an hour, by reason",
            "Why they ran.",
            {"{{reason}}": hourly(of, "reason")},
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Removed files an hour",
            "Files that cleanups moved to the trash, by kind.",
            {"{{file_type}}": hourly("baileys_janitor_files_removed_total", "file_type")},
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Freed bytes an hour",
            "The size of these files.",
            {"freed": hourly("baileys_janitor_freed_bytes_total")},
            unit="bytes",
        )
    )


def add_operator(page: build.Dashboard) -> None:
    """Add the row of the operator itself."""
    page.with_row(build.Row("Operator"))
    job = "baileys_janitor_job_duration_seconds"
    jobs = hourly(f"{job}_count", "action")
    page.with_panel(
        panels.lines(
            "Scheduling lag",
            "For how long work has been due for the tenant that has waited longest.",
            {"lag": f"max(baileys_janitor_scheduling_lag_seconds{{{OPERATOR}}})"},
            unit="s",
        )
    )
    page.with_panel(
        panels.lines(
            "Queue and Jobs",
            "Tenants that wait, Jobs under way, and those of them whose pod does not run yet.",
            {
                "waiting": summed("baileys_janitor_queue_depth"),
                "Jobs": summed("baileys_janitor_jobs_in_flight"),
                "pods pending": summed("baileys_janitor_pods_pending"),
            },
        )
    )
    page.with_panel(
        panels.lines(
            "Job duration",
            "From a Job's creation until its result was taken in, within the last hour.",
            {
                "{{action}}, half": quantile(0.5, job, "action"),
                "{{action}}, nine of ten": quantile(0.9, job, "action"),
            },
            span=8,
            unit="s",
        )
    )
    page.with_panel(
        panels.lines(
            "Tenants a Job",
            "How many tenants share one Job, within the last hour.",
            {"{{action}}": f"{hourly('baileys_janitor_job_tenants_total', 'action')} / {jobs}"},
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "Failed Jobs an hour",
            "Jobs without a result, by reason, and unexpected exceptions. At 1: a namespace whose "
            "circuit breaker is open.",
            {
                "{{action}} {{reason}}": hourly(
                    "baileys_janitor_job_failures_total", "action, reason"
                ),
                "internal error, {{site}}": hourly("baileys_janitor_internal_errors_total", "site"),
                "{{namespace}}, cleanups held": (
                    f"max by (namespace) (baileys_janitor_circuit_breaker_namespace_open{{{OPERATOR}}})"
                ),
            },
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "API requests a second",
            "To the API server, watches excepted.",
            {"{{verb}} {{code}}": rate("baileys_janitor_api_requests_total", "verb, code")},
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "Notifications an hour",
            "Messages to each channel: sent, or failed and kept until they can be sent. Out of order, dashed: at 1 "
            "nothing arrives there.",
            {
                "{{channel}} {{outcome}}": hourly(
                    "baileys_janitor_notifications_total", "channel, outcome"
                ),
                "{{channel}} out of order": summed(
                    "baileys_janitor_notification_channel_failing", "channel"
                ),
            },
            span=8,
            dashed="out of order$",
        )
    )
    page.with_panel(
        panels.lines(
            "CPU",
            "Cores that each replica uses.",
            {"{{instance}}": rate("process_cpu_seconds_total", "instance")},
            span=8,
        )
    )
    page.with_panel(
        panels.lines(
            "Memory",
            "Resident memory of each replica.",
            {"{{instance}}": summed("process_resident_memory_bytes", "instance")},
            span=8,
            unit="bytes",
        )
    )
    page.with_panel(
        panels.lines(
            "Shards by replica",
            "How many shards of the fleet each replica looks after. Empty with one shard.",
            {"{{instance}}": summed("baileys_janitor_shard_held", "instance")},
            span=8,
        )
    )
