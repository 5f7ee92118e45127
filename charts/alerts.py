"""Writes the alert rules of conditions into files/alerts.yaml; the other rules there are written by hand."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from baileys_janitor.api.conditions.condition_kinds import CONDITIONS, AlertKind, ConditionKind
from baileys_janitor.api.config.notification_config import RUNBOOKS

ALERTS = Path(__file__).resolve().parent / "baileys-janitor" / "files" / "alerts.yaml"
BEGIN, END = "      # conditions: generated\n", "      # end\n"
UNLESS_SILENCED = "unless on (namespace, tenant, company_id) baileys_session_silenced"
"""The end of each expression about a tenant: its annotation silences alerts as well as messages."""
_TENANT = "{{ $labels.namespace }}/{{ $labels.tenant }} (company {{ $labels.company_id }})"


def with_condition_rules() -> str:
    """Return the file with the rules between its marks regenerated."""
    before, _, rest = ALERTS.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    told = ((kind, kind.alert) for kind in CONDITIONS.values() if kind.alert is not None)
    rules = "\n".join("".join(f"{line}\n" for line in _rule(*each)) for each in told)
    return f"{before}{BEGIN}{rules}{END}{after}"


def _rule(kind: ConditionKind, alert: AlertKind) -> Iterator[str]:
    metric = f'baileys_session_condition{{condition="{kind.type}"}}'
    yield f"      - alert: BaileysTenant{kind.type}"
    yield "        expr: |"
    yield f"          max by (namespace, tenant, company_id) ({metric}) == 1"
    yield f"            {UNLESS_SILENCED}"
    if alert.wait:
        yield f"        for: {alert.wait}"
    yield "        keep_firing_for: 3m"
    yield "        labels:"
    yield f"          severity: {alert.severity}"
    yield "        annotations:"
    yield f"          summary: '{_TENANT}: {alert.summary}'"
    yield "          description: >-"
    for line in textwrap.wrap(alert.description, 106, break_on_hyphens=False):
        yield f"            {line}"
    yield f"          runbook_url: {RUNBOOKS}{kind.runbook}.md"
