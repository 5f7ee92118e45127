"""The rows of operations, which users request, and of sets of tenants, which are discovered."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build

from charts.dashboard import panels
from charts.dashboard.queries import FLEET, WORST, hourly, summed

_SET = "namespace, tenant_set"


def add_operations(page: build.Dashboard) -> None:
    """Add the row of operations."""
    page.with_row(build.Row("Operations"))
    page.with_panel(
        panels.lines(
            "Operations an hour",
            "What was asked for by BaileysOperation, and how it ended.",
            {
                "{{action}}, {{outcome}}": hourly(
                    "baileys_janitor_operations_total", "action, outcome"
                )
            },
            span=8,
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Under way",
            "Operations that are not over, by what is asked for and their phase.",
            {
                "{{action}}, {{phase}}": (
                    f"{summed('baileys_janitor_operations_active', 'action, phase')} > 0"
                )
            },
            span=8,
            stacked=True,
        )
    )
    page.with_panel(
        panels.lines(
            "Stopped workloads",
            "Workloads that operations have stopped, and for how long each should have been started again: 0 while it "
            "may be stopped.",
            {
                "{{namespace}} {{workload}}": (
                    "max by (namespace, workload) "
                    f"(baileys_janitor_workload_resume_overdue_seconds{{{FLEET}}})"
                )
            },
            span=8,
            unit="s",
        )
    )
    name = "baileys_janitor_operation_age_seconds"
    page.with_panel(
        panels.rows(
            "The oldest operations that are not over",
            "For how long each has waited for its turn, or since it was begun.",
            {"For": f"max by (namespace, tenant, action, phase) ({name}{{{FLEET}}})"},
            named={
                "namespace": "Namespace",
                "tenant": "Tenant",
                "action": "Action",
                "phase": "Phase",
            },
            looks={"For": {"unit": "s"}},
            height=6,
        )
    )


def add_sets(page: build.Dashboard) -> None:
    """Add the row of sets of tenants."""
    page.with_row(build.Row("Sets of tenants"))
    name = "baileys_janitor_tenant_set"

    def count(state: str) -> str:
        return f'max by ({_SET}) ({name}_sessions{{{FLEET},state="{state}"}})'

    looked = f"max by ({_SET}) ({name}_last_look_timestamp_seconds{{{FLEET}}})"
    page.with_panel(
        panels.rows(
            "Sets",
            "The tenants that each set has found, and their outcome.",
            {
                "Found": count("found"),
                "Tenants": count("tenants"),
                "New": count("new"),
                "Held back": count("waiting"),
                "Gone": count("gone"),
                "Of others": count("elsewhere"),
                "Deleted by hand": count("deletedByHand"),
                "Unusable": count("unusable"),
                "Last look, ago": f"time() - {looked}",
            },
            named={"namespace": "Namespace", "tenant_set": "Set"},
            looks={"Last look, ago": {"unit": "s"}},
            span=16,
            height=6,
        )
    )
    page.with_panel(
        panels.rows(
            "Sessions without a tenant",
            "Sets that cannot look, or that a limit holds back, with the reason.",
            {"": f"topk({WORST}, max by ({_SET}, reason) ({name}_problem{{{FLEET}}}))"},
            named={"namespace": "Namespace", "tenant_set": "Set", "reason": "Reason"},
            without=("Value",),
            looks={},
            span=8,
            height=6,
        )
    )
