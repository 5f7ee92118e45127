"""What the dashboard asks of Prometheus. Pure text."""

from __future__ import annotations

from baileys_janitor.api.conditions.condition_kinds import ADVICE, GRAVEST
from baileys_janitor.api.config.notification_config import RUNBOOKS

DOCS = RUNBOOKS.removesuffix("runbooks/")
"""Where the documentation is."""
UID = "baileys-janitor"
"""The dashboard's id, under which it links to itself."""
IDENTITY = "namespace, tenant, company_id"
FLEET = 'namespace=~"$namespace"'
ONE = 'namespace=~"$namespace",tenant="$tenant"'
OPERATOR = 'job=~"$job"'
WORST = 50
"""Rows of the table of tenants: a fleet of thousands has no room on a screen."""


def each(metric: str, of: str = FLEET, also: str = "") -> str:
    """A metric of every tenant, whichever replica exports it."""
    by = f"{IDENTITY}, {also}" if also else IDENTITY
    return f"max by ({by}) ({metric}{{{of}}})"


def summed(metric: str, by: str = "", of: str = OPERATOR) -> str:
    """A metric of the operator over its replicas."""
    return f"sum by ({by}) ({metric}{{{of}}})" if by else f"sum({metric}{{{of}}})"


def hourly(metric: str, by: str = "") -> str:
    """By how much a counter grew within an hour."""
    grown = f"increase({metric}{{{OPERATOR}}}[1h])"
    return f"sum by ({by}) ({grown})" if by else f"sum({grown})"


def rate(metric: str, by: str) -> str:
    """How fast a counter grows, a second."""
    return f"sum by ({by}) (rate({metric}{{{OPERATOR}}}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str) -> str:
    """A quantile of a histogram within an hour."""
    grown = f"sum by (le, {by}) (increase({metric}_bucket{{{OPERATOR}}}[1h]))"
    return f"histogram_quantile({share}, {grown})"


GRADED = [
    *(kind for kind in GRAVEST if kind == "Stalled" or kind in ADVICE),
    *(kind for kind in ADVICE if kind not in GRAVEST),
]
"""Faults and advice, the gravest first."""
NUMBERS = {kind: len(GRADED) - place for place, kind in enumerate(GRADED)}
"""Their numbers, the gravest's the highest."""


def gravest(of: str = FLEET) -> str:
    """The number of the gravest fault or advice of every tenant that has any."""
    parts = [f"baileys_session_stalled{{{of}}} * {NUMBERS['Stalled']}"]
    parts += [
        f'baileys_session_condition{{{of},condition="{kind}"}} * {NUMBERS[kind]}'
        for kind in GRADED
        if kind in ADVICE
    ]
    return f"max by ({IDENTITY}) ({' or '.join(parts)})"


FULLEST = f"topk({WORST}, {each('baileys_session_files_counted')})"


def of_the_fullest(expression: str) -> str:
    """The same tenants' other figures, so that the table's columns have the same rows."""
    return f"{expression} and on ({IDENTITY}) {FULLEST}"
