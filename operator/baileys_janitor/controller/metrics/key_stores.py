"""Metrics of the key stores. There are few of them: each has about twenty series, and ten a repository."""

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
from baileys_janitor.tenants.backup_state import Tries

if TYPE_CHECKING:
    from baileys_janitor.controller.keystores.reconciler import KeyStoreReconciler
    from baileys_janitor.controller.keystores.record import KeyStoreRecord

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
_OF_BACKUP = "baileys_janitor_key_store_backup"
_REPOSITORY = (*_STORE, "repository")
BACKUP_SESSIONS = Definition(
    f"{_OF_BACKUP}_sessions",
    "gauge",
    "Sessions by how the last backup of all of them went: backedUp, nothingToDo (not paired) or failing.",
    (*_STORE, "state"),
    None,
)
BACKUP_PROBLEM = Definition(
    f"{_OF_BACKUP}_problem",
    "gauge",
    "1 for the reason why the condition BackedUp or Restorable is False; none while neither is.",
    (*_STORE, "reason"),
    None,
)
BACKED_UP_AT = Definition(
    f"{_OF_BACKUP}_last_success_timestamp_seconds",
    "gauge",
    "As of when all sessions were last backed up to each repository.",
    _REPOSITORY,
    None,
)
BACKUP_FAILED = Definition(
    f"{_OF_BACKUP}_failed",
    "gauge",
    "1 if something of the last backup to the repository failed, else 0; none before the first one.",
    _REPOSITORY,
    None,
)
BACKUP_ARCHIVES = Definition(
    f"{_OF_BACKUP}_archives",
    "gauge",
    "Archives of all sessions in each repository, where the credentials may list them.",
    _REPOSITORY,
    None,
)
BACKUP_BYTES = Definition(
    f"{_OF_BACKUP}_bytes",
    "gauge",
    "Size of the newest archives of all sessions in each repository.",
    _REPOSITORY,
    None,
)
BACKUP_TOOK = Definition(
    f"{_OF_BACKUP}_duration_seconds",
    "gauge",
    "How long the last backup of all sessions that succeeded took.",
    _REPOSITORY,
    None,
)
DRILLED_AT = Definition(
    f"{_OF_BACKUP}_drill_last_success_timestamp_seconds",
    "gauge",
    "When archives of each repository were last restored in a drill.",
    _REPOSITORY,
    None,
)
DRILL_FAILED = Definition(
    f"{_OF_BACKUP}_drill_failed",
    "gauge",
    "1 if the last drill from the repository failed, else 0; none before the first one.",
    _REPOSITORY,
    None,
)
DRILL_TOOK = Definition(
    f"{_OF_BACKUP}_drill_duration_seconds",
    "gauge",
    "How long all sessions would take at the pace of those of the last drill that passed.",
    _REPOSITORY,
    None,
)
OF_BACKUPS = (
    *(BACKUP_SESSIONS, BACKUP_PROBLEM, BACKED_UP_AT, BACKUP_FAILED, BACKUP_ARCHIVES),
    *(BACKUP_BYTES, BACKUP_TOOK, DRILLED_AT, DRILL_FAILED, DRILL_TOOK),
)
STATES = ("backedUp", "nothingToDo", "failing")
GAUGES = (KEYS, EXPIRED, BY_AGE, SESSIONS, SIZE, READY, REMOVABLE, LARGE, SCANNED, *OF_BACKUPS)
STORE_DEFINITIONS = (*GAUGES, CLEANUPS, REMOVED)
"""All of them, in the order of docs/metrics.md."""


class KeyStoreMetrics(Collector):
    """The metrics of the stores that a reconciler manages; none while there is no reconciler."""

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
        """Report no stores from now on."""
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
        """Yield the values read at a scrape."""
        values: dict[str, dict[tuple[str, ...], float]] = {each.name: {} for each in GAUGES}
        for record in self._stores.cache.records.values() if self._stores is not None else ():
            for of, labels, value in _of_store(record.stored.status):
                values[of.name][(*record.key, *labels)] = value
            if record.scan.last_scan is not None:
                values[SCANNED.name][record.key] = record.scan.last_scan
            for of, labels, value in _of_backups(record):
                values[of.name][(*record.key, *labels)] = value
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


def _of_backups(
    record: KeyStoreRecord,
) -> Iterator[tuple[Definition, tuple[str, ...], float]]:
    backup = record.backup
    for _type, reason in record.stored.failing:
        yield BACKUP_PROBLEM, (reason,), 1.0
    for state in STATES if backup.sessions else ():
        yield BACKUP_SESSIONS, (state,), float(backup.sessions.get(state, 0))
    for name, each in backup.repositories.items():
        newest, drill = each.newest, each.drill
        figures = (
            (BACKED_UP_AT, each.done_at),
            (BACKUP_FAILED, _failed(each)),
            (BACKUP_ARCHIVES, None if newest is None else newest.archives),
            (BACKUP_BYTES, None if newest is None else newest.bytes),
            (BACKUP_TOOK, each.seconds),
            (DRILLED_AT, drill.done_at),
            (DRILL_FAILED, _failed(drill)),
            (DRILL_TOOK, drill.seconds),
        )
        yield from ((of, (name,), float(value)) for of, value in figures if value is not None)


def _failed(tries: Tries) -> int | None:
    return None if tries.tried_at is None else int(tries.failures > 0)


def _holds(status: dict[str, Any], kind: str) -> int | None:
    """Return whether a condition holds; None while unknown. LargeCleanup is not listed before the first one."""
    found = find(status.get("conditions"), kind)
    if found is None:
        return 0 if kind == "LargeCleanup" else None
    return None if found["status"] == "Unknown" else int(found["status"] == "True")


def _counter(of: Definition, registry: CollectorRegistry) -> Counter:
    return Counter(of.name, of.help, of.labels, registry=registry)
