"""What metrics, messages, the daily summary and settings say of the backups of key stores."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from baileys_janitor.api.config.config import OperatorConfig
from baileys_janitor.api.config.merge import InvalidTenant
from baileys_janitor.api.keystores.merge import EffectiveKeyStore, effective_store
from baileys_janitor.controller.keystores.record import KeyStoreRecord
from baileys_janitor.controller.metrics.key_stores import KeyStoreMetrics
from baileys_janitor.keystore.job.backup_result import BackedUp, Problem, Tally
from baileys_janitor.notify.incidents import KEY_STORE, Place, states
from baileys_janitor.notify.summary import Day
from tests.backup.sessions import RECIPIENT
from tests.controller.keystores.test_backup_state import NEWEST, NOW, ONE, backups

Object = dict[str, Any]
REPOSITORY = {"name": "moscow", "url": "s3://b/prod", "secretName": "store"}
FLEET = {"recipients": [RECIPIENT], "repositories": [REPOSITORY], "schedule": "0 * * * *"}


def effective(spec: Object | None = None, fleet: Object | None = None) -> EffectiveKeyStore:
    config = OperatorConfig.model_validate({"defaults": {"backup": fleet}} if fleet else {})
    own = {"connection": {"secretName": "db"}, **(spec or {})}
    return effective_store(config, own, "main", "support")


def test_a_store_has_the_settings_of_the_fleet_and_lists_count_as_a_whole() -> None:
    assert effective().backup is None
    assert effective(fleet=FLEET).backup is not None
    eu = {"name": "eu", "url": "s3://eu/prod", "secretName": "eu"}
    found = effective({"backup": {"repositories": [eu], "schedule": "0 0 * * *"}}, FLEET).backup
    assert found is not None
    assert (found.names, found.group.schedule) == (("eu",), "0 0 * * *")
    assert found.group.recipients == (RECIPIENT,)


def test_what_cannot_work_together_is_named_with_its_field() -> None:
    with pytest.raises(InvalidTenant, match=r"spec\.backup\.recipients"):
        effective({"backup": {"repositories": [REPOSITORY]}})
    blobs = {"keys": {"preset": "SessionBlob"}, "mode": "Observe"}
    with pytest.raises(InvalidTenant, match="SessionBlob"):
        effective({**blobs, "backup": {"repositories": [REPOSITORY]}})


def test_a_store_of_whole_sessions_is_left_out_of_the_fleets_backups() -> None:
    blobs = {"keys": {"preset": "SessionBlob"}, "mode": "Observe"}
    assert effective(blobs, FLEET).backup is None


def failing() -> KeyStoreRecord:
    """The record of a store, of one of whose 2,000 sessions nothing could be put."""
    record = KeyStoreRecord("support", "main", "uid")
    record.backup = backups()
    tally = Tally(put=1999, held=1999, archives=4000, bytes=7, newest=NEWEST, failed=1)
    tally.problems["CredentialsCorrupt"] = Problem(1, "It does not parse.")
    found = BackedUp(
        time=int(NOW), sessions=2000, done=2000, failing=1, ms=9000, repositories=[tally]
    )
    record.backup.take(ONE, found, NOW)
    said = {"type": "BackedUp", "status": "False", "reason": "CredentialsCorrupt", "message": ""}
    since = {"lastTransitionTime": "2026-11-28T00:00:00Z", "observedGeneration": 1}
    record.stored.take({"backup": record.backup.stored(), "conditions": [said | since]})
    return record


def test_metrics_count_sessions_and_name_the_reason() -> None:
    registry = CollectorRegistry()
    metrics = KeyStoreMetrics(registry)
    record = failing()

    cache = SimpleNamespace(records={record.key: record})
    metrics._stores = SimpleNamespace(cache=cache)  # type: ignore[assignment]
    name = "baileys_janitor_key_store_backup"
    labels = {"namespace": "support", "key_store": "main"}

    def value(of: str, **more: str) -> float | None:
        return registry.get_sample_value(f"{name}_{of}", labels | more)

    assert value("sessions", state="backedUp") == 1999
    assert value("sessions", state="failing") == 1
    assert value("problem", reason="CredentialsCorrupt") == 1
    assert value("failed", repository="moscow") == 1
    assert value("archives", repository="moscow") == 4000
    assert value("last_success_timestamp_seconds", repository="moscow") == NOW - 60


def test_a_failing_backup_is_an_incident_of_the_store() -> None:
    found = [each.kind for each in states(failing().stored.status, KEY_STORE) if each.kind]
    assert [kind.name for kind in found] == ["BackupFailing"]


def test_the_summary_counts_the_sessions_of_stores() -> None:
    day = Day(NOW - 86_400)
    day.add_store(Place("support", "main", kind=KEY_STORE), failing().stored.status, [])
    assert (day.backups.sessions, day.backups.backedUp) == (2000, 1999)
    assert day.backups.archives == 4000
