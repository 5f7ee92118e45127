"""The first row: the state of the fleet, and which tenants need attention."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common as shapes

from baileys_janitor.api.config.notification_config import RUNBOOKS
from charts.dashboard import panels
from charts.dashboard.queries import (
    DOCS,
    FULLEST,
    OPERATOR,
    UID,
    WORST,
    each,
    gravest,
    of_the_fullest,
    summed,
)

ALERTS = 'ALERTS{alertname=~"Baileys.+",alertstate="firing"}'
_KEPT = "${datasource:queryparam}&${job:queryparam}&${__url_time_range}"
"""The parameters that a link into the dashboard keeps: the data source, the job and the time range."""
_LINK = (
    f"/d/{UID}?var-namespace=${{__data.fields.Namespace}}"
    f"&var-tenant=${{__data.fields.Tenant}}&{_KEPT}"
)
_CONDITIONS = f"{DOCS}resource.md#conditions"
_RUNBOOK = f"{RUNBOOKS}README.md#${{__value.raw}}"
"""The row of an alert in the index of the runbooks."""


def add(page: build.Dashboard) -> None:
    """Add the row."""
    page.with_row(build.Row("Fleet"))
    page.with_panel(
        panels.figures(
            "Tenants by level",
            "How many tenants are at each level now.",
            {"{{level}}": summed("baileys_janitor_tenants", "level")},
            span=10,
            painted=panels.COLORS,
        )
    )
    page.with_panel(
        panels.figures(
            "Alerts firing",
            "By severity; critical is for waking somebody, warning for working hours, info for reading. "
            "Needs the alert rules.",
            {"{{severity}}": f"count by (severity) ({ALERTS}) or on () vector(0)"},
            span=4,
            painted=panels.SEVERITIES,
        )
    )
    page.with_panel(
        panels.figures(
            "At work",
            "Whether one replica is the leader. Without a leader, nothing is counted or cleaned.",
            {"": f"max(baileys_janitor_leader{{{OPERATOR}}})"},
            span=3,
            mappings=panels.words(
                {0: "no leader", 1: "yes"}, {"no leader": panels.RED, "yes": panels.GREEN}
            ),
        )
    )
    page.with_panel(
        panels.figures(
            "Cleanups held",
            "Whether the fleet's circuit breaker holds all automatic cleanups.",
            {"": f"max(baileys_janitor_circuit_breaker_open{{{OPERATOR}}})"},
            span=3,
            mappings=panels.NO_YES,
        )
    )
    page.with_panel(
        panels.figures(
            "Version",
            "Of the operator; more than one while it is rolled out.",
            {"{{version}}": summed("baileys_janitor_build_info", "version")},
            span=4,
            text=shapes.BigValueTextMode.NAME,
        )
    )
    page.with_panel(
        panels.rows(
            "Alerts",
            "What fires now; its name leads to its runbook. Needs the alert rules.",
            {"": ALERTS},
            named={
                "severity": "Severity",
                "alertname": "Alert",
                "namespace": "Namespace",
                "tenant": "Tenant",
                "company_id": "Company",
                "reason": "Reason",
            },
            without=("Value", "__name__", "alertstate", "job"),
            looks={
                "Severity": panels.PAINTED
                | {"mappings": [each.to_json() for each in panels.named(panels.SEVERITIES)]},
                "Alert": {"links": [{"title": "Runbook", "url": _RUNBOOK, "targetBlank": True}]},
                "Tenant": {"links": [{"title": "Its figures", "url": _LINK}]},
            },
            span=12,
            height=8,
        )
    )
    page.with_panel(
        panels.lines(
            "Tenants by level",
            "How the fleet fares over time.",
            {"{{level}}": summed("baileys_janitor_tenants", "level")},
            stacked=True,
            painted=panels.COLORS,
        )
    )
    page.with_panel(_fullest())
    page.with_panel(
        panels.lines(
            "Advice",
            "Tenants for which each condition is True.",
            {
                "{{condition}}": "count by (condition) "
                f"({each('baileys_session_condition', also='condition')})"
            },
        )
    )
    page.with_panel(
        panels.lines(
            "Not managed",
            "Tenants that the janitor cannot manage until the cause is removed, by reason; and silenced tenants, "
            "which have no alerts.",
            {
                "{{reason}}": f"count by (reason) ({each('baileys_session_stalled', also='reason')})",
                "silenced": f"count({each('baileys_session_silenced')} == 1)",
            },
        )
    )


def _fullest() -> table.Panel:
    level = panels.PAINTED | {"mappings": [each.to_json() for each in panels.levels()]}
    advice = panels.PAINTED | {
        "mappings": [each.to_json() for each in panels.advice()],
        "links": [{"title": "What it means", "url": _CONDITIONS, "targetBlank": True}],
    }
    return panels.rows(
        f"The {WORST} fullest tenants",
        "Counted files against the limit of each, and the gravest fault or advice that holds. A tenant's name leads to "
        "its figures below.",
        {
            "Files": FULLEST,
            "Limit": of_the_fullest(
                "max by (namespace, tenant, company_id) (baileys_session_files_threshold"
                '{namespace=~"$namespace",threshold="emergency"})'
            ),
            "Level": of_the_fullest(each("baileys_session_level")),
            "Advice": of_the_fullest(gravest()),
            "Reclaimable": of_the_fullest(each("baileys_session_files_reclaimable")),
            "Growth a day": of_the_fullest(each("baileys_session_files_growth_per_day")),
            "To Emergency": of_the_fullest(
                f"({each('baileys_session_emergency_predicted_seconds')} < +Inf)"
            ),
            "Last scan, ago": of_the_fullest(
                f"(time() - {each('baileys_session_last_scan_timestamp_seconds')})"
            ),
            "Last cleanup, ago": of_the_fullest(
                f"(time() - {each('baileys_session_last_cleanup_timestamp_seconds')})"
            ),
        },
        named={"namespace": "Namespace", "tenant": "Tenant", "company_id": "Company"},
        looks={
            "Level": level,
            "Advice": advice,
            "Tenant": {"links": [{"title": "Its figures", "url": _LINK}]},
            "To Emergency": {"unit": "s"},
            "Last scan, ago": {"unit": "s"},
            "Last cleanup, ago": {"unit": "s"},
            "Growth a day": {"decimals": 1},
        },
    )
