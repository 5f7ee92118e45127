"""Metrics of the sets of tenants. There are few of them: each has about ten series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.api.tenant_sets.status import Preview
from baileys_janitor.controller.metrics.scheduling import gauge
from baileys_janitor.metrics.definitions import OTHER, REASONS, Definition

if TYPE_CHECKING:
    from baileys_janitor.controller.tenant_sets.reconciler import SetReconciler

_SET = ("namespace", "tenant_set")
STATES = tuple(field.alias or name for name, field in Preview.model_fields.items())
LIMITED: Final = "LimitReached"
PROBLEMS: Final = REASONS | {LIMITED, "Forbidden", "ApiError", "TooManyDirectories"}
"""Reasons that the metric distinguishes; a Job can return any word, and all other words count as one."""

SESSIONS = Definition(
    "baileys_janitor_tenant_set_sessions",
    "gauge",
    "What the last look found and what becomes of it, as status.preview says: found, tenants, elsewhere, new, waiting, "
    "deletedByHand, gone, unusable.",
    (*_SET, "state"),
    None,
)
PROBLEM = Definition(
    "baileys_janitor_tenant_set_problem",
    "gauge",
    "1 for the reason why what is there has no tenant yet: that of the condition Ready while it is False, or "
    "LimitReached. None while there is none.",
    (*_SET, "reason"),
    None,
)
LOOKED = Definition(
    "baileys_janitor_tenant_set_last_look_timestamp_seconds",
    "gauge",
    "When it was last looked for new ones.",
    _SET,
    None,
)
SET_DEFINITIONS = (SESSIONS, PROBLEM, LOOKED)
"""All of them, in the order of docs/metrics.md."""


class SetMetrics(Collector):
    """The metrics of the sets that a reconciler manages; none while there is no reconciler."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sets: SetReconciler | None = None
        registry.register(self)

    def leads(self, sets: SetReconciler) -> None:
        """Report the sets of this reconciler from now on."""
        self._sets = sets

    def stands_by(self) -> None:
        """Report no sets from now on."""
        self._sets = None

    def collect(self) -> Iterator[Metric]:
        """Yield the values read at a scrape."""
        values: dict[str, dict[tuple[str, ...], float]] = {
            each.name: {} for each in SET_DEFINITIONS
        }
        for record in self._sets.cache.records.values() if self._sets is not None else ():
            status = record.stored.status
            preview = status.get("preview") or {}
            for state in STATES:
                if state in preview:
                    values[SESSIONS.name][(*record.key, state)] = float(preview[state])
            for reason in _problems(status):
                values[PROBLEM.name][(*record.key, reason)] = 1.0
            if record.look.last is not None:
                values[LOOKED.name][record.key] = record.look.last
        for each in SET_DEFINITIONS:
            yield gauge(each, values[each.name])


def _problems(status: dict[str, Any]) -> Iterator[str]:
    conditions = status.get("conditions")
    ready, limited = find(conditions, "Ready") or {}, find(conditions, LIMITED) or {}
    if ready.get("status") == "False":
        reason = str(ready.get("reason") or OTHER)
        yield reason if reason in PROBLEMS else OTHER
    elif limited.get("status") == "True":
        yield LIMITED
