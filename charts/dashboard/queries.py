"""The dashboard's queries to Prometheus. Pure text."""

from __future__ import annotations

from baileys_janitor.api.conditions.condition_kinds import ADVICE, GRAVEST
from baileys_janitor.api.config.notification_config import RUNBOOKS

DOCS = RUNBOOKS.removesuffix("runbooks/")
"""The address of the documentation."""
UID = "baileys-janitor"
"""The dashboard's id, which its links to itself use."""
IDENTITY = "namespace, tenant, company_id"
FLEET = 'namespace=~"$namespace"'
ONE = 'namespace=~"$namespace",tenant="$tenant"'
OPERATOR = 'job=~"$job"'
WORST = 50
"""Rows of the table of tenants: a fleet of thousands does not fit on a screen."""


def each(metric: str, of: str = FLEET, also: str = "") -> str:
    """Return a metric of every tenant, from any replica."""
    by = f"{IDENTITY}, {also}" if also else IDENTITY
    return f"max by ({by}) ({metric}{{{of}}})"


def summed(metric: str, by: str = "", of: str = OPERATOR) -> str:
    """Return a metric of the operator, summed over its replicas."""
    return f"sum by ({by}) ({metric}{{{of}}})" if by else f"sum({metric}{{{of}}})"


def hourly(metric: str, by: str = "") -> str:
    """Return a counter's increase within an hour."""
    grown = f"increase({metric}{{{OPERATOR}}}[1h])"
    return f"sum by ({by}) ({grown})" if by else f"sum({grown})"


def rate(metric: str, by: str) -> str:
    """Return a counter's increase per second."""
    return f"sum by ({by}) (rate({metric}{{{OPERATOR}}}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str) -> str:
    """Return a quantile of a histogram within an hour."""
    grown = f"sum by (le, {by}) (increase({metric}_bucket{{{OPERATOR}}}[1h]))"
    return f"histogram_quantile({share}, {grown})"


GRADED = [
    *(kind for kind in GRAVEST if kind == "Stalled" or kind in ADVICE),
    *(kind for kind in ADVICE if kind not in GRAVEST),
]
"""Faults and advice, most severe first."""
NUMBERS = {kind: len(GRADED) - place for place, kind in enumerate(GRADED)}
"""Their numbers; the most severe has the highest."""


def gravest(of: str = FLEET) -> str:
    """Return the number of each tenant's most severe fault or advice; tenants without any are left out."""
    parts = [f"baileys_session_stalled{{{of}}} * {NUMBERS['Stalled']}"]
    parts += [
        f'baileys_session_condition{{{of},condition="{kind}"}} * {NUMBERS[kind]}'
        for kind in GRADED
        if kind in ADVICE
    ]
    return f"max by ({IDENTITY}) ({' or '.join(parts)})"


FULLEST = f"topk({WORST}, {each('baileys_session_files_counted')})"


def of_the_fullest(expression: str) -> str:
    """Return an expression limited to the fullest tenants, so that the table's columns have the same rows."""
    return f"{expression} and on ({IDENTITY}) {FULLEST}"
