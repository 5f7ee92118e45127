"""The page: its variables, and its rows from the fleet's overview down to the operator itself."""

from __future__ import annotations

import json

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from charts.dashboard import backups, events, fleet, operations, panels, stores, tenant, works
from charts.dashboard.queries import DOCS, FLEET, UID

PARTS = (
    fleet.add,
    tenant.add,
    works.add_cleanups,
    operations.add_operations,
    operations.add_sets,
    backups.add,
    stores.add,
    works.add_operator,
)


def _variable(name: str, label: str, query: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(panels.SOURCE)
        .query(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _link(title: str, url: str) -> build.DashboardLink:
    return (
        build.DashboardLink(title)
        .type(model.DashboardLinkType.LINK)
        .icon("doc")
        .url(url)
        .target_blank(True)
    )


def dashboard() -> str:
    """Return the dashboard as Grafana's JSON."""
    page = (
        build.Dashboard("Baileys janitor")
        .uid(UID)
        .description(
            "WhatsApp sessions of all tenants: how full, what is cleaned, and whether the janitor keeps up."
        )
        .tags(["baileys-janitor", "whatsapp"])
        .timezone("browser")
        .time("now-24h", "now")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            build.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .with_variable(
            _variable("job", "Operator", "label_values(baileys_janitor_leader, job)")
            .include_all(True)
            .all_value(".*")
        )
        .with_variable(
            _variable("namespace", "Namespace", "label_values(baileys_session_level, namespace)")
            .include_all(True)
            .all_value(".*")
        )
        .with_variable(
            _variable(
                "tenant",
                "Tenant",
                f"label_values(baileys_session_level{{{FLEET}}}, tenant)",
            )
        )
    )
    for title, where in (("Runbooks", "runbooks/README.md"), ("Docs", "metrics.md")):
        page.link(_link(title, f"{DOCS}{where}"))
    for part in PARTS:
        part(page)
    found = json.loads(JSONEncoder().encode(page.build()))
    found["annotations"] = {"list": events.listed()}
    for number, panel in enumerate(found["panels"], start=1):
        panel["id"] = number
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
