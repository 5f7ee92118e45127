"""Metrics of the key stores. There are few of them, and each has about twenty series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from baileys_janitor.api.conditions.conditions import find
from baileys_janitor.api.keystores.status import Ages
from baileys_janitor.controller.metrics.scheduling import gauge
from baileys_janitor.job.result import OUTCOMES
from baileys_janitor.metrics.definitions import OTHER, Definition
from baileys_janitor.status.changes import Change, CleanupFinished

if TYPE_CHECKING:
    from baileys_janitor.controller.keystores.reconciler import KeyStoreReconciler

_STORE = ("namespace", "key_store")
AGES = tuple(field.alias or name for name, field in Ages.model_fields.items())
WHY = ("Daily", "Trigger", "Requested")

KEYS = Definition("baileys_janitor_key_store_keys", "gauge", "Keys in the store.", _STORE, None)
EXPIRED = Definition(
    "baileys_janitor_key_store_expired_keys",
    "gauge",
    "Keys that a cleanup would remove now.",
    _STORE,
    None,
)
BY_AGE = Definition(
    "baileys_janitor_key_store_keys_by_age",
    "gauge",
    "Keys by the age of their last write.",
    (*_STORE, "age"),
    None,
)
SESSIONS = Definition(
    "baileys_janitor_key_store_sessions", "gauge", "Sessions with keys in the store.", _STORE, None
)
SIZE = Definition(
    "baileys_janitor_key_store_table_bytes",
    "gauge",
    "Size of the keys' table with its indexes.",
    _STORE,
    None,
)
READY = Definition(
    "baileys_janitor_key_store_ready",
    "gauge",
    "1 while the janitor can observe and act, 0 while it cannot.",
    _STORE,
    None,
)
REMOVABLE = Definition(
    "baileys_janitor_key_store_layout_valid",
    "gauge",
    "1 while table, columns, times and rights are what a cleanup needs; 0: the keys are only counted.",
    _STORE,
    None,
)
LARGE = Definition(
    "baileys_janitor_key_store_large_cleanup",
    "gauge",
    "1 for a day after a cleanup that removed more than spec.warnAbove.",
    _STORE,
    None,
)
SCANNED = Definition(
    "baileys_janitor_key_store_last_scan_timestamp_seconds",
    "gauge",
    "When the keys were last counted.",
    _STORE,
    None,
)
CLEANUPS = Definition(
    "baileys_janitor_key_store_cleanups_total",
    "counter",
    "Cleanups that are over, by why they ran and how they ended.",
    (*_STORE, "reason", "outcome"),
    None,
)
REMOVED = Definition(
    "baileys_janitor_key_store_rows_removed_total",
    "counter",
    "Rows that cleanups removed.",
    _STORE,
    None,
)
GAUGES = (KEYS, EXPIRED, BY_AGE, SESSIONS, SIZE, READY, REMOVABLE, LARGE, SCANNED)
STORE_DEFINITIONS = (*GAUGES, CLEANUPS, REMOVED)
"""All of them, in the order of docs/metrics.md."""


class KeyStoreMetrics(Collector):
    """The metrics of the stores that a reconciler looks after; none while there is no reconciler."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stores: KeyStoreReconciler | None = None
        self._cleanups = _counter(CLEANUPS, registry)
        self._removed = _counter(REMOVED, registry)
        registry.register(self)

    def leads(self, stores: KeyStoreReconciler) -> None:
        """Report the stores of this reconciler from now on."""
        self._stores = stores
        stores.bus.subscribe(self._listen)

    def stands_by(self) -> None:
        """Report no stores any more."""
        self._stores = None

    def _listen(self, change: Change) -> None:
        if not isinstance(change, CleanupFinished):
            return
        store, entry = change.tenant.key, change.entry
        reason, outcome = entry.get("reason"), entry.get("outcome")
        self._cleanups.labels(
            *store,
            reason if reason in WHY else OTHER,
            outcome if outcome in OUTCOMES else OTHER,
        ).inc()
        removed = self._removed.labels(*store)
        if outcome != "DryRun":
            removed.inc(int(entry.get("removed") or 0))

    def collect(self) -> Iterator[Metric]:
        """Yield what is read when Prometheus asks."""
        values: dict[str, dict[tuple[str, ...], float]] = {each.name: {} for each in GAUGES}
        for record in self._stores.cache.records.values() if self._stores is not None else ():
            for of, labels, value in _of_store(record.stored.status):
                values[of.name][(*record.key, *labels)] = value
            if record.scan.last_scan is not None:
                values[SCANNED.name][record.key] = record.scan.last_scan
        for each in GAUGES:
            yield gauge(each, values[each.name])


def _of_store(status: dict[str, Any]) -> Iterator[tuple[Definition, tuple[str, ...], float]]:
    keys, table = status.get("keys") or {}, status.get("table") or {}
    figures = (
        (KEYS, keys.get("total")),
        (EXPIRED, keys.get("expired")),
        (SESSIONS, (status.get("sessions") or {}).get("count")),
        (SIZE, table.get("totalBytes")),
        *(
            (of, _holds(status, kind))
            for of, kind in ((READY, "Ready"), (REMOVABLE, "LayoutValid"), (LARGE, "LargeCleanup"))
        ),
    )
    yield from ((of, (), float(value)) for of, value in figures if value is not None)
    ages = keys.get("ages") or {}
    yield from ((BY_AGE, (age,), float(ages[age])) for age in AGES if age in ages)


def _holds(status: dict[str, Any], kind: str) -> int | None:
    """Return whether a condition holds; None while that is not known. LargeCleanup is not listed before the first."""
    found = find(status.get("conditions"), kind)
    if found is None:
        return 0 if kind == "LargeCleanup" else None
    return None if found["status"] == "Unknown" else int(found["status"] == "True")


def _counter(of: Definition, registry: CollectorRegistry) -> Counter:
    return Counter(of.name, of.help, of.labels, registry=registry)
