"""What the dashboard asks of Prometheus. Pure text."""

from __future__ import annotations

UID = "baileys-janitor"
"""The dashboard's id, under which it links to itself."""
IDENTITY = "namespace, tenant, company_id"
FLEET = 'namespace=~"$namespace"'
ONE = 'namespace=~"$namespace",tenant="$tenant"'
OPERATOR = 'job=~"$job"'
WORST = 50
"""Rows of the table of tenants: a fleet of thousands has no room on a screen."""


def each(metric: str, of: str = FLEET, also: str = "") -> str:
    """A metric of every tenant, whichever replica tells of it."""
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


FULLEST = f"topk({WORST}, {each('baileys_session_files_counted')})"


def of_the_fullest(expression: str) -> str:
    """The same tenants' other figures, so that the table's columns have the same rows."""
    return f"{expression} and on ({IDENTITY}) {FULLEST}"
